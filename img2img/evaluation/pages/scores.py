"""Scores, differences and protocols as they are read: rows for tables, numbers as text."""

import math
from collections.abc import Mapping
from typing import Any

from img2img.evaluation.result import (
    BETTER,
    EQUAL,
    UNKNOWN,
    WORSE,
    Difference,
    Evaluation,
    Score,
    label,
    of_class,
)

NONE = "–"

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


def score_rows(scores: Mapping[str, Score]) -> list[Row]:
    """All metrics with their intervals, for `scores.html`."""
    rows = []
    for metric, score in scores.items():
        value, low, high = written(score.value, score.low, score.high)
        rows.append(_row(metric, low, high, value=value, better=score.better, count=score.count))
    return rows


def difference_rows(differences: Mapping[str, Difference]) -> list[Row]:
    """All metrics that two evaluations share, and which of the two is better."""
    rows = []
    for metric, found in differences.items():
        first, second = written(found.first, found.second)
        change, low, high = written(found.change, found.low, found.high, digits=3, signed=True)
        values = {"first": first, "second": second, "change": change}
        rows.append(_row(metric, low, high, better=found.better, verdict=found.verdict, **values))
    return rows


def _row(metric: str, low: str, high: str, **cells: Any) -> Row:
    interval = NONE if NONE in (low, high) else f"{low} to {high}"
    return {"name": label(metric), "of_class": of_class(metric), "interval": interval, **cells}


def summary(differences: Mapping[str, Difference]) -> str:
    """The verdicts in one sentence; single classes are counted, not named."""
    parts = []
    for word in (BETTER, WORSE, EQUAL, UNKNOWN):
        metrics = [metric for metric, found in differences.items() if found.verdict == word]
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
