"""Two evaluations of the same inputs on one page."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from img2img.errors import counted
from img2img.evaluation.pages.report import LARGEST
from img2img.evaluation.pages.scores import (
    BETTER,
    EQUAL,
    SCORES_STYLE,
    UNKNOWN,
    WORSE,
    difference_table,
    flattened,
    missing,
    picture_scores,
    verdict,
)
from img2img.evaluation.pages.slider import SLIDER_SCRIPT, SLIDER_STYLE, pair, switch
from img2img.evaluation.result import Difference, Evaluation, Shown
from img2img.reporting.html import Html, page, picture, table, tag


def comparison_page(
    first: Evaluation,
    second: Evaluation,
    differences: Mapping[str, Difference],
    rows: list[tuple[Shown, Shown]],
    grids: Sequence[np.ndarray] = (),
) -> str:
    """The whole comparison as one HTML file.

    Args:
        differences: by metric, second minus first.
        rows: the same input by both; inputs and the real picture are taken from the first.
        grids: of two runs that draw from noise instead, uint8 RGB (H, W, 3).
    """
    title = f"{first.name} and {second.name} compared"
    names = _told_apart(first.name, second.name)
    body = [
        tag("h1", title),
        *_scores(differences, names),
        *_missing(first, second, names),
        tag("h2", "Drawn pictures" if grids else "The same inputs"),
        *(_grids(names, grids) if grids else _pictures(first, second, names, rows)),
        tag("h2", "How it was measured"),
        *_protocols(first, second, names),
    ]
    return page(title, *body, style=SCORES_STYLE + SLIDER_STYLE, script=SLIDER_SCRIPT)


def _told_apart(first: str, second: str) -> tuple[str, str]:
    if first == second:
        return f"{first} (first)", f"{second} (second)"
    return first, second


def _scores(differences: Mapping[str, Difference], names: tuple[str, str]) -> Iterator[Html]:
    if not differences:
        yield tag("p", "The two have no metric in common.")
        return
    words: dict[str, list[str]] = {BETTER: [], WORSE: [], EQUAL: [], UNKNOWN: []}
    for metric, found in differences.items():
        words[verdict(found)].append(metric)
    said = "; ".join(f"{word}: {', '.join(some)}" for word, some in words.items() if some)
    yield tag("p", tag("b", names[1]), " against ", tag("b", names[0]), f": {said}.")
    yield difference_table(differences, *names)
    note = (
        "A change is second minus first; of translations, over the pictures that both have. Where "
        "its interval leaves out 0, other pictures of the same kind would hardly turn it round."
    )
    yield tag("p", note, class_="faint")


def _missing(first: Evaluation, second: Evaluation, names: tuple[str, str]) -> Iterator[Html]:
    if first.missing == second.missing:
        yield from missing(first)
        return
    for evaluation, name in zip((first, second), names, strict=True):
        yield from missing(evaluation, f"Not computed for {name}, and why")


def _pictures(
    first: Evaluation,
    second: Evaluation,
    names: tuple[str, str],
    rows: Sequence[tuple[Shown, Shown]],
) -> Iterator[Html]:
    if not rows:
        yield tag("p", "There are none to show.")
        return
    yield switch(f"slide between {names[0]} and {names[1]}", on=False)
    for one, other in rows:
        own = picture_scores(first, one.name)
        others = picture_scores(second, other.name)
        note = ", ".join(f"{m} {own[m]} and {others[m]}" for m in own if m in others)
        yield pair(
            one.name,
            note,
            (names[0], one.translated),
            (names[1], other.translated),
            before=one.inputs,
            after={"real": one.real},
        )


def _grids(names: tuple[str, str], grids: Sequence[np.ndarray]) -> Iterator[Html]:
    for name, grid in zip(names, grids, strict=True):
        yield tag("h3", name)
        yield picture(grid, f"pictures drawn by {name}", largest=LARGEST)


def _protocols(first: Evaluation, second: Evaluation, names: tuple[str, str]) -> Iterator[Html]:
    one, other = flattened(first.protocol), flattened(second.protocol)
    rows = []
    for key in one | other:
        values = (one.get(key, "not recorded"), other.get(key, "not recorded"))
        kind = "wrapped unlike" if values[0] != values[1] else "wrapped"
        rows.append((key, *(tag("span", value, class_=kind) for value in values)))
    if not rows:
        yield tag("p", "Not recorded.")
        return
    unlike = sum(one.get(key) != other.get(key) for key in one | other)
    said = f"{counted(unlike, 'difference')}, marked." if unlike else "In the same way for both."
    yield tag("p", said)
    yield table(("", *names), rows)
