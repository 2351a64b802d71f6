"""Line charts: every point at its place, found again by the axes' own labels."""

import math
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from img2img.reporting.charts import HEIGHT, WIDTH, Scale, line_chart, means, short, thinned

LARGEST = float(np.finfo(np.float32).max)
VALUES = st.lists(st.floats(-LARGEST, LARGEST), min_size=2, max_size=30)


class Chart:
    """A drawn chart, read as XML.

    Attributes:
        lines: the places of each line's points, (N, 2), by kind and order.
        dots: the titles of the marked points.
    """

    def __init__(self, html):
        self.root = ElementTree.fromstring(html)
        self.lines = {"pale": [], "": []}
        for line in self.root.iter("polyline"):
            places = [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]
            self.lines[line.get("class", "")].append(np.array(places))
        self.dots = [dot.find("title").text for dot in self.root.iter("circle")]
        self.legend = ["".join(entry.itertext()) for entry in self.root.iter("li")]

    def ticks(self, axis):
        """The labels' values and places along an axis."""
        group = next(g for g in self.root.iter("g") if g.get("class") == axis)
        texts = [text for text in group.iter("text") if text.text != "step"]
        values = [float(text.text.replace("k", "e3").replace("M", "e6")) for text in texts]
        # Labels beside the axis are drawn on a line of text whose middle is 4.5 higher.
        lift = 4.5 if axis == "y" else 0
        return np.array(values), np.array([float(text.get(axis)) - lift for text in texts])


def straight(ticks, values):
    """Where values belong, by a straight line through the outermost labels."""
    (known, places) = ticks
    slope = (places[-1] - places[0]) / (known[-1] - known[0])
    return places[0] + (np.asarray(values) - known[0]) * slope


def test_points_lie_where_the_labels_say():
    points = [(0, 0.2), (500, 1.7), (1000, 0.9), (4000, 3.1)]
    chart = Chart(line_chart("Losses", {"l1": points}, last=5000))
    steps, values = zip(*points, strict=True)
    [line] = chart.lines[""]
    np.testing.assert_allclose(line[:, 0], straight(chart.ticks("x"), steps), atol=0.11)
    np.testing.assert_allclose(line[:, 1], straight(chart.ticks("y"), values), atol=0.11)
    assert chart.dots[1] == "l1, step 500: 1.7"


def test_losses_of_several_magnitudes_are_logarithmic():
    points = [(1, 0.002), (2, 0.04), (3, 5.0)]
    chart = Chart(line_chart("Losses", {"real": points}, last=3, logarithmic=True))
    values, places = chart.ticks("y")
    wanted = straight((np.log10(values), places), np.log10([0.002, 0.04, 5.0]))
    np.testing.assert_allclose(chart.lines[""][0][:, 1], wanted, atol=0.11)
    assert "logarithmic" in chart.root.find("svg").find("title").text
    level = line_chart("Losses", {"real": [(1, 0.0), (2, 5.0)]}, last=3, logarithmic=True)
    assert "logarithmic" not in level


@given(VALUES, st.booleans())
def test_any_values_stay_in_the_frame_and_in_order(values, logarithmic):
    lines = {"a": list(enumerate(values))}
    [line] = Chart(line_chart("x", lines, last=len(values), logarithmic=logarithmic)).lines[""]
    assert np.isfinite(line).all()
    assert (line >= 0).all() and (line <= (WIDTH, HEIGHT)).all()
    assert (np.diff(line[:, 0]) > 0).all()
    assert (np.diff(line[np.argsort(values, kind="stable"), 1]) <= 0).all()  # y points down


@given(st.floats(-LARGEST, LARGEST), st.floats(1e-9, LARGEST))
def test_labels_are_few_round_numbers_within_the_axis(low, span):
    span = max(span, 1e-6 * abs(low))
    ticks = Scale(low, low + span, 0, 100).ticks()
    assert 2 <= len(ticks) <= 7
    room = 1e-6 * span
    assert low - room <= ticks[0] and ticks[-1] <= low + span + room
    step = (ticks[-1] - ticks[0]) / (len(ticks) - 1)
    mantissa = step / 10 ** math.floor(math.log10(step * 1.0001))
    assert any(math.isclose(mantissa, wanted, rel_tol=1e-3) for wanted in (1, 2, 2.5, 5, 10))


def test_thousands_of_points_are_thinned_and_no_peak_is_lost():
    rng = np.random.default_rng(0)
    values = rng.normal(1, 0.01, 20_000)
    values[7654], values[12_345] = 9.0, -3.0
    points = list(zip(range(0, 200_000, 10), values.tolist(), strict=True))
    kept = thinned(points)
    assert len(kept) < 600 and set(kept) <= set(points) and kept == sorted(kept)
    assert {points[0], points[7654], points[12_345], points[-1]} <= set(kept)
    html = line_chart("Losses", {"adv": points}, last=200_000)
    assert len(html) < 20_000
    chart = Chart(html)
    [pale] = chart.lines["pale"]
    assert pale[:, 1].min() == pytest.approx(straight(chart.ticks("y"), 9.0), abs=0.11)
    assert pale[:, 1].max() == pytest.approx(straight(chart.ticks("y"), -3.0), abs=0.11)


def test_the_strong_line_of_many_points_is_their_mean():
    values = np.random.default_rng(0).normal(size=600)
    points = list(zip(range(600), values.tolist(), strict=True))
    found = np.array(means(points))
    np.testing.assert_allclose(found[:, 1], values.reshape(60, 10).mean(1))
    np.testing.assert_allclose(found[:, 0], np.arange(600).reshape(60, 10).mean(1))
    chart = Chart(line_chart("Losses", {"adv": points}, last=600))
    wanted = straight(chart.ticks("y"), found[:, 1])
    np.testing.assert_allclose(chart.lines[""][0][:, 1], wanted, atol=0.11)
    assert not chart.dots


def test_names_are_escaped_and_last_values_told():
    points = [(1, 2.0), (2, 0.123456)]
    chart = Chart(line_chart("<b>", {"<script>": points, "ü": [(1, 5.0), (2, 6.0)]}, last=2))
    assert chart.legend == ["<script> 0.1235", "ü 6"]
    assert chart.root.find("svg").find("title").text == "<b> by step: <script>, ü"
    assert chart.root.find("svg").get("role") == "img"


def test_a_level_line_has_a_scale():
    chart = Chart(line_chart("Rate", {"lr": [(10, 0.0002), (20, 0.0002)]}, last=20))
    assert chart.lines[""][0][0, 1] == pytest.approx(straight(chart.ticks("y"), 2e-4), abs=0.11)


def test_labels_are_short():
    written = [short(value) for value in (0, 0.15, 2500, 10_000, 12_500, 2_000_000, -20_000, 1e-5)]
    assert written == ["0", "0.15", "2500", "10k", "12.5k", "2M", "-20k", "1e-05"]
