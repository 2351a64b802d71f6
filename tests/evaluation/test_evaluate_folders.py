"""`img2img evaluate` on folders, as other tools and people leave them."""

import json

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from img2img.cli import main
from img2img.fields.files import write_image
from img2img.fields.resizing import resize_image


def evaluate(tmp_path, *options, fake="fake", real="real"):
    """Exit code and evaluation.json."""
    folders = ["--fake", str(tmp_path / fake), "--real", str(tmp_path / real)]
    out = tmp_path / "out"
    code = main(["evaluate", *folders, "--out", str(out), "--device", "cpu", *options])
    found = out / "evaluation.json"
    return code, json.loads(found.read_text(encoding="utf-8")) if found.exists() else None


def put(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, array)


def noise(seed, *shape, high=255, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, high + 1, shape).astype(dtype)


def test_names_differ_in_a_suffix_and_a_folder(tmp_path):
    for number in range(3):
        put(tmp_path / f"fake/sub/{number}_fake_B.png", noise(number, 12, 14, 3))
        put(tmp_path / f"real/sub/{number}.tif", noise(number, 12, 14, 3))
    code, found = evaluate(tmp_path)
    assert code == 0 and list(found["images"]) == ["sub/0", "sub/1", "sub/2"]
    assert found["scores"]["l1"]["value"] == 0 and found["scores"]["psnr"]["value"] == 100


def test_another_size(tmp_path):
    """The real picture is averaged to the size of the translated one."""
    real, fake = noise(0, 24, 40, 3), noise(1, 12, 20, 3)
    put(tmp_path / "fake/a.png", fake)
    put(tmp_path / "real/a.png", real)
    code, found = evaluate(tmp_path)
    blocks = real.reshape(12, 2, 20, 2, 3).mean((1, 3))
    expected = np.abs(fake - blocks).mean() / 127.5
    assert code == 0
    assert found["images"]["a"]["l1"] == pytest.approx(expected, rel=1e-5)
    assert resize_image(real, (12, 20)) == pytest.approx(blocks)
    assert found["protocol"]["resizing"].startswith("1 of 1")
    assert found["protocol"]["sizes (width x height)"] == {"20x12": 1}


@pytest.mark.parametrize(
    "kind, fake, real, expected",
    [
        ("16 bits", np.uint16(6553), np.uint16(13107), 2 * 6554 / 65535),
        ("floats", np.float32(-3.0), np.float32(2.0), None),
    ],
)
def test_true_ranges(tmp_path, kind, fake, real, expected):
    """16 bits end at 65535; floats at what the real pictures hold (here -4 to 6)."""
    suffix = ".png" if kind == "16 bits" else ".tif"
    put(tmp_path / f"fake/a{suffix}", np.full((12, 12), fake))
    put(tmp_path / f"real/a{suffix}", np.full((12, 12), real))
    if kind == "floats":
        for name, value in (("b", -4.0), ("c", 6.0)):
            put(tmp_path / f"real/{name}.tif", np.full((12, 12), value, np.float32))
        expected = 2 * 5 / 10
    code, found = evaluate(tmp_path)
    assert found["images"]["a"]["l1"] == pytest.approx(expected, rel=1e-4)
    assert code == (2 if kind == "floats" else 0)  # b and c have no translated picture
    assert found["protocol"]["real pictures"] == {f"{fake.dtype.name}, 1 channel": 1}


def test_channels(tmp_path, capsys):
    """Transparency is dropped, grey is spread, other channels have no common meaning."""
    colour = noise(0, 20, 20, 3)
    put(tmp_path / "real/a.png", colour)
    put(tmp_path / "fake/a.png", np.dstack([colour, noise(1, 20, 20)]))
    put(tmp_path / "real/b.png", colour[..., :1])
    put(tmp_path / "fake/b.png", np.repeat(colour[..., :1], 3, 2))
    put(tmp_path / "real/c.png", np.repeat(colour[..., :1], 3, 2))
    put(tmp_path / "fake/c.png", colour[..., :1])
    put(tmp_path / "real/d.tif", noise(2, 20, 20, 5))
    put(tmp_path / "fake/d.tif", noise(2, 20, 20, 5))
    put(tmp_path / "real/e.tif", noise(2, 20, 20, 5))
    put(tmp_path / "fake/e.tif", noise(2, 20, 20, 6))
    code, found = evaluate(tmp_path)
    err = capsys.readouterr().err
    assert code == 2 and "fake/e.tif: 6 channels, but the real picture has 5" in err
    assert {name: own["l1"] for name, own in found["images"].items()} == dict.fromkeys("abcd", 0.0)
    assert list(found["protocol"]["skipped"]) == ["e"]


def test_no_common_names(tmp_path, capsys):
    put(tmp_path / "fake/a.png", noise(0, 12, 12, 3))
    put(tmp_path / "real/b.png", noise(0, 12, 12, 3))
    code, found = evaluate(tmp_path)
    err = capsys.readouterr().err
    assert code == 2 and "nothing could be scored" in err and "for example a, b" in err
    assert "no translated picture has the name" in found["missing"]["l1"]


def test_a_part_of_the_pictures_is_too_small(tmp_path, capsys):
    for name, side in (("a", 180), ("b", 12), ("c", 6)):
        put(tmp_path / f"fake/{name}.png", noise(0, side, side, 3))
        put(tmp_path / f"real/{name}.png", noise(1, side, side, 3))
    code, found = evaluate(tmp_path)
    counts = {metric: score["count"] for metric, score in found["scores"].items()}
    assert code == 0 and counts == {"l1": 3, "psnr": 3, "ssim": 2, "ms_ssim": 1}
    assert "2 pictures: needs sides of at least 176" in found["protocol"]["left out"]["ms_ssim"]
    assert "ms_ssim without 2 pictures: needs sides" in capsys.readouterr().out
    assert found["scores"]["ms_ssim"]["low"] is None  # one picture has no interval


@pytest.fixture(scope="module")
def inception(tmp_path_factory):
    """A file with the keys of Inception's weights: random ones, strong enough to tell pictures."""
    import torch

    path = tmp_path_factory.mktemp("inception") / "weights.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        module = "torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url"
        patch.setattr(module, lambda *_, **__: {})
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        torch.manual_seed(0)
        state = FeatureExtractorInceptionV3("random", ["2048"]).state_dict()
    save_file({k: v * 3 if k.endswith("conv.weight") else v for k, v in state.items()}, path)
    return path


@pytest.mark.slow
def test_sets_need_no_pairs(tmp_path, inception, capsys):
    """Names that do not match: scores of pairs are missing, those of sets are there."""
    for number in range(12):
        put(tmp_path / f"fake/f{number}.png", noise(number, 16, 16, 3) // 2)
        put(tmp_path / f"real/r{number}.png", noise(99 + number, 16, 16, 3))
    code, found = evaluate(tmp_path, "--inception", str(inception))
    assert code == 2 and "alone (FID, KID, precision, recall)" in capsys.readouterr().err
    scores = found["scores"]
    assert scores.keys() == {"fid", "kid", "precision", "recall"}
    assert scores["fid"]["value"] > 0 and scores["fid"]["low"] is None
    assert scores["kid"]["low"] < scores["kid"]["value"] < scores["kid"]["high"]
    assert scores["precision"] == {**scores["precision"], "value": 0.0, "count": 12}
    assert found["protocol"]["sets"]["kid"] == "100 subsets of 6 pictures"
    assert "far too large" in found["protocol"]["sets"]["beware"]
    assert len(found["protocol"]["inception"]["sha256"]) == 64


def test_damaged_pictures_are_named_and_the_rest_is_scored(tmp_path, capsys):
    for number in range(4):
        put(tmp_path / f"fake/{number}.png", noise(number, 12, 12, 3))
        put(tmp_path / f"real/{number}.png", noise(number, 12, 12, 3))
    content = (tmp_path / "fake/1.png").read_bytes()
    (tmp_path / "fake/1.png").write_bytes(content[: len(content) // 2])
    (tmp_path / "real/2.png").write_bytes(b"")
    put(tmp_path / "fake/5.tif", np.full((12, 12), np.nan, np.float32))
    put(tmp_path / "real/5.tif", np.zeros((12, 12), np.float32))
    code, found = evaluate(tmp_path)
    err = capsys.readouterr().err
    assert code == 2 and "3 pictures skipped" in err
    assert "fake/1.png" in err and "real/2.png: the file is empty" in err and "not finite" in err
    assert list(found["images"]) == ["0", "3"] and list(found["protocol"]["skipped"]) == [
        "1",
        "2",
        "5",
    ]


def test_without_any_picture(tmp_path, capsys):
    (tmp_path / "fake").mkdir()
    put(tmp_path / "real/a.png", noise(0, 12, 12, 3))
    code, found = evaluate(tmp_path)
    assert code == 2 and found is None and "no pictures in this folder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_two_files_of_one_name(tmp_path, capsys):
    put(tmp_path / "fake/a.png", noise(0, 12, 12, 3))
    Image.fromarray(noise(1, 12, 12, 3)).save(tmp_path / "fake/a.jpg")
    put(tmp_path / "real/a.png", noise(0, 12, 12, 3))
    code, found = evaluate(tmp_path)
    assert code == 0 and "a.png: same name as a.jpg, which is used" in capsys.readouterr().out
    assert len(found["images"]) == 1


def test_the_results_do_not_replace_what_is_not_theirs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "fake/a.png", noise(0, 12, 12, 3))
    put(tmp_path / "real/a.png", noise(0, 12, 12, 3))
    folders = ["evaluate", "--fake", "fake", "--real", "real", "--device", "cpu"]
    assert main([*folders, "--out", "fake"]) == 2
    assert main([*folders, "--out", "fake/a.png"]) == 2
    assert capsys.readouterr().err.count("--out") == 2
    assert [path.name for path in (tmp_path / "fake").iterdir()] == ["a.png"]
    assert main(folders) == 0 and (tmp_path / "evaluation/index.html").is_file()


def test_values_beyond_the_range_are_scored_as_they_are(tmp_path):
    """Reals of floats in 0..1 end at 0 and 1; half of the translated one is 3 above its real."""
    real = np.linspace(0.2, 0.8, 144).astype(np.float32).reshape(12, 12)
    fake = real.copy()
    fake[:6] += 3
    put(tmp_path / "real/a.tif", real)
    put(tmp_path / "fake/a.tif", fake)
    code, found = evaluate(tmp_path)
    assert code == 0 and found["images"]["a"]["l1"] == pytest.approx(3 / 2 * 2, rel=1e-5)


def test_resizing_adds_no_values(tmp_path):
    """A sharp edge enlarged by cubic interpolation overshoots, which is in no picture."""
    real = np.zeros((12, 12), np.float32)
    real[:, 6:] = 1
    put(tmp_path / "real/a.tif", real)
    put(tmp_path / "fake/a.tif", np.zeros((24, 24), np.float32))
    code, found = evaluate(tmp_path)
    assert code == 0 and found["images"]["a"]["l1"] == pytest.approx(1, abs=1e-5)
