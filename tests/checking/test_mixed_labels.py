"""Label maps with mixed edges: the advice, applied as printed, gives the true classes."""

import cv2
import numpy as np
import pytest
from PIL import Image

from img2img.checking.check import check_data
from img2img.data.classes import are_marks
from img2img.data.describe import describe_data
from img2img.schema import DataConfig

VOC = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (64, 0, 0)]
MARKS = [(0, 0, 0), (255, 255, 255)]
GREYS = [(0, 0, 0), (90, 90, 90), (255, 255, 255)]


def blobs(classes, seed, size=384):
    noise = np.random.default_rng(seed).random((classes, size, size)).astype(np.float32)
    return np.stack([cv2.GaussianBlur(plane, (0, 0), size / 10) for plane in noise]).argmax(0)


def smoothed(ids, colours, side=192):
    """Colours at half the size, and the class that covers most of each pixel."""
    parts = [
        cv2.resize((ids == k).astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
        for k in range(len(colours))
    ]
    rgb = cv2.resize(np.array(colours, np.uint8)[ids], (side, side), interpolation=cv2.INTER_AREA)
    return rgb, np.argmax(parts, 0)


def noisy(rgb, seed):
    """Values near 0 and near 255."""
    step = np.random.default_rng(seed).integers(0, 4, (*rgb.shape[:2], 1))
    return np.where(rgb > 127, rgb.astype(int) - step, rgb + step).astype(np.uint8)


def make(root, colours, ending, change, grey=False, count=4):
    truths = {}
    for number in range(count):
        rgb, truth = smoothed(blobs(len(colours), number), colours)
        if change == "sharp":
            rgb = np.array(colours, np.uint8)[truth]
        elif change == "noise":
            rgb = noisy(np.array(colours, np.uint8)[truth], number)
        for folder, array in (("labels", rgb[..., 0] if grey else rgb), ("images", rgb // 2 + 50)):
            path = root / folder / f"{number}{ending if folder == 'labels' else '.png'}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path, **({"quality": 90} if ending == ".jpg" else {}))
        truths[root / "labels" / f"{number}{ending}"] = truth
    return truths


@pytest.mark.parametrize(
    ("colours", "ending", "change", "grey", "agreement"),
    [
        (MARKS, ".jpg", "sharp", True, 0.999),
        (MARKS, ".jpg", "smooth", True, 0.99),
        (MARKS, ".jpg", "sharp", False, 0.999),
        (MARKS, ".png", "smooth", True, 0.98),
        (MARKS, ".png", "noise", True, 1),
        (GREYS, ".png", "smooth", True, 0.98),
        (GREYS, ".png", "smooth", False, 0.98),
        (GREYS, ".jpg", "smooth", True, 0.98),
        (VOC, ".png", "smooth", False, 0.98),
        (VOC, ".png", "sharp", False, 1),
        (VOC, ".jpg", "smooth", False, 0.93),
    ],
)
def test_the_advice_gives_the_true_classes(tmp_path, colours, ending, change, grey, agreement):
    truths = make(tmp_path / "d", colours, ending, change, grey)
    (tmp_path / "out").mkdir()
    config = DataConfig(path=str(tmp_path / "d"))
    report = check_data(config, tmp_path / "out")
    advised = report.advice.applied(config)
    label = describe_data(advised).spec.labels
    assert label.classes == len(colours), report.advice.reasons
    # The palette's order is that of the colours found, which noise may have moved a little.
    far = np.abs(np.array(label.palette)[:, None] - np.array(colours)).sum(-1)
    place = far.argmin(1)
    for path, truth in truths.items():
        found = place[label.read(path)]
        assert (found == truth).mean() >= agreement, path


def test_masks_that_write_black_and_white_differently_are_two_classes(tmp_path):
    """0 and 255 in some files, 2 and 253 in others; 255 of ids 0, 1, 255 is no such white."""
    truths = {}
    for number, marks in enumerate([(0, 255), (2, 253)] * 2):
        colours = [(mark,) * 3 for mark in marks]
        part = make(tmp_path / "part", colours, ".png", "sharp", grey=True, count=1)
        for folder in ("labels", "images"):
            (tmp_path / "d" / folder).mkdir(parents=True, exist_ok=True)
            moved = tmp_path / "d" / folder / f"{number}.png"
            (tmp_path / "part" / folder / "0.png").rename(moved)
        [truths[tmp_path / "d/labels" / f"{number}.png"]] = part.values()
    (tmp_path / "out").mkdir()
    config = DataConfig(path=str(tmp_path / "d"))
    assert any("black and white of masks" in line for line in describe_data(config).remarks)
    report = check_data(config, tmp_path / "out")
    assert report.advice.settings.keys() == {"data.palette", "data.label_coding"}
    label = describe_data(report.advice.applied(config)).spec.labels
    assert label.classes == 2
    for path, truth in truths.items():
        np.testing.assert_array_equal(label.read(path), truth)
    assert not are_marks({0: 4, 1: 2, 255: 4}) and not are_marks({0: 4, 255: 4})
    assert not are_marks({0: 4, 1: 4, 250: 2, 255: 4})


@pytest.mark.parametrize("ids", [[0, 1, 2], [0, 1, 255]])
def test_ids_that_jpeg_mixed_are_not_taken_for_marks(tmp_path, ids):
    make(tmp_path / "d", [(i, i, i) for i in ids], ".jpg", "sharp", grey=True)
    (tmp_path / "out").mkdir()
    report = check_data(DataConfig(path=str(tmp_path / "d")), tmp_path / "out")
    assert not report.advice.settings
    assert any("lossy label file" in finding.text for finding in report.findings)


@pytest.mark.parametrize("kinds", ["indexed", "both"])
def test_indices_of_several_colours_are_read_by_the_colours(tmp_path, kinds):
    """The files' own palettes are in another order each."""
    truths = make(tmp_path / "d", VOC, ".png", "sharp")
    for number, (path, truth) in enumerate(truths.items()):
        order = np.roll(range(len(VOC)), number)
        image = Image.fromarray(np.argsort(order)[truth].astype(np.uint8), "P")
        image.putpalette([value for k in order for value in VOC[k]])
        if kinds == "indexed" or number % 2:
            image.save(path)
    (tmp_path / "out").mkdir()
    config = DataConfig(path=str(tmp_path / "d"))
    report = check_data(config, tmp_path / "out")
    said = "differ from file to file" if kinds == "indexed" else "are colour pictures"
    assert any(said in finding.text for finding in report.findings)
    advised = report.advice.applied(config)
    label = describe_data(advised).spec.labels
    for path, truth in truths.items():
        colours = np.array(label.palette)[label.read(path)]
        np.testing.assert_array_equal(colours, np.array(VOC)[truth])
