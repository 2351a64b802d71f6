"""Editing a label map: pure functions from a map to a new one; arrays are never changed in place."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from img2img.errors import DataError
from img2img.labels import INSTANCES_PER_CLASS

Point = tuple[float, float]  # x, y in pixels; the centre of the first pixel is (0.5, 0.5)


@dataclass(frozen=True)
class LabelMap:
    """What is where. Classes go by the ids that the files of the data set have for them.

    Attributes:
        label: integers (H, W), a class in every pixel.
        instance: integers (H, W), the object's id; None where the run knows of no objects: then
            all that is of one class is one object.
        stuff: classes that are not counted, such as sky: their object's id is the class.
        void: the class of pixels that have none.
    """

    label: np.ndarray
    instance: np.ndarray | None = None
    stuff: frozenset[int] = frozenset()
    void: int | None = None

    @property
    def ids(self) -> np.ndarray:
        """Integers (H, W), the id of every pixel's object."""
        return self.label if self.instance is None else self.instance


def work_of(points: Sequence[Point], radius: float) -> float:
    """Pixels that `stroke` looks at: those in a box around each of its lines."""
    pairs = itertools.pairwise(points)
    side = 2 * radius + 1
    return sum((abs(x1 - x0) + side) * (abs(y1 - y0) + side) for (x0, y0), (x1, y1) in pairs)


def stroke(shape: tuple[int, int], points: Sequence[Point], radius: float) -> np.ndarray:
    """The pixels whose centres lie within `radius` of a line through the points.

    Hard-edged, as labels are; the page draws its preview by the same rule. The pixel under
    the first point always belongs to it, so that the finest brush draws something.

    Args:
        shape: (height, width).
        points: at least one; those outside the picture are allowed.

    Returns:
        bool (H, W).
    """
    height, width = shape
    mask = np.zeros(shape, bool)
    x, y = int(points[0][0]), int(points[0][1])
    if 0 <= x < width and 0 <= y < height:
        mask[y, x] = True
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[-1]], strict=True):
        left, right = _span(x0, x1, radius, width)
        top, bottom = _span(y0, y1, radius, height)
        ys, xs = np.ogrid[top:bottom, left:right]
        ys, xs = ys + 0.5 - y0, xs + 0.5 - x0
        dx, dy = x1 - x0, y1 - y0
        length = dx * dx + dy * dy
        along = ((xs * dx + ys * dy) / length).clip(0, 1) if length else 0.0
        near = (xs - along * dx) ** 2 + (ys - along * dy) ** 2 <= radius * radius
        mask[top:bottom, left:right] |= near
    return mask


def _span(a: float, b: float, radius: float, limit: int) -> tuple[int, int]:
    """First and last + 1 pixel that a line from a to b may touch."""
    low, high = int(min(a, b) - radius) - 1, int(max(a, b) + radius) + 2
    return min(max(low, 0), limit), min(max(high, 0), limit)


def paint(
    before: LabelMap, mask: np.ndarray, cls: int, *, start: Point | None = None, new: bool = False
) -> LabelMap:
    """Gives the pixels of a mask a class.

    They become part of the object of that class at `start`, so that a stroke that begins on
    a car makes it larger; else, and with `new`, an object of their own.

    Raises:
        DataError: no number is free for another object of the class.
    """
    ident = None if new or start is None else _object_at(before, start, cls)
    if ident is None:
        ident = fresh_id(before, cls)
    return _written(before, mask, cls, ident)


def fill(before: LabelMap, point: Point, cls: int) -> LabelMap:
    """Gives the connected piece (over 4 neighbours) of the object under a point a class.

    Raises:
        DataError: as `paint`.
    """
    x, y = _pixel(before, point)
    same = (before.label == before.label[y, x]) & (before.ids == before.ids[y, x])
    _, pieces = cv2.connectedComponents(same.astype(np.uint8), connectivity=4)
    if before.label[y, x] == cls:
        return before
    return _written(before, pieces == pieces[y, x], cls, fresh_id(before, cls))


def erase(before: LabelMap, points: Sequence[Point], radius: float) -> LabelMap:
    """Takes away an object, or the part of it under a stroke; the nearest stuff closes the gap.

    Cars and people do not grow: other things close a gap only where the picture has no stuff, and
    others of the object's own class only where it has nothing else.

    Args:
        points: one: the whole object under it goes; several: what the stroke covers of the
            object under its beginning.

    Raises:
        DataError: nothing else is there to close the gap.
    """
    x, y = _pixel(before, points[0])
    own = (before.ids == before.ids[y, x]) & (before.label == before.label[y, x])
    if own.all():
        raise DataError("this object is the whole picture: nothing is left to close the gap")
    others = ~own & (before.label != before.label[y, x])
    stuff = others & np.isin(before.label, sorted(before.stuff - {before.void}))
    source = next(
        mask for mask in (stuff, others & (before.label != before.void), ~own) if mask.any()
    )
    gone = own if len(points) == 1 else own & stroke(own.shape, points, radius)
    # The nearest pixel of what closes it, for every pixel.
    rows, columns = distance_transform_edt(~source, return_distances=False, return_indices=True)
    label = np.where(gone, before.label[rows, columns], before.label)
    if before.instance is None:
        return replace(before, label=label)
    instance = np.where(gone, before.instance[rows, columns], before.instance)
    return replace(before, label=label, instance=instance)


def replace_at(before: LabelMap, point: Point, new: int) -> LabelMap:
    """Turns every object of the class under a point into one of another class.

    Raises:
        DataError: as `paint`.
    """
    x, y = _pixel(before, point)
    old, after = before.label[y, x], before
    if old != new:
        for ident in np.unique(before.ids[before.label == old]).tolist():
            mask = (before.label == old) & (before.ids == ident)
            after = _written(after, mask, new, fresh_id(after, new))
    return after


def fresh_id(labels: LabelMap, cls: int) -> int:
    """The id of another object of a class: the class's own for stuff, else class * 1000 + k.

    Never one that an object of another class has.

    Raises:
        DataError: all numbers of the class are taken.
    """
    if labels.instance is None:
        return cls
    if cls in labels.stuff and not (labels.label[labels.instance == cls] != cls).any():
        return cls
    taken = set(np.unique(labels.instance).tolist())
    # Ids below 1000 belong to classes without objects, so class 0 counts from behind them.
    first = max(cls * INSTANCES_PER_CLASS, max(labels.stuff, default=-1) + 1)
    for ident in range(first, (cls + 1) * INSTANCES_PER_CLASS):
        if ident not in taken:
            return ident
    raise DataError(f"there are {INSTANCES_PER_CLASS} objects of this class already")


def stuff_classes(
    label: np.ndarray, instance: np.ndarray, known: Iterable[tuple[int, int]]
) -> frozenset[int]:
    """The classes that are not counted: all their pixels, and no others, have the class as id.

    Args:
        label, instance: of one picture; the instances as a file has them: where they are the
            labels' connected pieces, every class is counted.
        known: class and id of objects of other pictures of the data set.
    """
    differ, known = label != instance, set(known)
    own = set(np.unique(label[~differ]).tolist()) | {c for c, ident in known if c == ident}
    counted = set(np.unique(label[differ]).tolist()) | {c for c, ident in known if c != ident}
    return frozenset(own - counted - set(np.unique(instance[differ]).tolist()))


def _object_at(labels: LabelMap, point: Point, cls: int) -> int | None:
    x, y = _pixel(labels, point)
    return int(labels.ids[y, x]) if labels.label[y, x] == cls else None


def _pixel(labels: LabelMap, point: Point) -> tuple[int, int]:
    """Column and row under a point; the nearest where it lies outside."""
    height, width = labels.label.shape
    return min(max(int(point[0]), 0), width - 1), min(max(int(point[1]), 0), height - 1)


def _written(before: LabelMap, mask: np.ndarray, cls: int, ident: int) -> LabelMap:
    label = np.where(mask, cls, before.label)
    if before.instance is None:
        return replace(before, label=label)
    return replace(before, label=label, instance=np.where(mask, ident, before.instance))
