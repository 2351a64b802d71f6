"""Scores, differences and protocols as they are read: rows for tables, numbers as text."""

import math
from collections.abc import Mapping
from typing import Any

from img2img.evaluation.result import Difference, Evaluation, Score, label

NONE = "–"
BETTER, WORSE, EQUAL = "better", "worse", "no difference shown"
UNKNOWN = "no interval, so no verdict"

Row = dict[str, Any]


def written(*values: float, digits: int = 4, signed: bool = False) -> list[str]:
    """Numbers with as many decimals as the largest of them needs for so many digits; counts whole.

    Args:
        signed: with a sign, for changes.
    """
    finite = [abs(value) for value in values if math.isfinite(value)]
    largest = max(finite, default=0.0)
    power = math.floor(math.log10(largest)) if largest else 0
    decimals = max(0, digits - 1 - power)
    kind = f".{decimals}f" if -5 < power < 9 else f".{digits - 1}e"
    signs = ["+" if signed and value else "" for value in values]  # no change has none
    return [
        f"{value:{sign}{'d' if isinstance(value, int) else kind}}" if math.isfinite(value) else NONE
        for value, sign in zip(values, signs, strict=True)
    ]


def of_class(metric: str) -> bool:
    """Whether a metric is of one class alone, such as `iou/road`."""
    return "/" in metric


def score_rows(scores: Mapping[str, Score]) -> list[Row]:
    """All metrics with their intervals, for `scores.html`."""
    return [_score_row(name, score) for name, score in scores.items()]


def _score_row(name: str, score: Score) -> Row:
    value, low, high = written(score.value, score.low, score.high)
    return {
        "name": label(name),
        "of_class": of_class(name),
        "value": value,
        "interval": _interval(low, high),
        "better": score.better,
        "count": score.count,
    }


def _interval(low: str, high: str) -> str:
    return NONE if NONE in (low, high) else f"{low} to {high}"


def difference_rows(differences: Mapping[str, Difference]) -> list[Row]:
    """All metrics that two evaluations share, and which of the two is better."""
    return [_difference_row(name, found) for name, found in differences.items()]


def _difference_row(name: str, found: Difference) -> Row:
    first, second = written(found.first, found.second)
    change, low, high = written(found.change, found.low, found.high, digits=3, signed=True)
    return {
        "name": label(name),
        "of_class": of_class(name),
        "first": first,
        "second": second,
        "change": change,
        "interval": _interval(low, high),
        "better": found.better,
        "verdict": verdict(found),
    }


def verdict(found: Difference) -> str:
    """What the second set is, against the first."""
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return UNKNOWN
    if not found.certain:
        return EQUAL
    return BETTER if (found.low > 0) == (found.better == "larger") else WORSE


def summary(differences: Mapping[str, Difference]) -> str:
    """The verdicts in one sentence; single classes are counted, not named."""
    parts = []
    for word in (BETTER, WORSE, EQUAL, UNKNOWN):
        metrics = [metric for metric, found in differences.items() if verdict(found) == word]
        named = [label(metric) for metric in metrics if not of_class(metric)]
        if count := len(metrics) - len(named):
            named.append(f"{count} of single classes")
        parts += [f"{word}: {', '.join(named)}"] if named else []
    return "; ".join(parts)


def picture_scores(evaluation: Evaluation, name: str) -> dict[str, str]:
    """One picture's own values by metric."""
    values = evaluation.images.get(name, {})
    return {metric: written(value)[0] for metric, value in values.items()}


def flattened(protocol: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested mappings as `outer.inner`, values as text; versions are one line."""
    flat = {}
    for key, value in protocol.items():
        if key == "versions" and isinstance(value, Mapping):
            flat[f"{prefix}{key}"] = ", ".join(f"{name} {number}" for name, number in value.items())
        elif isinstance(value, Mapping) and value:
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = _plain(value)
    return flat


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple | set):
        return ", ".join(map(_plain, value)) or "none"
    return "none" if value is None or value == {} else str(value)
