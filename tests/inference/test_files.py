"""Which files a folder or pattern means, and that nothing that is read is overwritten."""

import numpy as np
import pytest
from pair_files import save_pairs
from PIL import Image

from img2img.cli import main
from img2img.fields.files import read_image


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def translate(run, *arguments):
    return main(["translate", *map(str, arguments), "--run", str(run), "--device", "cpu"])


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["ds/val_label/a.png", "--out", "ds/val_inst"], "is one of the inputs"),
        (["ds/val_label/a.png", "--out", "ds/val_img"], "is the real picture of an input"),
        (["ds/val_label", "--out", "ds/val_img"], "is the real picture of an input"),
        (["ds/val_label/a.png", "--out", "ds/val_img/a.png"], "is the real picture of an input"),
        (["ds/val_label/a.png", "--instances", "b.png", "--out", "b.png"], "one of the inputs"),
        (
            ["ds/val_label/a.png", "--sheet", "ds/val_img/a.png"],
            "choose another place with --sheet",
        ),
        (["ds/val_label/a.png", "--sheet", "translated/a.png"], "is one of the results"),
    ],
)
def test_partners_are_never_overwritten(plain_run, inside, capsys, arguments, expected):
    save_pairs(inside / "ds", ["a", "b"])
    (inside / "b.png").write_bytes((inside / "ds/val_inst/a.png").read_bytes())
    before = contents(inside)
    assert translate(plain_run, *arguments) == 2
    assert expected in capsys.readouterr().err
    assert contents(inside) == before


def test_patterns_keep_what_follows_their_fixed_folders(plain_run, inside):
    for city in ("ulm", "bonn"):
        save_pairs(inside / "maps" / city, ["b"])
    assert translate(plain_run, "maps/**/val_label/b.png") == 0
    assert files(inside / "translated") == {"ulm/val_label/b.png", "bonn/val_label/b.png"}
    assert translate(plain_run, inside / "maps/ulm/val_label/?.png", "--out", "one") == 0
    assert files(inside / "one") == {"b.png"}


def test_results_are_no_inputs_of_the_second_run(plain_run, inside, monkeypatch, capsys):
    save_pairs(inside, ["a"])
    (inside / "maps").mkdir()
    (inside / "val_label/a.png").rename(inside / "maps/a.png")
    for out in ("maps/out", "maps/deeper/out"):
        for item in ("maps", "maps/**/*.png"):
            for _ in range(2):
                assert translate(plain_run, item, "--out", out) == 0
                assert "1 in, 1 out" in capsys.readouterr().out
                assert files(inside / out) == {"a.png"}
            (inside / out / "a.png").unlink()
    monkeypatch.chdir(inside / "maps")
    for _ in range(2):
        assert translate(plain_run, ".") == 0
    assert files(inside / "maps") == {"a.png", "translated/a.png"}


def test_inputs_may_lie_in_the_output_folder(plain_run, inside):
    save_pairs(inside / "ds", ["a"])
    assert translate(plain_run, "ds/val_label", "--out", "ds") == 0
    assert (inside / "ds/a.png").is_file()


def test_a_data_folder_gives_its_labels_alone(plain_run, inside, capsys):
    for root in ("ds", "my_label/ds"):  # a folder above that looks like one of labels
        save_pairs(inside / root, ["a", "north/b"])
        assert translate(plain_run, root, "--out", f"{root}_out") == 0
        assert "2 in, 2 out" in capsys.readouterr().out
        assert files(inside / f"{root}_out") == {"val_label/a.png", "val_label/north/b.png"}
    assert translate(plain_run, "ds/val_label", "--out", "within") == 0
    assert files(inside / "within") == {"a.png", "north/b.png"}
    for name in files(inside / "within"):
        found = read_image(inside / "within" / name)
        np.testing.assert_array_equal(found, read_image(inside / "ds_out/val_label" / name))


def test_side_by_side_files_are_pointed_out(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs").mkdir()
    for i in range(3):
        Image.new("RGB", (64, 32), (40 * i, 90, 0)).save(tmp_path / "pairs" / f"{i}.png")
    tiny = ["model.width=4", "model.d_width=4", "model.patch=16", "training.workers=0"]
    arguments = ["--model", "pix2pix", "--data", "pairs", "--run", "a", "--max-steps", "1"]
    assert main(["train", *arguments, "--device", "cpu", *tiny]) == 0
    capsys.readouterr()
    assert main(["translate", "pairs", "--run", "a", "--device", "cpu"]) == 0
    assert "--side-by-side takes" in capsys.readouterr().err
    assert main(["translate", "pairs", "--run", "a", "--device", "cpu", "--side-by-side"]) == 0
    assert "--side-by-side takes" not in capsys.readouterr().err
    assert Image.open(tmp_path / "translated" / "0.png").size == (32, 32)
