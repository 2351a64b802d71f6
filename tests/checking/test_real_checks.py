"""Real data sets are all right, and stop being so when their photos are moved."""

import os

import numpy as np
import pytest
from folders import save

from img2img.checking.check import check_data
from img2img.fields.files import read_image
from img2img.schema import DataConfig

# Folder -> settings, and the folders of labels and photos.
SETS = {
    "cityscapes": ({}, "train_label", "train_img"),
    "coco_stuff": ({"ignore_id": 255}, "train_label", "train_img"),
    "camvid/train": ({}, "labels", "images"),
    "camvid/video_0016E5": ({}, "labels", "images"),
    "membrane/data/membrane/train": ({"remap": True}, "label", "image"),
}
COUNT = 12  # pairs of each


def first_files(folder):
    return sorted(folder.iterdir())[:COUNT]


def shifted(path, right, down):
    """A picture moved by so many pixels, its border repeated."""
    image = read_image(path)
    rows = np.arange(image.shape[0]) - down
    columns = np.arange(image.shape[1]) - right
    return image[rows.clip(0, len(rows) - 1)[:, None], columns.clip(0, len(columns) - 1)]


def borrow(shared, root, name, shift):
    """The first pairs of a data set, the photos moved."""
    _, labels, photos = SETS[name]
    for folder in (labels, photos):
        os.makedirs(root / folder)
        for path in first_files(shared / "data" / name / folder):
            if folder == photos and shift != (0, 0):
                save(root / folder / f"{path.stem}.png", shifted(path, *shift))
            else:
                (root / folder / path.name).symlink_to(path)
    return root


def alarms(root, out, settings):
    out.mkdir()
    report = check_data(DataConfig(path=str(root), **settings), out)
    return [f.text for level in ("problem", "warning") for f in report.of_level(level)]


@pytest.mark.shared_data
@pytest.mark.parametrize("name", SETS)
def test_no_false_alarm(shared, tmp_path, name):
    root = borrow(shared, tmp_path / "data", name, (0, 0))
    # Twelve neighbouring frames do look alike.
    found = alarms(root, tmp_path / "out", SETS[name][0])
    assert [text for text in found if "nearly the same" not in text] == []


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.parametrize("shift", [(3, 0), (-4, 5), (8, -8)])
@pytest.mark.parametrize("name", SETS)
def test_moved_photos_are_found(shared, tmp_path, name, shift):
    if name == "cityscapes" and shift != (3, 0):
        pytest.skip("its pictures are large; one shift is enough")
    root = borrow(shared, tmp_path / "data", name, shift)
    [text] = [t for t in alarms(root, tmp_path / "out", SETS[name][0]) if "edges lie" in t]
    for pixels, words in zip(shift, (("right", "left"), ("below", "above")), strict=True):
        if pixels:
            said = [f"{abs(pixels) + by} px {words[pixels < 0]}" for by in (-1, 0, 1)]
            assert any(words in text for words in said), text


@pytest.mark.shared_data
def test_facades_are_understood_without_a_setting(shared, tmp_path):
    for split in ("train", "val"):
        os.makedirs(tmp_path / "data" / split)
        for path in first_files(shared / "data/facades" / split):
            (tmp_path / "data" / split / path.name).symlink_to(path)
    (tmp_path / "out").mkdir()
    report = check_data(DataConfig(path=str(tmp_path / "data")), tmp_path / "out")
    assert report.advice.settings == {"data.palette": "facades", "data.direction": "BtoA"}
    assert not report.of_level("problem") and not report.of_level("warning")
    assert [row.name for row in report.classes][:3] == ["background", "facade", "window"]
