"""Whether two sets of translations of the same inputs differ: paired bootstrap, in words."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from img2img.errors import ConfigError, counted
from img2img.evaluation import bootstrap, drawn
from img2img.evaluation.judges.segmentation import score_names
from img2img.evaluation.pages.scores import written
from img2img.evaluation.result import DRAWN, Difference, Score, label
from img2img.evaluation.scoring import Scored, of_counts
from img2img.metrics import distribution
from img2img.metrics.paired import BETTER

# Scores of whole sets.
SETS = {**distribution.BETTER, **drawn.BETTER}
# What both must have been measured with, by metric: keys of the protocol.
SAME = {
    "lpips": ("lpips",),
    **dict.fromkeys(distribution.BETTER, ("inception", "sets")),
}
SAME_DRAWN = ("data", "real pictures", "pictures")  # and of drawn pictures, whatever the metric
_REALS = "real pictures, SHA-256"


def compare(first: Scored, second: Scored) -> tuple[dict[str, Difference], dict[str, str]]:
    """What `second` changes against `first`, metric by metric; and why some are not compared.

    Scores of pairs and of a segmenter: of the pictures that both have. KID, and the accuracy of
    drawn pictures: as measured, with an interval as if their two errors were independent; those of
    KID share the real pictures, so that it is rather too wide. All others of whole sets: as measured,
    without an interval.

    Raises:
        ConfigError: the two are not of the same inputs.
    """
    one, other = first.evaluation, second.evaluation
    names = [name for name in one.images if name in other.images]
    if not names and one.images and other.images:
        raise ConfigError(
            f"{one.name} and {other.name} have no picture in common: their names differ, for example "
            f"{next(iter(one.images))} and {next(iter(other.images))}"
        )
    if one.images.keys() == other.images.keys() and _unlike(one.protocol, other.protocol, _REALS):
        raise ConfigError(
            f"{one.name} and {other.name} were scored by other real pictures of the same names: "
            "evaluate both on the same data"
        )
    always = SAME_DRAWN if DRAWN in one.protocol or DRAWN in other.protocol else ()
    found = _pairs(first, second, names) | _sets(first, second)
    counted_names = [name for name in names if name in first.counts and name in second.counts]
    found |= _classes(first, second, counted_names)
    left_out = {}
    for metric in dict.fromkeys((*one.scores, *other.scores, *found)):
        keys = SAME.get(metric, ("segmentation",) if metric not in (*BETTER, *SETS) else ())
        unlike = [key for key in (*keys, *always) if _unlike(one.protocol, other.protocol, key)]
        if unlike:
            found.pop(metric, None)
            left_out[metric] = f"measured with another protocol ({', '.join(unlike)})"
        elif metric not in found:
            left_out[metric] = "one of the two has no value"
    return found, left_out


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any], key: str) -> bool:
    """Whether something was measured in another way; the ceiling of a segmenter is no way."""
    parts = [protocol.get(key) for protocol in (one, other)]
    if key == "segmentation":
        parts = [part and (part.get("sha256"), part.get("classes")) for part in parts]
    return parts[0] != parts[1]


def _pairs(first: Scored, second: Scored, names: Sequence[str]) -> dict[str, Difference]:
    one, other = first.evaluation.images, second.evaluation.images
    found = {}
    for metric, better in BETTER.items():
        both = [n for n in names if metric in one[n] and metric in other[n]]
        if both:
            values = np.array([[one[n][metric], other[n][metric]] for n in both]).T
            low, high = bootstrap.interval([values[1] - values[0]], bootstrap.mean)
            means = values.mean(1)
            change = float(means[1] - means[0])
            found[metric] = Difference(*map(float, means), change, float(low), float(high), better)
    return found


def _sets(first: Scored, second: Scored) -> dict[str, Difference]:
    one, other = first.evaluation.scores, second.evaluation.scores
    found = {}
    for metric, better in SETS.items():
        if metric in one and metric in other:
            change = other[metric].value - one[metric].value
            error = math.hypot(_half(one[metric]), _half(other[metric]))
            ends = (change - error, change + error)
            found[metric] = Difference(
                one[metric].value, other[metric].value, change, *ends, better
            )
    return found


def _half(score: Score) -> float:
    """Half the width of an interval."""
    return (score.high - score.low) / 2


def _classes(first: Scored, second: Scored, names: Sequence[str]) -> dict[str, Difference]:
    if not names or first.class_names != second.class_names:
        return {}
    sides = [np.stack([scored.counts[n] for n in names], -1) for scored in (first, second)]

    def change(*counts: np.ndarray, axis: int = -1) -> np.ndarray:
        return of_counts(*counts[3:], axis=axis) - of_counts(*counts[:3], axis=axis)

    values = [of_counts(*side) for side in sides]
    low, high = bootstrap.interval([*sides[0], *sides[1]], change)
    return {
        metric: Difference(
            float(values[0][i]),
            float(values[1][i]),
            float(values[1][i] - values[0][i]),
            float(low[i]),
            float(high[i]),
            "larger",
        )
        for i, metric in enumerate(score_names(first.class_names))
        if np.isfinite([values[0][i], values[1][i]]).all()
    }


def sentence(metric: str, found: Difference, count: int) -> str:
    """A difference in words: `l1: lower by 0.012 (0.004 to 0.020): a difference, better`."""
    change, low, high = written(found.change, found.low, found.high, digits=3)
    name = label(metric)
    where = "lower" if found.change < 0 else "higher"
    size = f"{where} by {change.lstrip('-')}" if found.change else "the same"
    if not math.isfinite(found.low):
        return f"{name}: {size}; without an interval nobody can say whether that is a difference"
    if not found.certain:
        return (
            f"{name}: no difference that {counted(count, 'picture')} could show ({change}, "
            f"{low} to {high})"
        )
    ends = (low, high) if found.change > 0 else (high.lstrip("-"), low.lstrip("-"))
    judged = "better" if (found.change < 0) == (found.better == "smaller") else "worse"
    return f"{name}: {size} ({' to '.join(ends)}): a difference, {judged}"
