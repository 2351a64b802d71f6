"""The training's numbers as charts, those together that belong together."""

from collections.abc import Iterator, Mapping

from markupsafe import Markup

from img2img.evaluation.pages.training_log import Points
from img2img.reporting.charts import line_chart

# Names are GROUP/TERM, as in metrics.jsonl; the groups of losses are the updates' names.
LOSSES = {"generator": "Generator losses", "discriminator": "Discriminator losses"}
TITLES = {"val": "Validation", "lr": "Learning rate"}
# What the health monitor looks at, by the last part of its names: numbers of one kind stand together,
# whoever they are of.
WATCHED = {
    "accuracy": "Share of verdicts that are right",
    "gain": "Gain on a constant answer",
    "distance": "Distance as the discriminator sees it",
    "convergence": "Measure of convergence",
    "k": "Balance",
    "spread": "Variation of pixels",
    "grid": "Strength of grids of 4 pixels",
    "moved": "Way of the weights between two lines",
    "skipped": "Updates that were not made",
}
HIDDEN = ("epoch",)  # it only rises


def curves(
    log: Mapping[str, Points], roles: Mapping[str, str]
) -> tuple[list[Markup], list[tuple[str, str, int]]]:
    """A chart for each group of numbers; one for each validation metric, their units differ.

    Args:
        log: (step, value) by name, finite.
        roles: of the updates, by name; several of one role have a chart each.

    Returns:
        The charts; and name, value and step of what was measured once only.
    """
    shown = {name: points for name, points in log.items() if points and name not in HIDDEN}
    last = max((points[-1][0] for points in shown.values()), default=0)
    wide = {*roles, "moved"}  # drawn on a logarithmic scale where they need it
    charts = [
        line_chart(title, lines, last=last, logarithmic=group in wide)
        for group, title, lines in _groups(shown, roles)
    ]
    once = [
        (name, f"{points[0][1]:.4g}", points[0][0])
        for name, points in shown.items()
        if len(points) == 1
    ]
    return charts, once


def _titles(roles: Mapping[str, str]) -> dict[str, str]:
    """Titles of the updates' losses, by name, generators first; with the name where a role has several."""
    titles: dict[str, str] = {}
    for role in dict.fromkeys((*LOSSES, *roles.values())):
        names = [name for name, its in roles.items() if its == role]
        title = LOSSES.get(role, "Other losses")
        titles |= {name: title if len(names) == 1 else f"{title}: {name}" for name in names}
    return titles


def _groups(
    shown: Mapping[str, Points], roles: Mapping[str, str]
) -> Iterator[tuple[str, str, dict[str, Points]]]:
    """Group, title and lines of every chart; known groups come first."""
    titles = _titles(roles) | TITLES | WATCHED
    groups: dict[str, dict[str, Points]] = {group: {} for group in titles}
    for name, points in shown.items():
        group, _, term = name.partition("/")
        if term in WATCHED:
            group, term = term, group
        if len(points) > 1:
            groups.setdefault(group, {})[term or name] = points
    for group, lines in groups.items():
        title = titles.get(group, group)
        if group == "val":
            yield from ((group, f"{title}: {term}", {term: lines[term]}) for term in lines)
        elif lines:
            yield group, title, lines
