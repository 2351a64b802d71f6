"""Every kind of picture that Pillow reads, and what becomes of files that are none."""

import os
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from img2img.checking.check import check_data
from img2img.data.layouts import find_pairs
from img2img.data.walking import Others, walk
from img2img.errors import DataError
from img2img.fields.files import is_lossy, read_ids, read_image, read_info
from img2img.schema import DataConfig

AVIF = pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")


def smooth(seed=0, channels=3, size=(24, 40)):
    small = np.random.default_rng(seed).integers(0, 255, (4, 5, channels), np.uint8)
    return cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("ending", "gif tga pcx sgi qoi dds ppm pnm dib jp2 j2k apng".split())
def test_lossless_kinds_come_back_exactly(tmp_path, ending):
    colours = smooth()
    if ending == "gif":  # few enough colours for its palette
        colours = colours // 128 * 255
    path = tmp_path / f"x.{ending}"
    kind = {"apng": "PNG", "pnm": "PPM", "dib": "DIB"}.get(ending)
    Image.fromarray(colours).save(path, format=kind)
    np.testing.assert_array_equal(read_image(path), colours)
    info = read_info(path)
    assert (info.height, info.width, info.channels, info.dtype) == (24, 40, 3, "uint8")


@pytest.mark.parametrize(
    ("ending", "kind"),
    [("jfif", "JPEG"), ("jpe", "JPEG"), pytest.param("avif", "AVIF", marks=AVIF)],
)
def test_lossy_kinds_are_read_and_known_as_lossy(tmp_path, ending, kind):
    path = tmp_path / f"x.{ending}"
    Image.fromarray(smooth()).save(path, format=kind, quality=95)
    assert np.abs(read_image(path).astype(int) - smooth()).mean() < 8 and is_lossy(path)


@pytest.mark.parametrize("rounds", [True, False])
def test_the_wavelet_tells_whether_a_jpeg_2000_is_exact(tmp_path, rounds):
    Image.fromarray(smooth()).save(tmp_path / "x.jp2", irreversible=rounds)
    assert is_lossy(tmp_path / "x.jp2") is rounds


@given(white=st.integers(1, 65535), plain=st.booleans(), seed=st.integers(0, 9))
def test_a_pgm_of_any_maximum_has_its_ids_and_its_share_of_white(
    tmp_path_factory, white, plain, seed
):
    ids = np.random.default_rng(seed).integers(0, white, (3, 4), endpoint=True)
    path = tmp_path_factory.getbasetemp() / "x.pgm"
    if plain:
        path.write_text(f"P2 4 3 {white}\n{' '.join(map(str, ids.ravel()))}\n")
    else:
        pixels = ids.astype(">u2" if white > 255 else np.uint8).tobytes()
        path.write_bytes(f"P5 4 3 {white}\n".encode() + pixels)
    np.testing.assert_array_equal(read_ids(path), ids)
    full = 65535 if white > 255 else 255
    picture = read_image(path)
    assert picture.dtype.name == read_info(path).dtype == ("uint16" if white > 255 else "uint8")
    assert np.abs(picture[..., 0].astype(float) - ids * full / white).max() <= 0.5


@pytest.mark.parametrize("ending", ["ppm", "jp2"])
def test_16_bit_colours_are_not_cut(tmp_path, ending):
    colours = np.random.default_rng(0).integers(0, 65535, (64, 80, 3)).astype(np.uint16)
    path, exact = tmp_path / f"x.{ending}", [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000]
    cv2.imwrite(str(path), colours[..., ::-1], exact if ending == "jp2" else [])
    np.testing.assert_array_equal(read_image(path), colours)
    assert read_info(path).dtype == "uint16"


def test_floats_of_a_pfm_are_as_stored(tmp_path):
    values = np.random.default_rng(0).normal(size=(5, 7)).astype("<f4")
    (tmp_path / "x.pfm").write_bytes(b"Pf\n7 5\n-1.0\n" + values[::-1].tobytes())  # bottom first
    np.testing.assert_array_equal(read_image(tmp_path / "x.pfm")[..., 0], values)
    assert read_info(tmp_path / "x.pfm").dtype == "float32"


@pytest.mark.parametrize("ending", ["gif", pytest.param("avif", marks=AVIF)])
def test_several_frames_are_said(tmp_path, ending):
    first, *rest = (Image.fromarray(smooth(seed)) for seed in range(3))
    path = tmp_path / f"x.{ending}"
    first.save(path, save_all=True, append_images=rest)
    with pytest.raises(DataError, match="an animation of 3 frames; save each"):
        read_image(path)
    first.save(path)
    read_image(path)


def test_cut_off_files_of_new_kinds_are_named(tmp_path):
    for name in ("x.gif", "x.pgm", "x.jp2", "x.tga", "x.qoi"):
        path = tmp_path / name
        Image.fromarray(smooth(channels=1 if name == "x.pgm" else 3)).save(path)
        path.write_bytes(path.read_bytes()[:60])
        with pytest.raises(DataError, match=name):
            read_image(path)


# ---------------------------------------------------------------- folders


def touch(*paths: Path):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_walking_passes_over_what_is_hidden_and_counts_other_kinds(tmp_path):
    root = tmp_path / "root"
    touch(root / "a.PNG", root / "deep/b.gif", root / "c.heic", root / "d.HEIC", root / "README")
    touch(root / ".ipynb_checkpoints/a.png", root / ".Trash/a.png", root / "deep/._b.gif")
    touch(tmp_path / "store/e.png", tmp_path / "store/f.txt")
    (root / "linked").symlink_to(tmp_path / "store")
    (root / "deep" / "back").symlink_to(root)
    (root / "gone.png").symlink_to(tmp_path / "nothing.png")
    others = Others()
    assert sorted(walk(root, others)) == [("a", ".PNG"), ("deep/b", ".gif"), ("linked/e", ".png")]
    assert others == Counter({".heic": 2, ".": 1, ".txt": 1, "broken link": 1})
    assert others.said().startswith("5 files of other kinds passed over: 2 .heic, 1 ")
    assert others.doubtful and not Others({".txt": 2}).doubtful and Others().said() == ""


def test_files_of_other_kinds_are_told_by_pairing_and_checks(tmp_path):
    for number in range(3):
        for side in "AB":
            path = tmp_path / "d" / side / f"{number}.jfif"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(smooth(number)).save(path, format="JPEG")
    touch(tmp_path / "d/A/3.heic", tmp_path / "d/B/3.heic")
    index = find_pairs(tmp_path / "d")
    assert len(index.records) == 3 and index.others == {".heic": 2}
    said = "2 files of other kinds passed over: 2 .heic"
    assert said in index.summary()
    (tmp_path / "out").mkdir()
    report = check_data(DataConfig(path=str(tmp_path / "d")), tmp_path / "out")
    assert [f.text for f in report.of_level("warning") if "other kinds" in f.text] == [said]
    for path in (tmp_path / "d").rglob("*.jfif"):
        os.rename(path, path.with_suffix(".heic"))
    with pytest.raises(
        DataError, match=r"no pictures \(4 files of other kinds passed over: 4 .heic"
    ):
        find_pairs(tmp_path / "d", layout="A/B")
