"""Scores, differences and protocols as tables, and numbers as they are read."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from img2img.evaluation.result import Difference, Evaluation, Score
from img2img.reporting.html import Html, Number, definitions, join, table, tag

NONE = Number("–")
ARROWS = {"smaller": "↓", "larger": "↑"}
BETTER, WORSE, EQUAL = "better", "worse", "no difference shown"
UNKNOWN = "no interval, so no verdict"

SCORES_STYLE = """
.scores td,.scores th{padding:.4rem 1.4rem .4rem 0}.scores td:first-child{font-weight:600}
.scores .number:nth-child(2){font-weight:600}.direction{color:var(--faint);white-space:nowrap}
.verdict{padding:.1rem .6rem;border-radius:1em;white-space:nowrap;background:var(--soft)}
.verdict.better{background:#e3f4e6;color:#14532d}.verdict.worse{background:#fde4e1;color:#7f1d1d}
.wrapped{overflow-wrap:anywhere;display:inline-block;min-width:8rem}.unlike{background:#fff3d6}
@media (max-width:500px){.scores{font-size:.9rem}.scores th{white-space:normal}.scores td,.scores th{padding-right:.4rem}.scores td:last-child,.scores th:last-child{padding-right:0}.direction span{display:none}}
"""


def written(*values: float, digits: int = 4, signed: bool = False) -> list[Number]:
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
    kinds = (
        f"{sign}d" if isinstance(value, int) else f"{sign}{kind}"
        for value, sign in zip(values, signs, strict=True)
    )
    return [
        Number(f"{value:{kind}}") if math.isfinite(value) else NONE
        for value, kind in zip(values, kinds, strict=True)
    ]


def score_table(scores: Mapping[str, Score]) -> Html:
    """All metrics with their intervals."""
    head = ("metric", "value", "95 % interval", "", "pictures")
    rows = (_score_row(name, score) for name, score in scores.items())
    return tag("div", table(head, rows), class_="scores")


def _score_row(name: str, score: Score) -> tuple[object, ...]:
    value, low, high = written(score.value, score.low, score.high)
    return (
        name,
        value,
        _interval(low, high),
        _direction(score.better),
        score.count,
    )


def _direction(better: str) -> Html:
    words = tag("span", f" {better} is better")
    return tag("span", ARROWS[better], words, class_="direction", title=f"{better} is better")


def _interval(low: Number, high: Number) -> Number:
    return NONE if NONE in (low, high) else Number(f"{low} to {high}")


def difference_table(differences: Mapping[str, Difference], first: str, second: str) -> Html:
    """All metrics that two evaluations share, and which of the two is better."""
    head = ("metric", "", first, second, "change", "95 % interval", f"{second} is")
    rows = (_difference_row(name, found) for name, found in differences.items())
    return tag("div", table(head, rows), class_="scores")


def _difference_row(name: str, found: Difference) -> tuple[object, ...]:
    first, second = written(found.first, found.second)
    change, low, high = written(found.change, found.low, found.high, digits=3, signed=True)
    word = verdict(found)
    return (
        name,
        _direction(found.better),
        first,
        second,
        change,
        _interval(low, high),
        tag("span", word, class_=f"verdict {word if word in (BETTER, WORSE) else ''}"),
    )


def verdict(found: Difference) -> str:
    """What the second set is, against the first."""
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return UNKNOWN
    if not found.certain:
        return EQUAL
    return BETTER if (found.low > 0) == (found.better == "larger") else WORSE


def picture_scores(evaluation: Evaluation, name: str) -> dict[str, Number]:
    """One picture's own values by metric."""
    values = evaluation.images.get(name, {})
    return {metric: written(value)[0] for metric, value in values.items()}


def missing(evaluation: Evaluation, heading: str = "Not computed, and why") -> Iterator[Html]:
    """The metrics without a value, and the reasons; those of one reason together."""
    if evaluation.missing:
        yield tag("h2", heading)
        yield definitions(evaluation.reasons)


def protocol_table(protocol: Mapping[str, Any]) -> Html:
    """How it was measured, nested values flattened."""
    return definitions(flattened(protocol)) if protocol else join(tag("p", "Not recorded."))


def flattened(protocol: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested mappings as `outer.inner`, values as text."""
    flat = {}
    for key, value in protocol.items():
        if isinstance(value, Mapping) and value:
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = _plain(value)
    return flat


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set):
        return ", ".join(map(_plain, value)) or "none"
    return "none" if value is None or value == {} else str(value)
