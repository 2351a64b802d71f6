"""OpenCV's cascades: Haar and LBP files, and what is no cascade."""

import cv2
import numpy as np
import pytest
from drawn_faces import cascade_text, lbp_cascade_text, picture_with

from img2img.data.faces.detection import detect, find_cascade, load_cascade
from img2img.errors import DataError


def overlap(box, other):
    """Intersection over union of (x, y, width, height) and (x, y, side)."""
    other = (*other, other[2])
    span = [
        max(0, min(box[i] + box[i + 2], other[i] + other[i + 2]) - max(box[i], other[i]))
        for i in (0, 1)
    ]
    both = span[0] * span[1]
    return both / (box[2] * box[3] + other[2] * other[3] - both)


@pytest.fixture(params=["Haar", "LBP"])
def cascade(request, cascade_file, tmp_path):
    if request.param == "LBP":
        cascade_file = tmp_path / "lbp.xml"
        cascade_file.write_text(lbp_cascade_text())
    return load_cascade(cascade_file)


def test_drawn_faces_are_found_where_they_are(cascade):
    faces = [(150, 60, 120), (20, 30, 70)]
    boxes = detect(picture_with(*faces), cascade, least=48)
    assert len(boxes) == 2  # the larger one first
    assert all(overlap(box, face) > 0.6 for box, face in zip(boxes, faces, strict=True))
    assert len(detect(picture_with(*faces), cascade, least=90)) == 1


def test_nothing_is_found_where_nothing_is(cascade):
    for picture in (picture_with(), picture_with()[:10], 255 - picture_with((90, 60, 120))):
        assert detect(picture, cascade, least=48).shape == (0, 4)
    noise = np.random.default_rng(0).integers(0, 256, (100, 100), np.uint8)
    assert detect(noise, cascade, least=48).shape == (0, 4)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<?xml", "<<"),
        ("opencv_storage", "storage"),
        ("HAAR", "HOG"),
        ("3 6 14 8", "3 6 18 8"),  # outside the window
        ("<width>20</width>", ""),
        ("<leafValues>0. 1.</leafValues>", ""),
        (cascade_text(), "hello"),
        (cascade_text(), ""),
    ],
)
def test_files_that_are_no_cascade(tmp_path, cascade_file, old, new):
    path = tmp_path / "bad.xml"
    path.write_text(cascade_text().replace(old, new))
    with pytest.raises(DataError, match="no Haar or LBP cascade") as caught:
        load_cascade(path)
    assert str(path) in str(caught.value)


def test_a_cascade_that_is_not_there(tmp_path, monkeypatch, cascade_file):
    with pytest.raises(DataError, match="cannot be read"):
        load_cascade(tmp_path / "none.xml")
    monkeypatch.setattr(cv2.data, "haarcascades", str(tmp_path))
    with pytest.raises(DataError, match="without cascade files; give one with --cascade"):
        find_cascade(None)


def test_an_opencv_without_cascades_names_the_command(tmp_path, monkeypatch):
    monkeypatch.delattr(cv2, "CascadeClassifier", raising=False)
    for given in (tmp_path / "cascade.xml", None):
        with pytest.raises(DataError, match=r"pip install .* opencv-contrib-python-headless"):
            find_cascade(given)
