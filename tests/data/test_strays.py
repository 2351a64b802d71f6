"""Colours in label maps that the palette lacks."""

import cv2
import numpy as np
import pytest
from data_sets import describe, ids, photo, put, warnings

from img2img.fields.palettes import BUILT_IN

SCALE = 16  # pixels of one field of `ids`


def coded(palette, *values):
    """A map in areas of the palette's colours."""
    label = ids(*values).repeat(SCALE, 0).repeat(SCALE, 1)
    return np.array(BUILT_IN[palette].colours, np.uint8)[label]


def photos(number):
    return photo(number, coded("camvid", 0).shape)


def describe_coded(tmp_path, content, palette="camvid", suffix="", count=4):
    folders = {"images": photos, f"labels{suffix}": content}
    return describe(put(tmp_path, folders, count=count), palette=palette)


def with_patch(number, colour=(255, 255, 255), side=12):
    """Colours of CamVid; in the second file a patch of another."""
    image = coded("camvid", 0, 3, 4, 8)
    if number == 1:
        image[20 : 20 + side, 20 : 20 + side] = colour
    return image


@pytest.mark.parametrize("suffix", ["", ".jpg"])
def test_a_colour_that_the_palette_lacks(tmp_path, suffix):
    [warning] = warnings(describe_coded(tmp_path, with_patch, suffix=suffix))
    assert "1 of 4 label files" in warning and "data.palette=camvid" in warning
    assert f"labels/1{suffix or '.png'}" in warning
    assert "nearest colour, this one as 'pole'" in warning
    if not suffix:  # JPEG changes colours and edges
        assert "144 pixels in all, most often 255 255 255" in warning
        assert "Add `255 255 255 NAME` to the palette" in warning


def test_the_commonest_colour_is_named_with_a_file_of_its_own(tmp_path):
    def content(number):
        image = with_patch(1, (255, 255, 255), side=6)
        if number == 2:
            image[40:80, 40:80] = (0, 255, 255)
        return image

    [warning] = warnings(describe_coded(tmp_path, content))
    assert "4 of 4 label files" in warning
    assert "0 255 255 (R G B), for example in" in warning and "labels/2.png" in warning


def test_lines_of_a_colour_are_no_mixture(tmp_path):
    """No pixel of them lies among its own kind."""

    def content(number):
        image = coded("camvid", 0, 3)
        image[30] = image[:, 50] = (255, 0, 255)
        return image

    [warning] = warnings(describe_coded(tmp_path, content))
    assert "most often 255 0 255" in warning


@pytest.mark.parametrize("suffix", ["", ".jpg"])
@pytest.mark.parametrize("palette", ["camvid", "facades"])
def test_the_palettes_own_colours(tmp_path, palette, suffix):
    """Where JPEG mixes two of them, the mixture is far from both."""
    data = describe_coded(tmp_path, lambda n: coded(palette, *range(n, 12)), palette, suffix)
    assert warnings(data) == []


def test_smoothed_edges_are_no_colours(tmp_path):
    def content(number):
        rng, image = np.random.default_rng(number), np.zeros((512, 512, 3), np.uint8)
        for colour in BUILT_IN["camvid"].colours * 3:
            centre, radius = rng.integers(0, 512, 2).tolist(), int(rng.integers(30, 120))
            cv2.circle(image, centre, radius, colour, -1)
        return cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA)

    folders = {"images": lambda n: photo(n, (256, 256, 3)), "labels": content}
    assert warnings(describe(put(tmp_path, folders), palette="camvid")) == []


def test_small_shifts_of_colour_are_noise(tmp_path):
    data = describe_coded(tmp_path, lambda n: coded("camvid", 0, 3, 8) + np.uint8(9))
    assert warnings(data) == []


def test_the_palette_of_other_labels(tmp_path):
    [warning] = warnings(describe_coded(tmp_path, lambda n: coded("facades", 1, 2, 4, 8)))
    assert "data.palette=camvid is probably not the palette of these labels" in warning
    assert "100% of all pixels" in warning
    assert "facades, cityscapes, camvid" in warning
    assert "data.direction" not in warning  # these are no pairs A and B


def test_photos_taken_for_labels(tmp_path):
    """As pairs A and B are, where data.direction is missing."""
    folders = {"A": photos, "B": lambda n: coded("facades", 1, 2)}
    [warning] = warnings(describe(put(tmp_path, folders), palette="facades"))
    assert "is probably not the palette" in warning and "data.direction" in warning
    data = describe(tmp_path, palette="facades", direction="BtoA")
    assert warnings(data) == []


def test_a_void_colour_that_is_listed_is_known(tmp_path):
    data = describe(
        put(tmp_path, {"images": photos, "labels": coded("camvid", 0, 3, 11)}),
        palette="camvid",
        ignore_id=11,
    )
    assert warnings(data) == []
