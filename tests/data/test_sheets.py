import cv2
import numpy as np
import pytest
import torch

from img2img.data.lettering import text_width, write_text
from img2img.data.sheets import BACKGROUND, CAPTION, CELL, GAP, HEADLINE, contact_sheet, to_picture


def flat(height, width, colour):
    return np.full((height, width, 3), colour, np.uint8)


def test_colours_are_rounded_not_truncated():
    values = torch.tensor([-1.0, -1 + 1.6 / 127.5, 0.0, 1.0, 1.4, -3.0]).view(1, 2, 3)
    expected = np.array([[0, 2, 128], [255, 255, 0]])
    picture = to_picture(values)
    assert picture.dtype == np.uint8
    assert picture.shape == (2, 3, 3)
    for channel in range(3):
        np.testing.assert_array_equal(picture[..., channel], expected)


def test_channels():
    image = torch.linspace(-1, 1, 5).view(5, 1, 1).expand(5, 2, 3)
    assert to_picture(image[:3])[0, 0].tolist() == [0, 64, 128]
    assert to_picture(image)[0, 0].tolist() == [0, 64, 128]
    assert to_picture(image[1:3])[0, 0].tolist() == [64, 64, 64]


def test_small_pictures_are_enlarged_by_whole_factors():
    picture = np.random.default_rng(0).integers(0, 255, (50, 90, 3), np.uint8)
    sheet = contact_sheet([{"label": picture, "real": picture}])
    factor = CELL // 90
    cell = picture.repeat(factor, 0).repeat(factor, 1)
    height, width = cell.shape[:2]
    assert sheet.dtype == np.uint8
    assert sheet.shape == (HEADLINE + height + 2 * GAP, 3 * GAP + 2 * width, 3)
    for left in (GAP, 2 * GAP + width):
        np.testing.assert_array_equal(
            sheet[HEADLINE : HEADLINE + height, left : left + width], cell
        )


def test_large_pictures_are_reduced_in_their_aspect():
    sheet = contact_sheet([{"photo": flat(400, 1600, 9)}])
    assert sheet.shape == (HEADLINE + CELL // 4 + 2 * GAP, CELL + 2 * GAP, 3)
    assert (sheet[HEADLINE : HEADLINE + CELL // 4, GAP : GAP + CELL] == 9).all()


def test_rows_and_columns_of_different_sizes_do_not_overlap():
    rows = [
        {"a": flat(320, 160, 10), "b": flat(160, 320, 20)},
        {"a": flat(160, 320, 30), "b": flat(160, 320, 40)},
    ]
    sheet = contact_sheet(rows, ["first", "second"])
    line = GAP + CAPTION
    second = HEADLINE + 320 + line
    column = 2 * GAP + 320
    assert (sheet[HEADLINE : HEADLINE + 320, GAP : GAP + 160] == 10).all()
    assert (sheet[HEADLINE : HEADLINE + 160, column : column + 320] == 20).all()
    assert (sheet[second : second + 160, GAP : GAP + 320] == 30).all()
    assert (sheet[second : second + 160, column : column + 320] == 40).all()
    assert sheet.shape == (second + 160 + line + GAP, 2 * 320 + 3 * GAP, 3)
    captions = sheet[HEADLINE + 320 : second]
    assert (captions.reshape(-1, 3) != BACKGROUND).any()


def test_text_fits():
    """Narrow pictures must not let one headline run into the next, or a caption off the sheet."""
    name, caption = "a headline", "a rather long caption " * 5
    sheet = contact_sheet([{name: flat(320, 4, 0), "b": flat(320, 4, 0)}], [caption])
    assert sheet.shape[1] >= 2 * GAP + text_width(caption, 13)
    second = GAP + text_width(name, 17) + GAP
    assert (sheet[:HEADLINE, second - GAP + 1 : second] == 255).all()
    assert (sheet[-GAP:] == 255).all()


def test_one_pixel():
    sheet = contact_sheet([{"a": flat(1, 1, 5)}])
    assert sheet.shape == (HEADLINE + CELL + 2 * GAP, CELL + 2 * GAP, 3)


def written(text):
    picture = np.full((30, 200, 3), 255, np.uint8)
    write_text(picture, text, (5, 20), 13, (20, 20, 20))
    dark = np.argwhere(picture[..., 0] < 128)
    assert dark[:, 1].max() <= 5 + text_width(text, 13)
    return picture


@pytest.mark.skipif(int(cv2.__version__[0]) < 5, reason="OpenCV 4 has ASCII alone")
def test_letters_of_other_scripts_are_drawn():
    """No box or question mark."""
    words = ["Gänse", "Gense", "роза", "花", "家"]
    pictures = [written(word) for word in words]
    for number, one in enumerate(pictures):
        assert not any(np.array_equal(one, other) for other in pictures[:number])
