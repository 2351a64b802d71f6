"""Axis order and stored types: what arrays and files mean, by independent arithmetic."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import img2img
from img2img.cli import main
from img2img.errors import DataError
from img2img.fields.arrays import LARGEST, WORKING_TYPES, check_axes, to_working_type
from img2img.fields.files import read_ids, read_image, read_info
from img2img.fields.image import ImageSpec

TINY = ["--device", "cpu", "--max-steps", "1", "model.width=4", "model.d_width=4"]
TINY += ["training.workers=0", "training.lpips_weights=none", "model.depth=4"]


@given(st.integers(1, 16), st.integers(20, 600), st.integers(20, 600))
def test_channels_first_are_refused(channels, height, width):
    """Of pictures with up to 16 channels."""
    with pytest.raises(DataError, match=r"np\.moveaxis\(array, 0, -1\)"):
        check_axes((channels, height, width), "x.npy")
    check_axes((height, width, channels), "x.npy")


@pytest.mark.parametrize(
    "shape", [(145, 145, 200), (32, 32, 200), (4, 4, 3), (1, 1, 1), (2, 300, 3), (610, 340, 103)]
)
def test_pictures_of_few_rows_and_of_many_bands_pass(shape):
    check_axes(shape, "x")


@pytest.mark.parametrize("shape", [(64, 200, 200), (1, 48, 64), (3, 48, 64)])
@pytest.mark.parametrize("read", [read_image, read_ids, read_info])
def test_files(tmp_path, shape, read):
    np.save(tmp_path / "x.npy", np.zeros(shape, np.uint8))
    with pytest.raises(DataError, match=r"x\.npy: shape .*moveaxis"):
        read(tmp_path / "x.npy")


@pytest.mark.parametrize("name", WORKING_TYPES)
def test_every_type_is_read_and_written_back(tmp_path, name):
    """A network that returns what it is given returns the file."""
    dtype = np.dtype(name)
    low, high = (-3, 9) if dtype.kind == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    low, high = max(low, -LARGEST), min(high, LARGEST)
    values = np.linspace(low, high, 35).reshape(5, 7)
    stored = (values if dtype.kind == "f" else np.rint(values)).astype(dtype)
    tifffile.imwrite(tmp_path / "x.tif", stored)
    info = read_info(tmp_path / "x.tif")
    array = read_image(tmp_path / "x.tif")
    assert info.dtype == array.dtype.name and (info.stored or info.dtype) == name
    spec = ImageSpec(channels=1, dtype=info.dtype, low=low, high=high, stored=info.stored)
    again = spec.denormalise(spec.normalise(array))
    assert again.dtype == dtype
    scale = 0 if name in ("uint8", "uint16", "int8", "int16") else 2e-7 * (high - low)
    scale = max(scale, float(np.finfo(dtype).eps) * high) if dtype.kind == "f" else scale
    assert np.abs(again[..., 0].astype(float) - stored.astype(float)).max() <= scale


def test_values_beyond_a_type_are_its_ends():
    spec = ImageSpec(channels=1, dtype="float32", low=-32768, high=32767, stored="int16")
    ends = spec.denormalise(np.array([-1.5, 1.5], np.float32))
    assert ends.tolist() == [-32768, 32767]


@pytest.mark.parametrize("name", ["int32", "uint32"])
def test_integers_that_float32_lacks_are_refused(name):
    to_working_type(np.array([LARGEST], name), "x")
    with pytest.raises(DataError, match="16,777,216"):
        to_working_type(np.array([LARGEST + 1], name), "x")
    if name == "int32":
        with pytest.raises(DataError, match="16,777,216"):
            to_working_type(np.array([np.iinfo(name).min], name), "x")


@pytest.fixture
def scans(tmp_path, monkeypatch):
    """A run of CT values: int16, grey, the target half the input."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for folder in ("d/A", "d/B"):
        Path(folder).mkdir(parents=True)
    for i in range(3):
        values = rng.integers(-1024, 2000, (32, 32)).astype(np.int16)
        tifffile.imwrite(f"d/A/{i}.tif", values)
        tifffile.imwrite(f"d/B/{i}.tif", values // 2)
    assert main(["train", "--model", "pix2pix", "--data", "d", "--run", "r", *TINY]) == 0
    return img2img.load("runs/r", device="cpu")


def test_signed_pictures_come_back_as_they_are(scans, capsys):
    target = scans.spec.target
    assert (target.dtype, target.stored) == ("float32", "int16")
    assert main(["translate", "d/A/0.tif", "--run", "r", "--device", "cpu", "--out", "o"]) == 0
    written = tifffile.imread("o/0.tif")
    assert (
        written.dtype == np.int16 and written.min() >= target.low and written.max() <= target.high
    )
    stored = tifffile.imread("d/A/0.tif")
    assert np.array_equal(scans.translate(stored)[..., 0], written)
    assert np.array_equal(scans.translate(stored.astype(np.float32))[..., 0], written)
    assert main(["evaluate", "--run", "r", "--device", "cpu"]) == 0
    found = json.loads(Path("runs/r/evaluation/evaluation.json").read_text())["images"]
    [(name, scores)] = found.items()  # of three pairs one is held out
    fake, real = (
        tifffile.imread(f"{folder}/{name}.tif").astype(float)
        for folder in ("runs/r/evaluation/translated", "d/B")
    )
    expected = np.abs(fake - real).mean() * 2 / (target.high - target.low)
    assert scores["l1"] == pytest.approx(expected, rel=1e-5)


def test_whatever_holds_a_picture(scans):
    stored = tifffile.imread("d/A/0.tif")
    expected = scans.translate(stored)
    for same in ("d/A/0.tif", Path("d/A/0.tif"), torch.from_numpy(stored), stored[..., None]):
        assert np.array_equal(scans.translate(same), expected)
    assert np.array_equal(scans.translate(torch.from_numpy(stored)[None]), expected)
    many = scans.translate([stored, "d/A/0.tif", {"A": stored}])
    assert isinstance(many, list) and all(np.array_equal(one, expected) for one in many)
    assert scans.translate([]) == []


def test_values_that_are_clipped_are_told(scans, recwarn):
    low, high = scans.spec.inputs[0].image.low, scans.spec.inputs[0].image.high
    scans.translate(np.full((32, 32), high, np.int16))
    assert not [w for w in recwarn if "clipped" in str(w.message)]
    picture = np.full((32, 32), low, np.int16)
    picture[:2, :3] = high + 7
    with pytest.warns(UserWarning, match=r"input 'A': 6 of 1024 values .* are clipped"):
        scans.translate(picture)


@pytest.mark.parametrize(
    "what, why",
    [
        (7, "expected an array .* got int"),
        (None, "got NoneType"),
        ([[1, 2], [3, 4]], "got list"),
        (b"d/A/0.tif", "got bytes"),
        (np.zeros((2, 3, 4, 5)), "got the shape"),
        (np.zeros((0, 5)), "got the shape"),
        ({"B": np.zeros((4, 4))}, "no input 'B'"),
        ("missing.tif", "missing.tif: there is no such file"),
        (np.zeros((3, 32, 32), np.int16), "moveaxis"),
        (np.array([["a"]]), "pictures are float32"),
    ],
    ids=str,
)
def test_what_holds_none_is_told(scans, what, why):
    with pytest.raises(DataError, match=why):
        scans.translate(what)


@pytest.mark.parametrize("kind", ["1", "P", "bool"])
def test_label_maps_in_memory_are_what_their_files_are(tmp_path, kind):
    from img2img.fields.label import Label
    from img2img.inference.arrays import _accept

    mask = np.array([[False, False, True, True]] * 4)
    label = Label(
        name="l", part="l", classes=2, palette=((255, 255, 255), (0, 0, 0)), grey="colours"
    )
    if kind == "bool":
        np.save(tmp_path / "m.npy", mask)
        assert np.array_equal(_accept(mask, label), label.read(tmp_path / "m.npy"))
        return
    picture = Image.fromarray(mask.astype(np.uint8) * 255).convert(kind)
    picture.save(tmp_path / "m.png")
    assert np.array_equal(_accept(picture, label), 1 - mask)
    assert np.array_equal(label.read(tmp_path / "m.png"), 1 - mask)


def test_indices_of_other_colours_are_refused_in_memory_too():
    from img2img.fields.label import Label
    from img2img.inference.arrays import _accept

    label = Label(name="l", part="l", classes=2, embedded={0: (255, 0, 0), 1: (0, 255, 0)})
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 255, 0])
    assert np.array_equal(_accept(picture, label), [[0, 0]])
    picture.putpalette([0, 255, 0, 255, 0, 0])
    with pytest.raises(DataError, match="index 0 has the colour"):
        _accept(picture, label)


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGBA", "CMYK", "I;16"])
def test_pil_pictures_are_what_their_files_are(tmp_path, mode):
    """Read by us from a file, or opened by PIL: one array."""
    from img2img.fields import Image as ImageField
    from img2img.inference.arrays import _accept

    rng = np.random.default_rng(1)
    picture = Image.fromarray(rng.integers(0, 255, (6, 5, 3), np.uint8))
    if mode == "I;16":
        picture = Image.fromarray(rng.integers(0, 65535, (6, 5)).astype(np.uint16))
    else:
        picture = picture.convert(mode)
    path = tmp_path / ("x.jpg" if mode == "CMYK" else "x.png")
    picture.save(path)
    array = read_image(path)
    spec = ImageSpec(
        channels=array.shape[2], dtype=array.dtype.name, high=np.iinfo(array.dtype).max
    )
    field = ImageField(name="A", part="A", image=spec)
    assert np.array_equal(_accept(Image.open(path), field), array)
