"""Whether two sets of translations of the same inputs differ: paired bootstrap, in words."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, SupportsFloat

import numpy as np

from img2img.errors import ConfigError, counted
from img2img.evaluation import bootstrap, drawn
from img2img.evaluation.judges.segmentation import score_names, scores_of_sums
from img2img.evaluation.pages.scores import written
from img2img.evaluation.result import DRAWN, EQUAL, UNKNOWN, Difference, Evaluation, label
from img2img.metrics import Better, distribution
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


def compare(one: Evaluation, other: Evaluation) -> tuple[dict[str, Difference], dict[str, str]]:
    """What `other` changes against `one`, metric by metric; and why some are not compared.

    Scores of pairs and of a segmenter: of the pictures that both have. KID, and the accuracy of
    drawn pictures: as measured, with an interval as if their two errors were independent; those of
    KID share the real pictures, so that it is rather too wide. All others of whole sets: as measured,
    without an interval.

    Raises:
        ConfigError: the two are not of the same inputs.
    """
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
    found = _pairs(one, other, names) | _sets(one, other) | _classes(one, other, names)
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


def _difference(
    first: float, second: float, low: SupportsFloat, high: SupportsFloat, better: Better
) -> Difference:
    first, second = float(first), float(second)
    return Difference(first, second, second - first, float(low), float(high), better)


def _pairs(one: Evaluation, other: Evaluation, names: Sequence[str]) -> dict[str, Difference]:
    found = {}
    for metric, better in BETTER.items():
        pairs = ((one.images[n].get(metric), other.images[n].get(metric)) for n in names)
        values = np.array([pair for pair in pairs if None not in pair], float)
        if len(values):
            low, high = bootstrap.interval([values[:, 1] - values[:, 0]], bootstrap.mean)
            first, second = values.mean(0)
            found[metric] = _difference(first, second, low, high, better)
    return found


def _sets(one: Evaluation, other: Evaluation) -> dict[str, Difference]:
    found = {}
    for metric, better in SETS.items():
        if metric in one.scores and metric in other.scores:
            first, second = one.scores[metric], other.scores[metric]
            change = second.value - first.value
            error = math.hypot(first.high - first.low, second.high - second.low) / 2
            ends = (change - error, change + error)
            found[metric] = Difference(first.value, second.value, change, *ends, better)
    return found


def _classes(one: Evaluation, other: Evaluation, names: Sequence[str]) -> dict[str, Difference]:
    names = [name for name in names if name in one.counts and name in other.counts]
    if not names or one.class_names != other.class_names:
        return {}
    sides = [np.stack([side.counts[name] for name in names], -1) for side in (one, other)]

    def change(*counts: np.ndarray, axis: int = -1) -> np.ndarray:
        return scores_of_sums(counts[3:], axis) - scores_of_sums(counts[:3], axis)

    values = [scores_of_sums(side) for side in sides]
    low, high = bootstrap.interval([*sides[0], *sides[1]], change)
    rows = zip(score_names(one.class_names), *values, low, high, strict=True)
    return {
        metric: _difference(first, second, low, high, "larger")
        for metric, first, second, low, high in rows
        if np.isfinite([first, second]).all()
    }


def sentence(metric: str, found: Difference, count: int) -> str:
    """A difference in words: `l1: lower by 0.012 (0.004 to 0.020): a difference, better`."""
    change, low, high = written(found.change, found.low, found.high, digits=3)
    name = label(metric)
    if found.verdict == EQUAL:
        return (
            f"{name}: no difference that {counted(count, 'picture')} could show ({change}, "
            f"{low} to {high})"
        )
    where = "lower" if found.change < 0 else "higher"
    size = f"{where} by {change.lstrip('-')}" if found.change else "the same"
    if found.verdict == UNKNOWN:
        return f"{name}: {size}; without an interval nobody can say whether that is a difference"
    ends = (low, high) if found.change > 0 else (high.lstrip("-"), low.lstrip("-"))
    return f"{name}: {size} ({' to '.join(ends)}): a difference, {found.verdict}"
