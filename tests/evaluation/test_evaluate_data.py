"""Evaluations of runs on data of all kinds: ignored classes, deep pictures, styles, other places."""

import contextlib
import io
import json
import shutil

import numpy as np
import pytest
from tiny_settings import SETTINGS

from img2img.cli import main
from img2img.data.scenes import draw_scene
from img2img.fields.files import read_image, write_image

TINY = [setting for setting in SETTINGS if "scene" not in setting]


def evaluate(run, out, *options):
    arguments = ["--run", str(run), "--out", str(out), "--device", "cpu", *options]
    code = main(["evaluate", *arguments])
    return code, json.loads((out / "evaluation.json").read_text(encoding="utf-8"))


def train(root, *settings):
    arguments = ["--model", "pix2pixHD", "--data", str(root / "data"), "--run", str(root / "run")]
    assert main(["train", *arguments, "--max-steps", "1", *TINY, *settings]) == 0
    return root / "run"


def put_scenes(root, split, numbers, change=lambda label: label):
    for number in numbers:
        scene = draw_scene(number, height=32, width=48)
        parts = {"label": change(scene.label.copy()), "img": scene.image}
        for part, array in parts.items():
            path = root / f"data/{split}_{part}/{number:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, array)


@pytest.fixture(scope="module")
def ignoring(tmp_path_factory):
    """A run on labels whose upper half is of no class; of one held-out picture, everything."""
    root = tmp_path_factory.mktemp("ignoring")

    def ignore(label):
        label[:16] = 255
        return label

    put_scenes(root, "train", range(3), ignore)
    put_scenes(root, "val", range(3, 6), ignore)
    put_scenes(root, "val", [6], lambda label: np.full_like(label, 255))
    return train(root, "data.ignore_id=255", "data.num_classes=10")


def test_ignored_pixels_do_not_count(ignoring, tmp_path):
    code, found = evaluate(ignoring, tmp_path, "--segmenter", "train", "--segmenter-steps", "3")
    assert code == 0 and list(found["images"]) == ["03", "04", "05"]
    for name, own in found["images"].items():
        real = draw_scene(int(name), height=32, width=48).image.astype(np.float64)
        fake = read_image(tmp_path / f"translated/{name}.png")
        error = np.abs(fake - real)[16:] / 127.5
        assert own["l1"] == pytest.approx(error.mean(), rel=1e-5)
    lines = (tmp_path / "segmentation.csv").read_text().splitlines()[1:]
    assert sum(int(line.split(",")[3]) for line in lines) == 3 * 16 * 48
    assert "1 picture of nothing else" in found["protocol"]["ignored"]


def test_moved_data(ignoring, tmp_path, capsys):
    """The held-out pairs of the same data in another place; a validation split alone; all pairs."""
    (tmp_path / "gone").mkdir()
    shutil.copytree(ignoring.parent, tmp_path / "moved")
    shutil.copytree(ignoring, tmp_path / "run")
    config = tmp_path / "moved/data"
    code, found = evaluate(tmp_path / "run", tmp_path / "out", "--data", str(config))
    assert code == 0 and list(found["images"]) == ["03", "04", "05"]
    assert found["protocol"]["pairs"] == "split 'val'"
    for part in ("label", "img"):
        shutil.rmtree(config / f"train_{part}")
    code, found = evaluate(tmp_path / "run", tmp_path / "out", "--data", str(config))
    assert code == 0 and list(found["images"]) == ["03", "04", "05"]
    assert found["protocol"]["pairs"].startswith("all pairs")
    arguments = ["--run", str(tmp_path / "run"), "--data", str(config), "--segmenter", "train"]
    capsys.readouterr()
    assert main(["evaluate", *arguments, "--out", str(tmp_path / "none")]) == 2
    assert "no training pairs are left" in capsys.readouterr().err


def test_what_was_trained_on_is_not_scored_because_its_folder_is_named(tmp_path):
    put_scenes(tmp_path, "train", range(6))
    run = train(tmp_path, "data.val_fraction=0.3")
    code, found = evaluate(run, tmp_path / "out", "--data", str(tmp_path / "data"))
    assert code == 0 and list(found["images"]) == ["04", "05"]


def test_deep_pictures_of_one_channel(tmp_path):
    """16 bits, of which the data use 12: a run on their own range is scored in it."""
    rng = np.random.default_rng(0)
    for number in range(5):
        for part in "AB":
            path = tmp_path / f"data/{part}/{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            array = rng.integers(0, 4096, (16, 16)).astype(np.uint16)
            array[0, :2] = 0, 4095
            write_image(path, array)
    run = train(tmp_path, "data.range=auto", "data.val_fraction=0.4", "model.num_D=1")
    code, found = evaluate(run, tmp_path / "out")
    assert code == 0 and found["protocol"]["real pictures"] == {"uint16, 1 channel": 2}
    for name, own in found["images"].items():
        fake, real = (
            read_image(path).astype(np.float64)
            for path in (tmp_path / f"out/translated/{name}.png", tmp_path / f"data/B/{name}.png")
        )
        assert own["l1"] == pytest.approx(np.abs(fake - real).mean() / 4095 * 2, rel=1e-4)
    assert "0 and 4095 (uint16)" in found["protocol"]["values"]


def test_values_beyond_what_was_trained_on(tmp_path, capsys):
    """Networks see inputs clipped to the range 0..1, which is told; targets are scored as they are."""
    ramp = np.linspace(0, 1, 32 * 32, dtype=np.float32).reshape(32, 32)
    for split, factors in (("train", (1, 1)), ("val", (1, 3))):
        for number, factor in enumerate(factors):
            for part in "AB":
                path = tmp_path / f"data/{split}/{part}/{number}.tif"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_image(path, ramp[..., None] * factor)
    run = train(tmp_path, "model.num_D=1")
    code, found = evaluate(run, tmp_path / "out")
    assert code == 0
    for name, factor in (("0", 1), ("1", 3)):
        fake = read_image(tmp_path / f"out/translated/{name}.tif")[..., 0]
        l1 = np.abs(fake - ramp * factor).mean() * 2
        assert found["images"][name]["l1"] == pytest.approx(l1, rel=1e-4)
    said = capsys.readouterr().out
    assert "beyond them in 1 real picture," in said
    assert "inputs: of 1 pair clipped to the run's range" in said


def test_pictures_with_transparency(tmp_path, capsys):
    """A run of RGBA pictures is scored in all four channels, as its validation is."""
    rng = np.random.default_rng(0)
    for part in "AB":
        for number in range(4):
            path = tmp_path / f"data/{part}/{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, rng.integers(0, 256, (16, 16, 4)).astype(np.uint8))
    run = train(tmp_path, "data.val_fraction=0.5", "model.num_D=1")
    validated = capsys.readouterr().out
    code, found = evaluate(run, tmp_path / "out")
    assert code == 0 and list(found["images"]) == ["2", "3"]
    for name, own in found["images"].items():
        fake, real = (
            read_image(path).astype(np.float64)
            for path in (tmp_path / f"out/translated/{name}.png", tmp_path / f"data/B/{name}.png")
        )
        assert fake.shape == (16, 16, 4)
        assert own["l1"] == pytest.approx(np.abs(fake - real).mean() / 127.5, rel=1e-5)
    # Both say what their figures hold for.
    assert "(2 pairs, values in [-1, 1])" in validated
    terms = "values: scored in [-1, 1], where these stand for 0 and 255 (uint8)"
    assert terms in capsys.readouterr().out
    assert terms in (tmp_path / "out/index.html").read_text(encoding="utf-8")
    write_image(tmp_path / "out/translated/3.png", np.zeros((16, 16, 3), np.uint8))
    theirs = ["--run", str(run), "--against", str(tmp_path / "out/translated"), "--device", "cpu"]
    assert main(["evaluate", *theirs, "--out", str(tmp_path / "two")]) == 2
    assert "translated/3.png: 3 channels, but the real picture has 4" in capsys.readouterr().err


@pytest.fixture(scope="module")
def styled(tmp_path_factory):
    run = tmp_path_factory.mktemp("styled") / "run"
    features = ["model.features=true", "model.e_width=4", "model.e_down=1"]
    arguments = ["--model", "pix2pixHD", "--run", str(run), "--max-steps", "20"]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert main(["train", *arguments, *SETTINGS, *features]) == 0
    assert "(12 pairs, values in [-1, 1], styles of the real pictures" in said.getvalue()
    return run


@pytest.mark.slow
def test_styles(styled, tmp_path, capsys):
    """Without a book neutral; of the real picture's own on request; at random only with a book."""

    def picture(name, *options):
        code, found = evaluate(styled, tmp_path / name, "--limit", "2", *options)
        assert code == 0
        path = next((tmp_path / name / "translated").iterdir())
        return read_image(path), found["protocol"]["styles"]

    usual, said = picture("usual")
    assert "  styles: neutral: the run has no style book" in capsys.readouterr().out
    none, _ = picture("none", "--styles", "none")
    own, about = picture("own", "--styles", "own")
    assert "no style book" in said and np.array_equal(usual, none)
    assert not np.array_equal(own, none) and "real picture itself" in about
    random = ["evaluate", "--run", str(styled), "--styles", "random", "--out", str(tmp_path / "x")]
    assert main(random) == 2 and "cluster-styles" in capsys.readouterr().err
    arguments = ["--run", str(styled), "--k", "3", "--device", "cpu"]
    assert main(["cluster-styles", *arguments]) == 0
    one, about = picture("random", "--styles", "random", "--seed", "1")
    again, _ = picture("again", "--styles", "random", "--seed", "1")
    usual, said = picture("book")
    assert "at random, seed 1" in about and "commonest" in said
    assert np.array_equal(one, again) and not np.array_equal(one, usual)
