"""Translating through the command line and the library: any size in, the same size out."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import img2img
from img2img.cli import main
from img2img.data.scenes import VAL_OFFSET, draw_scene
from img2img.errors import DataError
from img2img.fields.files import read_image
from img2img.inference.styles.looks import StyleOverrides, picture_seed


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save_scene(folder, name="a", height=32, width=48, instances=True, photo=True):
    """A scene on disk as datasets/make_scenes.py lays it out; returns the label's path."""
    scene = draw_scene(VAL_OFFSET + 3, height=height, width=width)
    for part, array, suffix, wanted in (
        ("val_label", scene.label, "labelIds", True),
        ("val_inst", scene.instance.astype(np.uint16), "instanceIds", instances),
        ("val_img", scene.image, "img", photo),
    ):
        if wanted:
            (folder / part).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(folder / part / f"{name}_{suffix}.png")
    return folder / "val_label" / f"{name}_labelIds.png"


def translate(run, *arguments):
    return main(["translate", *map(str, arguments), "--run", str(run), "--device", "cpu"])


@pytest.mark.parametrize("name", ["pix2pix", "pix2pixHD", "enhancer"])
@pytest.mark.parametrize("size", [(1, 1), (1, 50), (33, 47), (64, 32), (7, 7)])
def test_output_size_is_input_size(tiny_runs, name, size):
    translator = img2img.load(str(tiny_runs[name]), device="cpu")
    label = np.random.default_rng(0).integers(0, 5, size, dtype=np.uint8)
    picture = translator.translate(label)
    assert picture.shape == (*size, 3) and picture.dtype == np.uint8


@pytest.mark.parametrize("name", ["pix2pix", "pix2pixHD", "enhancer"])
def test_a_batch_equals_its_singles(tiny_runs, name):
    model = img2img.load(str(tiny_runs[name]), device="cpu").model
    scenes = [draw_scene(i, height=40, width=56) for i in range(3)]
    batch = {
        "label": torch.from_numpy(np.stack([s.label for s in scenes])[:, None].astype(np.int64)),
        "instance": torch.from_numpy(
            np.stack([s.instance for s in scenes])[:, None].astype(np.int64)
        ),
    }
    with torch.no_grad():
        together = model.translate(batch)
        singles = [model.translate({k: v[i : i + 1] for k, v in batch.items()}) for i in range(3)]
    assert (together - torch.cat(singles)).abs().max() < 2 / 255


def test_no_flags_newest_run_and_partner_found(tiny_runs, inside, capsys, monkeypatch):
    label = save_scene(inside)
    assert translate(tiny_runs["pix2pixHD"], label) == 0
    out = capsys.readouterr()
    assert "1 in, 1 out: translated/a_labelIds.png" in out.out
    assert "warning" not in out.err
    with_instances = read_image(inside / "translated" / "a_labelIds.png")
    assert with_instances.shape == (32, 48, 3)
    (inside / "val_inst" / "a_instanceIds.png").rename(inside / "moved.png")
    assert translate(tiny_runs["pix2pixHD"], label, "--out", "without.png") == 0
    assert "1 of 1 had no instance map" in capsys.readouterr().err
    without = read_image(inside / "without.png")
    assert not np.array_equal(with_instances, without)
    assert translate(tiny_runs["pix2pixHD"], label, "--strict-inputs") == 2
    assert "--instances" in capsys.readouterr().err
    named = ("--instances", inside / "moved.png", "--out", "named.png")
    assert translate(tiny_runs["pix2pixHD"], label, *named) == 0
    assert np.array_equal(read_image(inside / "named.png"), with_instances)
    monkeypatch.chdir(tiny_runs["pix2pixHD"].parent)  # no runs/ here: nothing to find
    assert main(["translate", str(label)]) == 2
    assert "no run with a checkpoint" in capsys.readouterr().err


def test_folders_keep_names_and_subfolders(tiny_runs, inside, capsys):
    for city in ("ulm", "köln am rhein"):
        save_scene(inside / "maps" / city, "x")
    assert translate(tiny_runs["pix2pixHD"], "maps", "--out", "out", "--sheet", "sheet.png") == 0
    names = {p.relative_to(inside / "out").as_posix() for p in (inside / "out").rglob("*.png")}
    assert names == {f"{c}/val_label/x_labelIds.png" for c in ("ulm", "köln am rhein")}
    assert "2 in, 2 out" in capsys.readouterr().out
    assert read_image(inside / "sheet.png").shape[2] == 3
    files = sorted((inside / "maps").rglob("x_labelIds.png"))
    assert translate(tiny_runs["pix2pixHD"], *files) == 2
    assert "would both become" in capsys.readouterr().err


def test_a_row_is_made_for_the_first_pictures_of_a_sheet_alone(tiny_runs, inside, monkeypatch):
    from img2img.inference import jobs
    from img2img.inference.translator import Translator

    rows, sheets = [], []
    visuals = Translator.visuals
    monkeypatch.setattr(Translator, "visuals", lambda *a: rows.append(1) or visuals(*a))
    monkeypatch.setattr(jobs, "SHEET_ROWS", 2)
    monkeypatch.setattr(jobs, "write_sheet", lambda path, rows, names: sheets.append(names))
    for name in "abc":
        save_scene(inside / "maps", name)
    assert translate(tiny_runs["pix2pixHD"], "maps") == 0
    assert not rows
    assert translate(tiny_runs["pix2pixHD"], "maps", "--sheet", "sheet.png") == 0
    assert len(rows) == 2 and sheets == [["a_labelIds.png", "b_labelIds.png"]]


def test_a_run_may_be_a_path(tiny_runs):
    assert img2img.load(tiny_runs["pix2pix"], device="cpu").spec.inputs[0].name == "label"


def test_an_input_is_never_overwritten(tiny_runs, inside, capsys):
    label = save_scene(inside)
    before = label.read_bytes()
    assert translate(tiny_runs["pix2pixHD"], label, "--out", label.parent) == 2
    assert translate(tiny_runs["pix2pixHD"], label, "--out", label) == 2
    assert "is one of the inputs" in capsys.readouterr().err
    assert label.read_bytes() == before


def test_damaged_inputs_do_not_stop_the_others(tiny_runs, inside, capsys):
    good = save_scene(inside)
    broken = inside / "broken.png"
    broken.write_bytes(good.read_bytes()[:60])
    outside = inside / "outside.png"
    Image.fromarray(np.full((8, 8), 200, np.uint8)).save(outside)
    assert translate(tiny_runs["pix2pixHD"], broken, good, outside) == 2
    captured = capsys.readouterr()
    assert "3 in, 1 out" in captured.out
    assert "broken.png" in captured.err and "label ids 200" in captured.err
    assert "Traceback" not in captured.err
    assert {p.name for p in (inside / "translated").iterdir()} == {"a_labelIds.png"}


def test_missing_things_are_named(tiny_runs, inside, capsys):
    run = tiny_runs["pix2pix"]
    for arguments, expected in (
        (["nothing.png"], "there is no such file"),
        (["."], "no pictures in this folder"),
        ([save_scene(inside), "--checkpoint", "777"], "no checkpoint of step 777"),
        ([save_scene(inside), "--device", "abacus"], "not available"),
        ([save_scene(inside), "--device", "cpu:foo"], "not available"),
        ([save_scene(inside), "--device", "cuda:9"], "not available"),
        ([save_scene(inside), "--instances", "gone.png"], "there is no such file"),
        ([save_scene(inside), "--out", save_scene(inside) / "x"], "cannot be made"),
    ):
        (inside / "empty").mkdir(exist_ok=True)
        target = ["empty" if a == "." else a for a in arguments]
        assert main(["translate", *map(str, target), "--run", str(run)]) == 2
        assert expected in capsys.readouterr().err


def test_stochastic_is_seeded_noise(tiny_runs, inside):
    run = tiny_runs["pix2pix"]
    translator = img2img.load(str(run), device="cpu")
    label = draw_scene(1, height=64, width=64).label
    plain = translator.translate(label)
    assert np.array_equal(plain, translator.translate(label))
    first = translator.translate(label, stochastic=True, seed=1)
    assert np.array_equal(first, translator.translate(label, stochastic=True, seed=1))
    assert not np.array_equal(first, translator.translate(label, stochastic=True, seed=2))
    assert np.array_equal(plain, translator.translate(label))


def test_library_explains_wrong_arrays(tiny_runs):
    translator = img2img.load(str(tiny_runs["pix2pixHD"]), device="cpu")
    with pytest.raises(DataError, match=r"values such as .* are no ids"):
        translator.translate(np.full((4, 4), 0.5, np.float32))
    with pytest.raises(DataError, match="outside the"):
        translator.translate(np.full((4, 4), 77, np.uint8))
    with pytest.raises(DataError, match="differ in size"):
        translator.translate({"label": np.zeros((4, 4), int), "instance": np.zeros((5, 4), int)})
    with pytest.raises(DataError, match="'label'"):
        translator.translate({"instance": np.zeros((4, 4), int)})


def test_colour_coded_labels_are_read_by_the_palette(tiny_runs):
    translator = img2img.load(str(tiny_runs["pix2pixHD"]), device="cpu")
    label = draw_scene(2, height=32, width=32).label
    colours = np.array(translator.spec.inputs[0].palette, np.uint8)[label]
    assert np.array_equal(translator.translate(colours), translator.translate(label))


def train_on(folder, *settings):
    arguments = ["--model", "pix2pix", "--data", str(folder), "--run", "deep", "--max-steps", "1"]
    tiny = ["model.width=4", "model.d_width=4", "model.patch=16", "training.workers=0"]
    return main(["train", *arguments, "--device", "cpu", *tiny, *settings])


def test_sixteen_bit_grey_in_and_out(inside):
    rng = np.random.default_rng(0)
    for part in "AB":
        (inside / "data" / part).mkdir(parents=True)
        for i in range(3):
            array = rng.integers(0, 60000, (32, 32), dtype=np.uint16)
            Image.fromarray(array).save(inside / "data" / part / f"{i}.png")
    assert train_on(inside / "data") == 0
    assert main(["translate", "data/A/0.png", "--device", "cpu"]) == 0
    result = read_image(inside / "translated" / "0.png")
    assert result.dtype == np.uint16 and result.shape == (32, 32, 1)


def test_many_channels_and_float_range(inside):
    rng = np.random.default_rng(0)
    for part, channels in (("A", 6), ("B", 1)):
        (inside / "data" / part).mkdir(parents=True)
        for i in range(2):
            array = rng.normal(100, 20, (32, 32, channels)).astype(np.float32)
            np.save(inside / "data" / part / f"{i}.npy", array)
    assert train_on(inside / "data", "data.flip=false") == 0
    assert main(["translate", "data/A/1.npy", "--device", "cpu"]) == 0
    result = read_image(inside / "translated" / "1.tif")
    assert result.dtype == np.float32 and result.shape == (32, 32, 1)
    assert 0 < result.mean() < 250  # in the target's own range, not in [-1, 1]


def test_trained_smaller_translates_at_full_size(inside):
    for part in "AB":
        (inside / "data" / part).mkdir(parents=True)
        for i in range(2):
            array = np.random.default_rng(i).integers(0, 255, (60, 90, 3), dtype=np.uint8)
            Image.fromarray(array).save(inside / "data" / part / f"{i}.png")
    assert train_on(inside / "data", "data.resize_width=45") == 0
    assert main(["translate", "data/A/1.png", "--device", "cpu"]) == 0
    assert read_image(inside / "translated" / "1.png").shape == (60, 90, 3)


def test_renumbered_labels_are_translated_as_stored(inside, capsys):
    """Masks of 0, 128 and 255 (data.remap): from a file and as an array, the same picture."""
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        for folder in ("images", "labels"):
            (inside / "ds" / folder).mkdir(parents=True, exist_ok=True)
        mask = rng.choice(np.uint8([0, 128, 255]), (32, 32))
        Image.fromarray(mask).save(inside / "ds" / "labels" / f"{name}.png")
        photo = rng.integers(0, 255, (32, 32, 3), np.uint8)
        Image.fromarray(photo).save(inside / "ds" / "images" / f"{name}.png")
    settings = ["model.features=true", "data.derive_instances=true", "data.remap=true"]
    settings += ["model.width=4", "model.n_down=1", "model.n_blocks=1", "model.d_width=4"]
    settings += ["model.num_D=1", "model.weights.perceptual=0", "training.workers=0"]
    arguments = ["--model", "pix2pixHD", "--data", "ds", "--run", "./run", "--device", "cpu"]
    assert main(["train", *arguments, "--max-steps", "1", *settings]) == 0
    assert main(["cluster-styles", "--run", "./run", "--k", "2"]) == 0
    out = ["--out", "x.png", "--sheet", "sheet.png"]
    assert translate("./run", "ds/labels/a.png", "--style", "random", *out) == 0
    translator = img2img.load("./run", device="cpu")
    mask = read_image("ds/labels/a.png")[..., 0]
    look = translator.look(mask, StyleOverrides(random=True), seed=picture_seed(0, "a.png"))
    assert np.array_equal(translator.translate(mask, look=look), read_image("x.png"))


def test_translating_loads_no_library_that_it_does_not_need(plain_run):
    """Each of them takes between a tenth of a second and two."""
    code = (
        "import sys\n"
        "from img2img.cli import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "unneeded = {'torchvision', 'accelerate', 'albumentations', 'scipy', 'sklearn', 'pandas', "
        "'torchmetrics', 'torch_fidelity', 'lpips', 'kornia', 'tensorboard', 'sympy', 'tifffile', "
        "'torch._dynamo', 'torch._inductor'}\n"
        "assert not unneeded & set(sys.modules), unneeded & set(sys.modules)\n"
    )
    root = plain_run.parent
    arguments = [root / "ds" / "train_label" / "a.png", "--run", plain_run, "--out", root / "o.png"]
    command = [sys.executable, "-c", code, "translate", *map(str, arguments), "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (root / "o.png").is_file()


def test_bf16_translates_alike_but_not_the_same(tiny_runs, capsys, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    label = save_scene(Path("scene"))
    run = tiny_runs["pix2pixHD"]
    assert translate(run, label, "--out", "full.png") == 0
    assert "emulates" not in capsys.readouterr().err
    assert translate(run, label, "--out", "half.png", "--precision", "bf16") == 0
    assert "emulates" in capsys.readouterr().err
    full, half = (read_image(Path(f"{name}.png")).astype(int) for name in ("full", "half"))
    assert 0 < abs(full - half).max() < 20
    assert translate(run, label, "--precision", "fp16") == 2
    assert "fp16 needs a CUDA GPU" in capsys.readouterr().err


@pytest.mark.slow
def test_compiled_translations_are_the_same(tiny_runs, capsys, monkeypatch):
    monkeypatch.setattr("img2img.networks.compiling.BACKEND", "aot_eager")
    labels = [save_scene(Path("scene"), name, height) for name, height in (("a", 32), ("b", 48))]
    run = tiny_runs["styled"]
    assert translate(run, *labels, "--out", "plain") == 0
    torch._dynamo.utils.counters.clear()
    assert translate(run, *labels, "--out", "fast", "--compile") == 0
    assert capsys.readouterr().err.count("compiled when") == 1
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] >= 2
    for path in Path("plain").iterdir():
        plain, fast = (read_image(Path(folder, path.name)) for folder in ("plain", "fast"))
        assert abs(plain.astype(int) - fast).max() <= 1
    assert len(list(Path("fast").iterdir())) == 2
    torch._dynamo.reset()
