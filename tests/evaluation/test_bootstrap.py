"""Intervals: as long as theory says, and none where there can be none."""

import numpy as np
import pytest

from img2img.evaluation import bootstrap
from img2img.evaluation.judges.segmentation import segmentation_scores


def test_interval_of_a_mean():
    """Of many values, the mean and 1.96 standard errors to either side."""
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    low, high = bootstrap.interval([values], bootstrap.mean)
    error = values.std() / np.sqrt(400)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)
    again = bootstrap.interval([values], bootstrap.mean)
    assert again == (low, high)


def test_it_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(40):
        low, high = bootstrap.interval([rng.normal(0.0, 1.0, 30)], bootstrap.mean)
        hits += low <= 0 <= high
    assert 34 <= hits <= 40


def test_equal_values_and_single_ones():
    assert bootstrap.interval([np.full(7, 0.25)], bootstrap.mean) == (0.25, 0.25)
    assert np.isnan(bootstrap.interval([np.ones(1)], bootstrap.mean)).all()


def test_pictures_are_drawn_together_and_every_value_has_its_interval(monkeypatch):
    """Against a loop over samples of whole pictures."""
    monkeypatch.setattr(bootstrap, "_NUMBERS_AT_ONCE", 3000)  # in many pieces
    rng = np.random.default_rng(2)
    labelled = rng.integers(20, 90, (3, 25))
    right = (labelled * rng.uniform(0.3, 1.0, (3, 25))).astype(int)
    counts = [right, labelled, right + rng.integers(0, 20, (3, 25))]

    def statistic(*arrays, axis):
        return segmentation_scores(*(array.sum(axis) for array in arrays))

    low, high = bootstrap.interval(counts, statistic)
    samples = []
    for _ in range(4000):
        drawn = rng.integers(0, 25, 25)
        samples.append(segmentation_scores(*(array[:, drawn].sum(1) for array in counts)))
    expected = np.quantile(samples, [0.025, 0.975], axis=0)
    width = expected[1] - expected[0]
    assert low.shape == (9,)
    assert (np.abs(low - expected[0]) < 0.15 * width).all()
    assert (np.abs(high - expected[1]) < 0.15 * width).all()


def test_a_class_that_few_pictures_have_gets_no_interval():
    labelled = np.zeros((2, 20), int)
    labelled[0], labelled[1, :1] = 50, 30
    counts = [labelled, labelled, labelled]
    low, _ = bootstrap.interval(
        counts, lambda *a, axis: segmentation_scores(*(v.sum(axis) for v in a))
    )
    accuracy = low[3:5]
    assert accuracy[0] == 1 and np.isnan(accuracy[1])
