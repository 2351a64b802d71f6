"""Pictures of different channels and depths, and files that were cut off, before training."""

import io

import numpy as np
import pytest
import tifffile
from data_sets import LABELLED, H, W, describe, photo, put, refusal, save, warnings
from PIL import Image

from img2img.errors import DataError
from img2img.fields.codecs import endings
from img2img.fields.files import check_whole, read_image, write_image
from img2img.keys import TARGET

# --- channels and depths ------------------------------------------------------------------


def mixed(root, channels, dtype=np.uint8, suffix=".png"):
    """A/ in RGB, B/ in so many channels; grey with alpha and 8 bits by Pillow."""
    put(root, {"A": photo}, count=len(channels))
    for number, count in enumerate(channels):
        array, path = photo(number, (H, W, count), dtype), root / f"B/{number}{suffix}"
        if count == 2 and suffix == ".png":
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(array, "LA").save(path)
        else:
            save(path, array)
    return root


def test_grey_and_alpha_among_colour_are_read_as_colour_and_named(tmp_path):
    data = describe(mixed(tmp_path, [3, 1, 4, 3]), val_fraction=0)
    assert data.spec.target.channels == 3
    for number in range(4):
        assert data.train.read(number)[TARGET].shape == (H, W, 3)
    [warning] = warnings(data)
    assert "all are read as RGB" in warning
    assert "alpha is dropped" in warning and "grey becomes three" in warning
    assert "RGB: 2 files" in warning
    assert f"grey: 1 file, for example {tmp_path / 'B/1.png'}" in warning
    assert f"RGB with alpha: 1 file, for example {tmp_path / 'B/2.png'}" in warning


def test_grey_with_and_without_alpha_stays_grey(tmp_path):
    data = describe(mixed(tmp_path, [1, 2, 1]), val_fraction=0)
    assert data.spec.target.channels == 1
    np.testing.assert_array_equal(data.train.read(1)[TARGET], photo(1, (H, W, 2))[..., :1])
    [warning] = warnings(data)
    assert "all are read as grey (alpha is dropped)" in warning
    assert f"grey with alpha: 1 file, for example {tmp_path / 'B/1.png'}" in warning


def test_halves_of_mixed_pictures_are_named_once(tmp_path):
    put(tmp_path, {"train": lambda n: photo(n, (H, W, 3 + n % 2))})
    assert len(warnings(describe(tmp_path))) == 1


@pytest.mark.parametrize("channels", [3, 4])
def test_pictures_of_equal_channels_need_no_word(tmp_path, channels):
    assert warnings(describe(mixed(tmp_path, [channels] * 3))) == []


@pytest.mark.parametrize(
    ("channels", "suffix"), [([3, 5, 3], ".tif"), ([1, 2, 1], ".npy"), ([3, 4, 3], ".npy")]
)
def test_channels_that_do_not_go_together(tmp_path, channels, suffix):
    """Of bands, none is known to be transparency."""
    message = refusal(mixed(tmp_path, channels, suffix=suffix))
    assert "number of channels" in message
    assert f"{channels[0]} channel" in message and "2 files" in message
    assert f"{channels[1]} channels: 1 file, for example {tmp_path}/B/1{suffix}" in message
    assert "Save them" in message


def test_a_mixture_of_bit_depths(tmp_path):
    root = put(tmp_path, {"A": photo, "B": lambda n: photo(n, dtype=(np.uint8, np.uint16)[n == 2])})
    message = refusal(root)
    for part in ("bit depth", "uint8: 2 files", "B/0.png", "uint16: 1 file", "B/2.png", "Convert"):
        assert part in message
    assert "B/1.png" not in message


# --- files that were cut off --------------------------------------------------------------

KINDS = ["x.jpg", "x.png", "x.webp", "exact.webp", "x.bmp", "x.npy", "x.tif", "lzw.tif"]


def write(path, size=64):
    """A picture of a kind, and its bytes."""
    array = photo(0, (size, size, 3))
    if path.name in ("x.npy", "x.tif"):
        write_image(path, array)
    else:
        options = {"exact.webp": {"lossless": True}, "lzw.tif": {"compression": "tiff_lzw"}}
        Image.fromarray(array).save(path, **options.get(path.name, {}))
    return path.read_bytes()


@pytest.fixture
def decoded(monkeypatch):
    """The files that had to be decoded to know that they are whole."""
    paths = []
    monkeypatch.setattr("img2img.fields.files._decode", paths.append)
    return paths


@pytest.mark.parametrize("name", KINDS)
def test_whole_files_are_known_by_their_end(tmp_path, decoded, name):
    write(tmp_path / name)
    check_whole(tmp_path / name)
    assert decoded == []


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.99])
@pytest.mark.parametrize("name", KINDS)
def test_files_that_were_cut_off(tmp_path, name, kept):
    path = tmp_path / name
    content = write(path)
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(DataError, match=f"{name}: the file is damaged or incomplete"):
        read_image(path)  # else there is nothing to find
    if name == "x.npy":  # as the reader of its header does
        return
    with pytest.raises(DataError, match=f"{name}: the file is damaged or incomplete"):
        check_whole(path)


@pytest.mark.parametrize("kind", [{}, {"tile": (16, 16)}, {"planarconfig": "separate"}])
def test_places_of_tiff_pixels(tmp_path, decoded, kind):
    array = photo(0, (64, 64, 3))
    array = np.moveaxis(array, 2, 0) if "planarconfig" in kind else array
    tifffile.imwrite(tmp_path / "x.tif", array, photometric="rgb", **kind)
    check_whole(tmp_path / "x.tif")
    assert decoded == []
    path = tmp_path / "x.tif"
    path.write_bytes(path.read_bytes()[:-10])
    check_whole(path)
    assert decoded == [path]


@pytest.mark.parametrize("trailer", [b"\0" * 100, b"\0" * 10_000, b"SEFT" * 3000, b"\n"], ids=len)
@pytest.mark.parametrize("name", ["x.jpg", "x.png"])
def test_bytes_behind_the_end_are_no_damage(tmp_path, name, trailer):
    path = tmp_path / name
    path.write_bytes(write(path) + trailer)
    check_whole(path)


def test_the_end_of_a_preview_is_not_the_end_of_the_photo(tmp_path):
    """A photo that breaks off just behind the preview in its header."""
    preview = io.BytesIO()
    Image.fromarray(photo(1, (16, 16, 3))).save(preview, "JPEG")
    path = tmp_path / "x.jpg"
    Image.fromarray(photo(0, (64, 64, 3))).save(path, exif=b"Exif\0\0" + preview.getvalue())
    start = path.read_bytes().index(b"\xff\xd9")
    path.write_bytes(path.read_bytes()[: start + 800])
    assert start + 800 < endings._TAIL
    with pytest.raises(DataError, match="damaged or incomplete"):
        check_whole(path)


def test_headers_that_leave_out_the_length(tmp_path):
    path = tmp_path / "x.bmp"
    content = bytearray(write(path))
    content[2:6] = bytes(4)
    path.write_bytes(content)
    check_whole(path)
    path.write_bytes(content[:-100])
    with pytest.raises(DataError, match="damaged or incomplete"):
        check_whole(path)


def test_photos_that_were_cut_off_are_all_counted(tmp_path):
    root = put(tmp_path, LABELLED | {"images": lambda n: photo(n)}, count=9)
    for number in range(1, 8):
        path = root / f"images/{number}.png"
        path.write_bytes(path.read_bytes()[:-40] if number > 1 else b"")
    message = refusal(root)
    assert message.startswith("7 pairs have files that cannot be used:")
    assert f"{root / 'images/1.png'}: the file is empty" in message
    assert f"{root / 'images/2.png'}: the file is damaged or incomplete" in message
    assert "images/6.png" not in message and "and 2 more" in message


def test_one_photo_that_was_cut_off(tmp_path):
    root = put(tmp_path, LABELLED | {"images": lambda n: photo(n)})
    path = root / "images/2.png"  # held out, but validation reads it
    path.write_bytes(path.read_bytes()[:-40])
    assert refusal(root).startswith(f"{path}: the file is damaged or incomplete")
