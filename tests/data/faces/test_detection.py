"""Haar cascades: files read, windows judged, against sums over pixels and against OpenCV's own."""

import cv2
import numpy as np
import pytest
from drawn_faces import FEATURES, cascade_text, picture_with

from img2img.data.faces import detection
from img2img.data.faces.cascade import default_cascade, read_cascade
from img2img.data.faces.detection import detect
from img2img.errors import DataError

OLD = """<?xml version="1.0"?><opencv_storage><drawn type_id="opencv-haar-classifier">
<size>20 20</size><stages>{stages}</stages></drawn></opencv_storage>"""
OLD_STAGE = """<_><trees><_><_><feature><rects>{rects}</rects><tilted>0</tilted></feature>
<threshold>{least}</threshold><left_val>0.</left_val><right_val>1.</right_val></_></_></trees>
<stage_threshold>0.5</stage_threshold><parent>-1</parent><next>-1</next></_>"""


def overlap(box, other):
    """Intersection over union of (x, y, width, height) and (x, y, side)."""
    other = (*other, other[2])
    span = [
        max(0, min(box[i] + box[i + 2], other[i] + other[i + 2]) - max(box[i], other[i]))
        for i in (0, 1)
    ]
    both = span[0] * span[1]
    return both / (box[2] * box[3] + other[2] * other[3] - both)


def test_drawn_faces_are_found_where_they_are(cascade_file):
    faces = [(150, 60, 120), (20, 30, 70)]
    boxes = detect(picture_with(*faces), read_cascade(cascade_file), least=48)
    assert len(boxes) == 2  # the larger one first
    assert all(overlap(box, face) > 0.6 for box, face in zip(boxes, faces, strict=True))
    assert len(detect(picture_with(*faces), read_cascade(cascade_file), least=90)) == 1


def test_nothing_is_found_where_nothing_is(cascade_file):
    cascade = read_cascade(cascade_file)
    for picture in (picture_with(), picture_with()[:10], 255 - picture_with((90, 60, 120))):
        assert detect(picture, cascade, least=20).shape == (0, 4)
    noise = np.random.default_rng(0).integers(0, 256, (100, 100), np.uint8)
    assert detect(noise, cascade, least=48).shape == (0, 4)


def covered(shape, x, y, w, h, tilted):
    """Which pixels it covers; tilted, it runs from (x, y) down right by w, down left by h."""
    row, column = np.indices(shape)
    if not tilted:
        return (column >= x) & (column < x + w) & (row >= y) & (row < y + h)
    along, across = (column + 1 - x) + (row - y), (row - y) - (column + 1 - x)
    return (along >= 0) & (along < 2 * w) & (across >= 0) & (across < 2 * h)


def passes(window, features, tilted):
    """By sums over pixels, window by window."""
    inner = window[1:-1, 1:-1].astype(float)
    if inner.std() <= 10:
        return False
    for rectangles, least in features:
        value = sum(
            float(weight) * window[covered(window.shape, *place, tilted)].astype(float).sum()
            for *place, weight in rectangles
        )
        if value / (inner.size * inner.std()) < least:
            return False
    return True


@pytest.mark.parametrize("tilted", [False, True])
def test_windows_are_judged_by_sums_over_pixels(tmp_path, tilted):
    rng = np.random.default_rng(1)
    features = []
    for _ in range(4):
        x, y = (int(n) for n in rng.integers(0, 4, 2))
        pair = [(x, y, 6, 4, -1), (x + 2, y, 2, 4, 3)]
        if tilted:
            pair = [(x + 5, y, 5, 4, -1), (x + 5, y, 5, 2, 2)]
        features.append((pair, float(rng.normal(0, 0.02))))
    (tmp_path / "random.xml").write_text(cascade_text(features, size=(14, 12), tilted=tilted))
    picture = cv2.GaussianBlur(rng.integers(0, 256, (60, 70), np.uint8), (0, 0), 2)
    picture = cv2.normalize(picture, None, 0, 255, cv2.NORM_MINMAX)
    found = detection._passing(picture, read_cascade(tmp_path / "random.xml"), step=1)
    expected = {
        (x, y)
        for y in range(60 - 11)
        for x in range(70 - 13)
        if passes(picture[y : y + 12, x : x + 14], features, tilted)
    }
    assert len(expected) > 50
    assert {tuple(place) for place in found.tolist()} == expected


def test_trees_are_followed_to_the_leaf(tmp_path, cascade_file):
    """A tree of two nodes: its second one is asked only where the first says so."""
    text = cascade_file.read_text().replace(
        "<internalNodes>0 -1 0 0.6</internalNodes><leafValues>0. 1.</leafValues>",
        "<internalNodes>0 1 0 0.6 -1 -2 1 0.11</internalNodes><leafValues>0. 0. 1.</leafValues>",
    )
    assert " 1 0 0.6 -1" in text
    (tmp_path / "tree.xml").write_text(text)
    picture = picture_with((100, 60, 120))
    assert np.array_equal(
        detect(picture, read_cascade(tmp_path / "tree.xml"), least=48),
        detect(picture, read_cascade(cascade_file), least=48),
    )
    other = text.replace("<leafValues>0. 0. 1.", "<leafValues>0. 1. 0.")
    (tmp_path / "tree.xml").write_text(other)  # what the next stage wants, this one refuses
    assert not len(detect(picture, read_cascade(tmp_path / "tree.xml"), least=48))


def test_the_old_format_says_the_same(tmp_path, cascade_file):
    stages = "".join(
        OLD_STAGE.format(
            rects="".join(f"<_>{' '.join(map(str, r))}.</_>" for r in rectangles), least=least
        )
        for rectangles, least in FEATURES
    )
    (tmp_path / "old.xml").write_text(OLD.format(stages=stages))
    old, new = read_cascade(tmp_path / "old.xml"), read_cascade(cascade_file)
    picture = picture_with((100, 60, 120))
    boxes = detect(picture, old, least=48)
    assert len(boxes) == 1 and np.array_equal(boxes, detect(picture, new, least=48))


# The first stage is passed by every window: OpenCV leaves out the window behind one that fails it.
WITH_ALL = [([(0, 0, 20, 20, 1)], -1000), *FEATURES]
# Faces (x, y, side) in `picture_with`, the least side, and the boxes of OpenCV 4.10's own
# CascadeClassifier.detectMultiScale(picture, 1.1, 3, minSize=(least, least)), the largest first.
FOUND_BY_OPENCV = [
    (
        [(20, 30, 28), (100, 20, 60), (190, 40, 110)],
        20,
        [(192, 42, 104, 104), (102, 22, 57, 57)],
    ),
    ([(20, 30, 36), (70, 40, 44), (200, 100, 52)], 20, [(201, 101, 50, 50), (71, 42, 41, 41)]),
    ([(11, 7, 25), (61, 30, 33), (130, 20, 41)], 20, [(131, 20, 40, 40), (12, 8, 23, 23)]),
    ([(150, 60, 120), (20, 30, 70)], 48, [(151, 61, 116, 116), (21, 31, 68, 68)]),
    ([(20, 25, 30), (77, 33, 38), (31, 101, 36), (141, 61, 120)], 20, [(145, 63, 116, 116)]),
]


@pytest.mark.parametrize(
    "threshold, passed", [("0.5", True), ("1.000005", True), ("1.00002", False)]
)
@pytest.mark.parametrize("faces, least, expected", FOUND_BY_OPENCV)
def test_opencv_4_found_the_same(tmp_path, faces, least, expected, threshold, passed):
    """A leaf of 1 passes a stage of 1.000005, but not one of 1.00002."""
    text = cascade_text(WITH_ALL)
    changed = text.replace("<stageThreshold>0.5<", f"<stageThreshold>{threshold}<")
    (tmp_path / "all.xml").write_text(changed)
    found = detect(picture_with(*faces), read_cascade(tmp_path / "all.xml"), least=least)
    assert [tuple(box) for box in found.tolist()] == (expected if passed else [])


BIG = [(100, 100, 100, 100)]
SMALL = [(130, 130, 40, 40)]


@pytest.mark.parametrize("rows", [1, 3, 1000])  # of boxes that are compared at once
@pytest.mark.parametrize(
    "boxes, expected",
    [
        # Three that are alike are too few; of four, the mean.
        ([(10, 10, 50, 50), (11, 10, 50, 50), (10, 12, 51, 51)], []),
        (
            [(10, 10, 50, 50), (13, 10, 50, 50), (10, 15, 52, 52), (12, 10, 48, 48)],
            [(11, 11, 50, 50)],
        ),
        # Corners of squares of 50 may be 10 apart. A chain is one group though its ends are not.
        ([(x, 0, 50, 50) for x in (0, 10, 20, 30)], [(15, 0, 50, 50)]),
        ([(x, 0, 50, 50) for x in (0, 10, 21, 31)], []),
        # A weak one in a stronger one is dropped: not in one as weak, nor a strong one in a weak.
        (BIG * 5 + SMALL * 4, BIG),
        (BIG * 4 + SMALL * 4, BIG + SMALL),
        (BIG * 4 + SMALL * 5, BIG + SMALL),
        # It may stand out by a fifth of the stronger one's side.
        (BIG * 5 + [(80, 130, 40, 40)] * 4, BIG),
        (BIG * 5 + [(79, 130, 40, 40)] * 4, BIG + [(79, 130, 40, 40)]),
        (BIG * 5 + [(130, 180, 40, 40)] * 4, BIG),
        (BIG * 5 + [(130, 181, 40, 40)] * 4, BIG + [(130, 181, 40, 40)]),
    ],
)
def test_boxes_are_grouped_as_by_opencv(monkeypatch, boxes, expected, rows):
    """OpenCV 4.10's groupRectangles(boxes, 3, 0.2) gives these, too."""
    monkeypatch.setattr(detection, "_ROWS", rows)
    rng = np.random.default_rng(0)
    found = detection._grouped(rng.permutation(np.array(boxes)))
    assert [tuple(box) for box in found.tolist()] == expected


@pytest.mark.skipif(
    not hasattr(cv2, "CascadeClassifier"), reason="OpenCV 5 has no cascades to compare with"
)
@pytest.mark.parametrize("side", [80, 150])
def test_opencv_finds_the_same(cascade_file, side):
    picture = picture_with((70, 30, side))
    for path in (default_cascade(), cascade_file):
        expected = cv2.CascadeClassifier(str(path)).detectMultiScale(
            picture, 1.1, 3, minSize=(48, 48)
        )
        found = detect(picture, read_cascade(path), least=48)
        assert len(found) == len(expected) == 1
        assert np.abs(found - expected).max() <= 2


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("<?xml", "<<", "not XML"),
        ("opencv_storage", "storage", "no cascade"),
        ("HAAR", "LBP", "LBP features; only Haar"),
        ("0 -1 0 0.6", "0 -5 0 0.6", "leads nowhere"),
        ("0 -1 0 0.6", "0 -1 9 0.6", "no Haar cascade"),
        ("3 6 14 8", "3 6 18 8", "outside the window"),
        ("<width>20</width>", "", "no Haar cascade"),
        ("<leafValues>0. 1.</leafValues>", "", "missing"),
    ],
)
def test_files_that_are_no_cascade(tmp_path, old, new, message):
    path = tmp_path / "bad.xml"
    path.write_text(cascade_text().replace(old, new))
    with pytest.raises(DataError, match=message) as caught:
        read_cascade(path)
    assert str(path) in str(caught.value)


def test_a_cascade_that_is_not_there(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="cannot be read"):
        read_cascade(tmp_path / "none.xml")
    monkeypatch.setattr(cv2.data, "haarcascades", str(tmp_path))
    with pytest.raises(DataError, match="without cascade files; give one with --cascade"):
        default_cascade()
