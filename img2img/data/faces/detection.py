"""Finding what a cascade was trained on, in windows of all places and sizes.

As OpenCV does it, but that it passes over the window behind one that fails the first stage: its faces may
lie some pixels off these.
"""

import cv2
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from img2img.data.faces.cascade import Cascade, Stage

FACTOR, NEIGHBOURS = 1.1, 3  # of OpenCV's detectMultiScale
_ALIKE = 0.2  # of OpenCV's groupRectangles: corners may be so far apart, in sides
_FLAT = 10.0  # standard deviation in grey values up to which OpenCV looks no further
_SIGNS = np.array([1, -1, -1, 1])  # of the corners of a rectangle
_AT_ONCE = 1_000_000  # values read in one go
_ROWS = 256  # windows compared with all others in one go


def detect(grey: np.ndarray, cascade: Cascade, *, least: int) -> np.ndarray:
    """Where the cascade fires, the largest first.

    Args:
        grey: (H, W) uint8.
        least: the least side of a window in pixels.

    Returns:
        (K, 4) int: x, y, width, height.
    """
    found, factor = [np.zeros((0, 4), np.int64)], 1.0
    while True:
        size = round(cascade.width * factor), round(cascade.height * factor)
        if size[0] > grey.shape[1] or size[1] > grey.shape[0]:
            break
        if min(size) >= least:
            shape = round(grey.shape[1] / factor), round(grey.shape[0] / factor)
            small = cv2.resize(grey, shape, interpolation=cv2.INTER_LINEAR_EXACT)
            places = _passing(small, cascade, step=1 if factor > 2 else 2)
            places = np.rint(places * factor).astype(np.int64)
            found.append(np.column_stack([places, np.tile(size, (len(places), 1))]))
        factor *= FACTOR
    return _grouped(np.concatenate(found))


def _passing(grey: np.ndarray, cascade: Cascade, *, step: int) -> np.ndarray:
    """(x, y) of the windows of the cascade's own size that pass all stages."""
    height, width = cascade.height, cascade.width
    if grey.shape[0] < height or grey.shape[1] < width:
        return np.zeros((0, 2))
    sums, squares, tilted = cv2.integral3(grey)
    stride, size = sums.shape[1], sums.size
    ys, xs = np.mgrid[0 : grey.shape[0] - height + 1 : step, 0 : grey.shape[1] - width + 1 : step]
    origins = (ys * stride + xs).ravel()
    inner = np.array([1, width - 1]) + np.array([[1], [height - 1]]) * stride
    area = (width - 2) * (height - 2)
    places = origins[:, None] + inner.ravel()
    spread = area * (squares.ravel()[places] @ _SIGNS) - (sums.ravel()[places] @ _SIGNS) ** 2.0
    kept = spread > (area * _FLAT) ** 2
    origins, scales = origins[kept], np.sqrt(spread[kept])
    both = np.concatenate([sums.ravel(), tilted.ravel()])
    for stage in cascade.stages:
        offsets = stage.corners @ (1, stride) + size * stage.tilted[..., None, None]
        count = max(1, _AT_ONCE // offsets.size)
        chosen = [
            _pass_stage(stage, offsets, both, origins[i : i + count], scales[i : i + count])
            for i in range(0, len(origins), count)
        ]
        kept = np.concatenate([np.zeros(0, bool), *chosen])
        origins, scales = origins[kept], scales[kept]
    return np.column_stack([origins % stride, origins // stride])


def _pass_stage(
    stage: Stage, offsets: np.ndarray, table: np.ndarray, origins: np.ndarray, scales: np.ndarray
) -> np.ndarray:
    """Which windows pass, (N,) bool.

    Args:
        offsets: of the stage's corners in the table, (T, D, 3, 4).
        scales: standard deviations times area, by which features are divided.
    """
    values = np.zeros((len(origins), *stage.splits.shape))
    for r, c in np.ndindex(offsets.shape[2:]):
        corners = table[origins[:, None, None] + offsets[:, :, r, c]]
        values += corners * (stage.weights[:, :, r] * _SIGNS[c])
    values /= scales[:, None, None]
    turns = (values >= stage.splits).astype(np.int64)  # 0 left, 1 right
    trees = np.arange(turns.shape[1])
    way = np.zeros(turns.shape[:2], np.int64)
    for _ in range(turns.shape[2]):
        node = way.clip(min=0)
        turn = np.take_along_axis(turns, node[..., None], 2)[..., 0]
        way = np.where(way < 0, way, stage.ways[trees, node, turn])
    return stage.leaves[trees, -1 - way].sum(1) >= stage.threshold


def _grouped(boxes: np.ndarray) -> np.ndarray:
    """The means of alike boxes, where more than `NEIGHBOURS` are; not those inside a stronger one."""
    if not len(boxes):
        return boxes
    pairs = np.concatenate([_alike(boxes, start) for start in range(0, len(boxes), _ROWS)])
    graph = coo_array((np.ones(len(pairs), bool), tuple(pairs.T)), shape=(len(boxes),) * 2)
    _, labels = connected_components(graph, directed=False)
    sizes = np.bincount(labels)
    means = np.stack([np.bincount(labels, weights=column) / sizes for column in boxes.T], 1)
    means, sizes = np.rint(means[sizes > NEIGHBOURS]).astype(np.int64), sizes[sizes > NEIGHBOURS]
    kept = [i for i in range(len(means)) if not _swallowed(i, means, sizes)]
    kept.sort(key=lambda i: -means[i, 2])
    return means[kept]


def _alike(boxes: np.ndarray, start: int) -> np.ndarray:
    """(P, 2): those of `_ROWS` boxes from `start` on, and which of all boxes each is alike."""
    some, sides = boxes[start : start + _ROWS], boxes[:, 2:]
    reach = _ALIKE / 2 * np.minimum(some[:, None, 2:], sides[None]).sum(2)
    corners = np.column_stack([boxes[:, :2], boxes[:, :2] + sides])
    apart = np.abs(corners[start : start + _ROWS, None] - corners[None])
    return np.argwhere((apart <= reach[..., None]).all(2)) + (start, 0)


def _swallowed(i: int, boxes: np.ndarray, sizes: np.ndarray) -> bool:
    """Whether the box lies inside another one that more windows agree on."""
    for j in range(len(boxes)):
        margin = np.rint(boxes[j, 2:] * _ALIKE)
        inside = (boxes[i, :2] >= boxes[j, :2] - margin).all() and (
            boxes[i, :2] + boxes[i, 2:] <= boxes[j, :2] + boxes[j, 2:] + margin
        ).all()
        if j != i and inside and sizes[j] > sizes[i]:
            return True
    return False
