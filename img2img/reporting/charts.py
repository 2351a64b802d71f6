"""Line charts as SVG inside a page: no script, no library, readable when printed."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from img2img.reporting.html import render

WIDTH, HEIGHT = 520, 280  # units of the drawing; the page scales it
LEFT, RIGHT, TOP, BOTTOM = 70, 22, 10, 42  # margins around the lines
COLUMNS = 260  # of a thinned line, each with its smallest and largest value
STRETCHES = 60  # of a line, over each of which a mean is taken
MEANS_FROM = 120  # points, above which single ones say little
DOTS = 40  # points up to which each is marked
LOGARITHMIC_FROM = 50  # times that the largest value is the smallest
LEAST = 1e-12  # smaller differences are no differences
# Okabe and Ito's colours, told apart by the colour-blind too (jfly.uni-koeln.de/color).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Scale:
    """Values on one axis: where they are drawn, and which are written beside it.

    Attributes:
        low, high: values at the two ends.
        start, end: their places.
    """

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Where a value is drawn."""
        low, high = self.low, self.high
        if self.logarithmic:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values, about five, within the ends."""
        return self._decades() if self.logarithmic else self._steps()

    @property
    def labels(self) -> list[tuple[str, float]]:
        """The ticks as they are written, and their places."""
        return [(short(value), round(self.place(value), 1)) for value in self.ticks()]

    def _steps(self) -> list[float]:
        rough = (self.high - self.low) / 6
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * round_ for round_ in (1, 2, 2.5, 5, 10) if power * round_ >= rough)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        # Rounded, else 3 * 0.1 is written as 0.30000000000000004.
        return [float(f"{number * step:.12g}") for number in range(first, last + 1)]

    def _decades(self) -> list[float]:
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        fine = [float(f"{factor}e{power}") for power in powers for factor in (1, 2, 5)]
        inside = [value for value in fine if self.low <= value <= self.high]
        if len(inside) <= 7:
            return inside
        whole = [power for power in powers if self.low <= 10.0**power <= self.high]
        return [float(f"1e{power}") for power in whole[:: math.ceil(len(whole) / 6)]]


def line_chart(
    title: str,
    lines: Mapping[str, Points],
    *,
    last: float,
    logarithmic: bool = False,
    across: str = "step",
) -> Markup:
    """A chart of values by step as a `<figure>`, with a legend that tells the last ones.

    Args:
        lines: by name (step, value), finite, at least one each; steps rise.
        last: the step at the right end; the left one is 0.
        logarithmic: whether values may be drawn on a logarithmic axis, which is done where
            they are positive and of several magnitudes.
        across: what the steps are.
    """
    values = [value for points in lines.values() for _, value in points]
    x = Scale(0.0, max(last, 1.0), LEFT, WIDTH - RIGHT)
    y = _value_scale(min(values), max(values), logarithmic)
    drawn = render(
        "chart.html",
        title=title,
        across=across,
        x=x,
        y=y,
        lines=[_line(number, *pair, x, y) for number, pair in enumerate(lines.items())],
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        bottom=HEIGHT - BOTTOM,
    )
    return Markup(drawn)


def thinned(points: Points) -> Points:
    """Fewer points that look the same: of each column the extremes, and both ends."""
    if len(points) <= 2 * COLUMNS:
        return points
    kept = {points[0], points[-1]}
    for column in _columns(points, COLUMNS):
        kept |= {min(column, key=lambda p: p[1]), max(column, key=lambda p: p[1])}
    return sorted(kept)


def means(points: Points) -> Points:
    """The mean step and value of each of up to 60 stretches of steps."""
    return [
        (math.fsum(steps) / len(steps), math.fsum(value / len(values) for value in values))
        for steps, values in (zip(*part, strict=True) for part in _columns(points, STRETCHES))
    ]


def _columns(points: Points, count: int) -> Iterable[list[tuple[float, float]]]:
    """The points in so many columns of equal width, those without points left out."""
    first, width = points[0][0], (points[-1][0] - points[0][0]) / count
    columns: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        columns.setdefault(min(count - 1, int((point[0] - first) / width)), []).append(point)
    return columns.values()


def short(value: float) -> str:
    """A round number as it stands at an axis: 20k, 0.15, 1e-05."""
    for start, unit, suffix in ((1e12, 1, ""), (1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= start:
            return f"{value / unit:.6g}{suffix}"
    return f"{value:.6g}"


def _value_scale(low: float, high: float, logarithmic: bool) -> Scale:
    bottom = HEIGHT - BOTTOM
    if logarithmic and low > LEAST and high / low >= LOGARITHMIC_FROM:
        room = (high / low) ** 0.04
        return Scale(low / room, high * room, bottom, TOP, logarithmic=True)
    if high - low <= max(LEAST, 1e-9 * max(abs(low), abs(high))):  # a level line
        room = abs(low) / 2 if abs(low) > LEAST else 0.5
        low, high = low - room, high + room
    room = 0.05 * (high - low)
    from_zero = 0 <= low <= high / 2
    return Scale(0.0 if from_zero else low - room, high + room, bottom, TOP)


def _line(number: int, name: str, points: Points, x: Scale, y: Scale) -> dict[str, Any]:
    """What the template draws; of many points the extremes in a pale colour below the means."""

    def places(some: Points) -> str:
        return " ".join(f"{x.place(step):.1f},{y.place(value):.1f}" for step, value in some)

    many = len(points) > MEANS_FROM
    dots = [
        (f"{name}, step {step}: {value:.6g}", f"{x.place(step):.1f}", f"{y.place(value):.1f}")
        for step, value in points
    ]
    return {
        "name": name,
        "colour": COLOURS[number % len(COLOURS)],
        "last": f"{points[-1][1]:.4g}",
        "pale": places(thinned(points)) if many else "",
        "points": places(means(points) if many else points),
        "dots": dots if len(points) <= DOTS else (),
    }
