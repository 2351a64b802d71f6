"""Segmentation scores of a picture that can be counted by hand."""

import numpy as np
import pytest
import torch

from img2img.evaluation.judges.segmentation import count_classes, score_names, segmentation_scores

IGNORED = 255
LABEL = torch.tensor([[0, 0, 0, 0], [1, 1, 2, IGNORED]])
PREDICTED = torch.tensor([[0, 0, 0, 1], [1, 3, 2, 2]])


def test_counts_by_hand():
    counts = count_classes(PREDICTED, LABEL, 5, IGNORED)
    assert counts.tolist() == [[3, 1, 1, 0, 0], [4, 2, 1, 0, 0], [3, 2, 1, 1, 0]]
    with_all = count_classes(PREDICTED, LABEL.clamp(max=4), 5, None)
    assert with_all.tolist() == [[3, 1, 1, 0, 0], [4, 2, 1, 0, 1], [3, 2, 2, 1, 0]]


def test_scores_by_hand():
    """Class 3 is predicted, but nowhere: IoU 0, no accuracy. Class 4 is nowhere at all: nothing."""
    scores = segmentation_scores(*count_classes(PREDICTED, LABEL, 5, IGNORED))
    names = score_names(["road", "car", "sky", "wall", "sea"])
    found = dict(zip(names, scores.tolist(), strict=True))
    expected = {
        "pixel_accuracy": 5 / 7,
        "class_accuracy": (3 / 4 + 1 / 2 + 1) / 3,
        "miou": (3 / 4 + 1 / 3 + 1 + 0) / 4,
        "accuracy/road": 3 / 4,
        "accuracy/car": 1 / 2,
        "accuracy/sky": 1.0,
        "accuracy/wall": np.nan,
        "accuracy/sea": np.nan,
        "iou/road": 3 / 4,
        "iou/car": 1 / 3,
        "iou/sky": 1.0,
        "iou/wall": 0.0,
        "iou/sea": np.nan,
    }
    assert found == pytest.approx(expected, nan_ok=True)


def test_scores_of_several_pictures_are_those_of_their_sums():
    rng = np.random.default_rng(0)
    counts = []
    for _ in range(3):
        predicted, label = rng.integers(0, 4, (2, 6, 7))
        counts.append(count_classes(torch.tensor(predicted), torch.tensor(label), 4, None))
    stacked = np.stack(counts, -1)  # (3, classes, pictures)
    each = segmentation_scores(*stacked)
    assert each.shape == (11, 3)
    for number, own in enumerate(counts):
        assert each[:, number] == pytest.approx(segmentation_scores(*own))


def test_nothing_that_counts():
    nothing = count_classes(PREDICTED, torch.full_like(LABEL, IGNORED), 5, IGNORED)
    assert not nothing.any() and np.isnan(segmentation_scores(*nothing)).all()
