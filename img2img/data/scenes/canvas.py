"""The canvas of the street scenes: photo and instance ids under one set of polygons.

Logical coordinates: y runs from 0 (top) to 1 (bottom), x from 0 to width / height.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np

Colour = tuple[int, int, int]
Pair = tuple[float, float]

OVERSAMPLING = 2  # the canvas is so many times larger than the result; _quarters relies on 2
_FIXED = 4  # fractional bits of OpenCV's fixed-point coordinates
_SHADE = 7  # bits of a shading factor's fraction: integers are the same on every machine
_CIRCLE = np.array([(math.cos(k * math.pi / 12), math.sin(k * math.pi / 12)) for k in range(24)])


def tint(colour: Sequence[int], factor: float) -> Colour:
    """The colour, `factor` times as bright, cut off at 255."""
    red, green, blue = colour
    return (
        min(int(red * factor + 0.5), 255),
        min(int(green * factor + 0.5), 255),
        min(int(blue * factor + 0.5), 255),
    )


def _quarters(array: np.ndarray) -> list[np.ndarray]:
    """The four pixels of each 2 x 2 block."""
    return [array[row::2, column::2] for column in (0, 1) for row in (0, 1)]


def box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """The four corners of a rectangle: (4, 2)."""
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], float)


def boxes(x0, y0, x1, y1) -> np.ndarray:
    """The corners of rectangles given as arrays that broadcast: (N, 4, 2)."""
    x0, y0, x1, y1 = np.broadcast_arrays(x0, y0, x1, y1)
    return np.stack([x0, y0, x1, y0, x1, y1, x0, y1], axis=-1).reshape(-1, 4, 2).astype(float)


def disc(x: float, y: float, rx: float, ry: float | None = None) -> np.ndarray:
    """An ellipse as a polygon: (24, 2)."""
    return _CIRCLE * (rx, rx if ry is None else ry) + (x, y)


class Canvas:
    """The photo and the map of instance ids, drawn together at `OVERSAMPLING` times the size.

    Attributes:
        image: uint8 (OVERSAMPLING * H, OVERSAMPLING * W, 3) RGB.
        ids: int32 (OVERSAMPLING * H, OVERSAMPLING * W).
    """

    def __init__(self, height: int, width: int):
        self.unit = OVERSAMPLING * height  # pixels per logical unit
        shape = (OVERSAMPLING * height, OVERSAMPLING * width)
        self.image = np.zeros((*shape, 3), np.uint8)
        self.ids = np.zeros(shape, np.int32)

    def fill(self, points: np.ndarray, colour: Colour, instance: int | None = None) -> None:
        """Fills one polygon (N, 2) or several (M, N, 2); with an instance also in the ids.

        Args:
            points: outlines that no horizontal line crosses more than twice.
        """
        # Not cv2.fillPoly: it came to fill other pixels with OpenCV 4.11.
        for polygon in self._pixels(points):
            cv2.fillConvexPoly(self.image, polygon, colour, shift=_FIXED)
            if instance is not None:
                cv2.fillConvexPoly(self.ids, polygon, instance, shift=_FIXED)

    def gradient(self, top: float, bottom: float, colours: tuple[Colour, Colour]) -> None:
        """Fills the full width between two heights with a vertical gradient of the photo."""
        first, last = round(top * self.unit), round(bottom * self.unit)
        start, change = np.array(colours[0]), np.subtract(colours[1], colours[0])
        rows = start + np.arange(last - first)[:, None] * change // (last - first)
        self.image[first:last] = rows.astype(np.uint8)[:, None]

    def shade(
        self,
        instance: int,
        around: tuple[float, float, float, float],
        vertical: Pair = (1.0, 1.0),
        horizontal: Pair = (1.0, 1.0),
    ) -> None:
        """Multiplies what is visible of an instance by a ramp across its box (x0, y0, x1, y1)."""
        rows, columns = self._window(around)
        ids = self.ids[rows, columns]
        down = self._ramp(rows, around[1], around[3], vertical)
        across = self._ramp(columns, around[0], around[2], horizontal)
        self._multiply(rows, columns, ids == instance, down[:, None] * across)

    def shadow(self, points: np.ndarray, factor: float) -> None:
        """Darkens the photo inside one polygon (N, 2)."""
        rows, columns = self._window((*points.min(0), *points.max(0)))
        mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        if mask.size:
            corner = np.array((columns.start, rows.start)) / self.unit
            cv2.fillConvexPoly(mask, self._pixels(points - corner)[0], 1, shift=_FIXED)
            self._multiply(rows, columns, mask.astype(bool), factor)

    def photo(self) -> np.ndarray:
        """The photo, anti-aliased: uint8 (H, W, 3)."""
        total = reduce(np.add, (pixels.astype(np.uint16) for pixels in _quarters(self.image)))
        return ((total + 2) >> 2).astype(np.uint8)

    def instances(self) -> np.ndarray:
        """The id that most of each pixel shows: int32 (H, W)."""
        a, b, c, d = _quarters(self.ids)
        return np.where((b == c) | (b == d), b, np.where(c == d, c, a))

    def _pixels(self, points: np.ndarray) -> np.ndarray:
        """Polygons in fixed-point coordinates of pixels: int32 (M, N, 2)."""
        # OpenCV counts from the centre of the first pixel, logical coordinates from its corner.
        scale = 1 << _FIXED
        fixed = np.rint(points * (self.unit * scale) - 0.5 * scale).astype(np.int32)
        return fixed[None] if fixed.ndim == 2 else fixed

    def _window(self, around: Sequence[float]) -> tuple[slice, slice]:
        """Rows and columns of the pixels that a box (x0, y0, x1, y1) touches."""
        height, width = self.ids.shape
        x0, y0, x1, y1 = (round(value * self.unit) for value in around)
        left, top = min(max(x0 - 1, 0), width), min(max(y0 - 1, 0), height)
        right, bottom = max(left, min(x1 + 1, width)), max(top, min(y1 + 1, height))
        return slice(top, bottom), slice(left, right)

    def _ramp(self, pixels: slice, start: float, stop: float, ends: Pair) -> np.ndarray:
        """From the first end at `start` to the second at `stop`, at the centres of pixels."""
        at = ((np.arange(pixels.start, pixels.stop) + 0.5) / self.unit - start) / (stop - start)
        return ends[0] + (ends[1] - ends[0]) * at.clip(0, 1)

    def _multiply(
        self, rows: slice, columns: slice, mask: np.ndarray, factor: np.ndarray | float
    ) -> None:
        region = self.image[rows, columns]
        one = np.uint16(1 << _SHADE)
        scale = np.where(mask, np.rint(factor * one).astype(np.uint16), one)
        region[:] = np.minimum(region * scale[:, :, None] >> _SHADE, 255)


@dataclass(frozen=True)
class Place:
    """Where a thing stands: metres from its foot (x right, y up) to logical coordinates."""

    x: float
    y: float
    metre: float
    facing: int = 1  # -1: mirrored

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return points * (self.metre * self.facing, -self.metre) + (self.x, self.y)

    def box(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        """The box between two heights and two sides, as `Canvas.shade` wants it."""
        (left, bottom), (right, top) = self(np.array([(x0, y0), (x1, y1)]))
        return min(left, right), top, max(left, right), bottom


@dataclass(frozen=True)
class Wall:
    """A wall of a house in perspective: the first of each pair at its near edge, then the far."""

    x: Pair
    foot: Pair
    top: Pair
    nearness: float = 1.0  # how many times nearer the near edge is

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Points in shares of the wall, (u along it, v up), to logical coordinates."""
        u, v = points[..., 0], points[..., 1]
        t = self.nearness * u / (1 - u + self.nearness * u)  # equal lengths shrink with distance
        foot = self.foot[0] + t * (self.foot[1] - self.foot[0])
        top = self.top[0] + t * (self.top[1] - self.top[0])
        x = self.x[0] + t * (self.x[1] - self.x[0])
        return np.stack([x, foot + v * (top - foot)], axis=-1)
