"""Two evaluations of the same inputs on one page."""

from collections.abc import Mapping, Sequence

import numpy as np

from img2img.errors import counted
from img2img.evaluation.pages.scores import difference_rows, flattened, picture_scores, summary
from img2img.evaluation.result import Difference, Evaluation, Shown
from img2img.reporting.html import render


def comparison_page(
    first: Evaluation,
    second: Evaluation,
    differences: Mapping[str, Difference],
    pairs: Sequence[tuple[Shown, Shown]],
    grids: Sequence[np.ndarray] = (),
) -> str:
    """The whole comparison as one HTML file.

    Args:
        differences: by metric, second minus first.
        pairs: the same input by both; inputs and the real picture are taken from the first.
        grids: of two runs that draw from noise instead, uint8 RGB (H, W, 3).
    """
    names = told_apart(first.name, second.name)
    one, other = flattened(first.protocol), flattened(second.protocol)
    protocols = [
        (key, one.get(key, "not recorded"), other.get(key, "not recorded")) for key in one | other
    ]
    unlike = sum(mine != its for _, mine, its in protocols)
    reasons = [
        (f"Not computed for {name}, and why", evaluation.reasons)
        for name, evaluation in zip(names, (first, second), strict=True)
    ]
    if first.missing == second.missing:
        reasons = [("Not computed, and why", first.reasons)]
    return render(
        "comparison.html",
        title=f"{first.name} and {second.name} compared",
        names=names,
        summary=summary(differences),
        differences=difference_rows(differences),
        reasons=reasons,
        pairs=[(*pair, _note(first, second, pair)) for pair in pairs],
        grids=grids,
        protocols=protocols,
        unlike=f"{counted(unlike, 'difference')}, marked."
        if unlike
        else "In the same way for both.",
    )


def told_apart(first: str, second: str, form: str = "{} ({})") -> tuple[str, str]:
    """Two names, with which is which where they are the same."""
    if first != second:
        return first, second
    return form.format(first, "first"), form.format(second, "second")


def _note(first: Evaluation, second: Evaluation, pair: tuple[Shown, Shown]) -> str:
    """The scores of a picture by both."""
    own, others = (picture_scores(e, s.name) for e, s in zip((first, second), pair, strict=True))
    return ", ".join(f"{m} {own[m]} and {others[m]}" for m in own if m in others)
