"""What is called a difference, and what cannot be compared."""

import math
from dataclasses import replace

import numpy as np
import pytest

from img2img.errors import ConfigError
from img2img.evaluation.comparing import compare, sentence
from img2img.evaluation.result import Difference, Evaluation, Score

NAMES = [f"p{n}" for n in range(30)]


def scored(name, l1, *, names=NAMES, scores=None, protocol=None, counts=None):
    images = {n: {"l1": float(v)} for n, v in zip(names, l1, strict=True)}
    own = {"l1": Score(float(np.mean(l1)), 0.0, 1.0, "smaller", len(names)), **(scores or {})}
    classes = ("sky", "road") if counts else ()
    return Evaluation(name, own, {}, images, protocol or {}, counts or {}, classes)


def test_pairs_are_compared_as_pairs():
    """Pictures that differ much more from one another than the two sides: still a difference."""
    rng = np.random.default_rng(0)
    one = rng.uniform(0.1, 0.9, 30)
    other = one - 0.01 - rng.normal(0, 0.002, 30)
    found, left_out = compare(scored("a", one), scored("b", other))
    change = found["l1"]
    assert change.change == pytest.approx((other - one).mean()) and change.certain
    error = (other - one).std() / math.sqrt(30)
    assert change.high - change.low == pytest.approx(2 * 1.96 * error, rel=0.15)
    assert not left_out
    # The same numbers in another order are no pairs, and say nothing.
    shuffled, _ = compare(scored("a", one), scored("b", rng.permutation(other)))
    assert not shuffled["l1"].certain


def test_only_common_pictures_count():
    one = scored("a", [0.1, 0.2, 0.3], names=["x", "y", "z"])
    other = scored("b", [0.9, 0.5, 0.4], names=["w", "y", "z"])
    found, _ = compare(one, other)
    assert found["l1"].first == pytest.approx(0.25) and found["l1"].second == pytest.approx(0.45)
    with pytest.raises(ConfigError, match=r"no picture in common.*x and q"):
        compare(one, scored("b", [0.1], names=["q"]))


def test_other_real_pictures_of_the_same_names():
    key = "real pictures, SHA-256"
    one = scored("a", np.ones(30), protocol={key: "1"})
    with pytest.raises(ConfigError, match="other real pictures"):
        compare(one, scored("b", np.ones(30), protocol={key: "2"}))


def test_scores_of_sets():
    """KID's errors add in squares; FID has no interval; other weights are no comparison."""
    kids = [Score(0.010, 0.008, 0.012, "smaller", 30), Score(0.020, 0.017, 0.023, "smaller", 30)]
    fids = [Score(v, math.nan, math.nan, "smaller", 30) for v in (50.0, 40.0)]
    sides = [
        scored(name, np.ones(30), scores={"kid": kid, "fid": fid}, protocol={"inception": "x"})
        for name, kid, fid in zip("ab", kids, fids, strict=True)
    ]
    found, _ = compare(*sides)
    half = math.hypot(0.002, 0.003)
    assert found["kid"].low == pytest.approx(0.010 - half)
    assert found["kid"].high == pytest.approx(0.010 + half)
    assert found["fid"].change == -10 and math.isnan(found["fid"].low)
    assert not found["fid"].certain
    changed = replace(sides[1], protocol={"inception": "y"})
    found, left_out = compare(sides[0], changed)
    assert found.keys() == {"l1"} and left_out.keys() == {"kid", "fid"}
    assert "another protocol (inception)" in left_out["fid"]


def test_segmentation_by_the_pictures_counts():
    def counts(share):
        right = np.array([[round(100 * share)], [40]])[:, 0]
        return np.stack([right, [100, 50], [100, 50]]).astype(np.int64)

    score = {"miou": Score(0.5, 0.4, 0.6, "larger", 30)}
    protocol = {"segmentation": {"sha256": "s", "classes": ["sky", "road"]}}
    rng = np.random.default_rng(0)
    sides = [
        scored(
            name,
            np.ones(30),
            scores=score,
            protocol=protocol,
            counts={n: counts(share + rng.uniform(-0.1, 0.1)) for n in NAMES},
        )
        for name, share in (("a", 0.5), ("b", 0.8))
    ]
    found, _ = compare(*sides)
    sums = [sum(side.counts[n][0, 0] for n in NAMES) for side in sides]
    expected = [(s + 40 * 30) / (150 * 30) for s in sums]
    accuracy = found["pixel_accuracy"]
    assert [accuracy.first, accuracy.second] == pytest.approx(expected)
    assert accuracy.change == pytest.approx(expected[1] - expected[0])
    assert 0 < accuracy.low < accuracy.change < accuracy.high
    assert found["accuracy/road"].change == 0 and not found["accuracy/road"].certain
    other = replace(sides[1], protocol={"segmentation": {"sha256": "t"}})
    found, left_out = compare(sides[0], other)
    assert found.keys() == {"l1"} and "segmentation" in left_out["miou"]


def difference(change, low, high, better="smaller"):
    return Difference(1.0, 1.0 + change, change, low, high, better)


@pytest.mark.parametrize(
    "found, expected",
    [
        (
            difference(-0.012, -0.020, -0.004),
            "m: lower by 0.0120 (0.0040 to 0.0200): a difference, better",
        ),
        (difference(0.5, 0.1, 0.9), "m: higher by 0.500 (0.100 to 0.900): a difference, worse"),
        (
            difference(2.0, 1.0, 3.0, "larger"),
            "m: higher by 2.00 (1.00 to 3.00): a difference, better",
        ),
        (
            difference(-0.001, -0.003, 0.001),
            "m: no difference that 24 pictures could show (-0.00100, -0.00300 to 0.00100)",
        ),
        (
            difference(-1.5, math.nan, math.nan),
            "m: lower by 1.50; without an interval nobody can say whether that is a difference",
        ),
        (
            difference(0.0, math.nan, math.nan),
            "m: the same; without an interval nobody can say whether that is a difference",
        ),
    ],
)
def test_sentences(found, expected):
    assert sentence("m", found, 24) == expected


def test_drawn_pictures_are_compared_beside_the_same_real_ones_alone():
    scores = {
        "fid": Score(50.0, math.nan, math.nan, "smaller", 30),
        "accuracy": Score(0.75, 0.7, 0.8, "larger", 30),
        "modes": Score(9, math.nan, math.nan, "larger", 30),
    }
    protocol = {"drawn from": "noise, seed 0", "data": "/digits", "sets": 1, "pictures": "30"}
    better = scores | {"accuracy": Score(0.95, 0.93, 0.97, "larger", 30)}

    def drawn(name, own, **about):
        return Evaluation(name, own, {}, {}, protocol | about)

    found, left_out = compare(drawn("a", scores), drawn("b", better))
    assert set(found) == set(scores) and not left_out
    half = math.hypot(0.05, 0.02)
    assert found["accuracy"].low == pytest.approx(0.2 - half) and found["accuracy"].certain
    assert found["modes"].change == 0 and math.isnan(found["modes"].low)
    for key in ("data", "real pictures", "pictures"):
        found, left_out = compare(drawn("a", scores), drawn("b", better, **{key: "other"}))
        assert not found and set(left_out) == set(scores) and key in left_out["fid"]
