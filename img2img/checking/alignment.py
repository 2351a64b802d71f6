"""Does the photo lie where its label map says? Their edges are laid over one another, shifted.

Measured on the pairs of CMP Facades, CamVid, Cityscapes, COCO-Stuff, ISBI membranes and the
built-in scenes: edges agree best without a shift (the annotators' habits move the best place by one
pixel at most), and 0.57 to 1 of all pairs agree on where; moved by 3 to 8 pixels, the shift is found on
all of them, with t of 5 and more.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from img2img.checking.finding import Finding

REACH = 12  # pixels by which edges are shifted to each side
_SIDE = 640  # pixels of the middle of a picture that are looked at
_LEAST_PAIRS = 4
_LEAST_SHIFT = 2  # pixels; one is within what annotators and filters do
_LEAST_T = 4.0  # how many standard errors the shifted edges agree better
_LEAST_AGREEING = 0.4  # share of pairs whose own best shift is that of all, within a pixel
_LEAST_GAIN = 0.2  # of the height of the peak over its surroundings


def edges_of_ids(ids: np.ndarray) -> np.ndarray:
    """Where ids (H, W) differ from one of the four neighbours: float32 (H, W) of zeros and ones."""
    edge = np.zeros(ids.shape, np.float32)
    across, down = ids[:, 1:] != ids[:, :-1], ids[1:] != ids[:-1]
    edge[:, 1:][across] = edge[:, :-1][across] = 1
    edge[1:][down] = edge[:-1][down] = 1
    return edge


def edges_of_picture(image: np.ndarray) -> np.ndarray:
    """The root of the brightness's gradient in a picture (H, W, C): float32 (H, W)."""
    grey = cv2.GaussianBlur(image.mean(-1, dtype=np.float32), (0, 0), 1)
    # The root keeps a few strong edges, as of a shadow, from outweighing all others.
    return np.sqrt(np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)))


def correlate(fixed: np.ndarray, moved: np.ndarray) -> np.ndarray | None:
    """How edges (H, W) agree at every shift.

    Returns:
        Correlations float32 (2 REACH + 1, 2 REACH + 1); the middle is no shift, further right
        means that what is in `moved` lies further right. None where there are no edges, or the
        picture is too small.
    """
    fixed, moved = _middle(fixed), _middle(moved)
    if min(fixed.shape) < 4 * REACH:
        return None
    inner = np.ascontiguousarray(fixed[REACH:-REACH, REACH:-REACH])
    if inner.std() == 0 or not np.isfinite(moved).all() or moved.std() == 0:
        return None
    found = cv2.matchTemplate(np.ascontiguousarray(moved), inner, cv2.TM_CCOEFF_NORMED)
    return found if np.isfinite(found).all() else None


def _middle(edges: np.ndarray) -> np.ndarray:
    y, x = (max(0, (length - _SIDE) // 2) for length in edges.shape)
    return edges[y : y + _SIDE, x : x + _SIDE]


@dataclass
class Alignment:
    """The correlations of a sample of pairs.

    Attributes:
        maps: float32 (2 REACH + 1, 2 REACH + 1), one a pair.
    """

    maps: list[np.ndarray] = field(default_factory=list)

    def mean(self) -> np.ndarray:
        """The mean of all maps; there must be one."""
        return np.mean(self.maps, 0)

    def shift(self) -> tuple[int, int]:
        """(right, down): where the photos' edges lie best, in pixels."""
        return _peak(self.mean())

    def finding(self) -> Finding | None:
        """The warning that photos lie beside their inputs, None where they do not."""
        if len(self.maps) < _LEAST_PAIRS:
            return None
        right, down = self.shift()
        if max(abs(right), abs(down)) < _LEAST_SHIFT or not self._clear(right, down):
            return None
        agreeing = self._agreeing(right, down)
        where = _words(right, down)
        return Finding(
            "warning",
            f"the target's edges lie {where} of the input's: so they agree best in {agreeing} of "
            f"{len(self.maps)} pairs that were compared. The generator would learn to shift. Move "
            f"the targets back by that much, or look how inputs and targets came to differ",
        )

    def _clear(self, right: int, down: int) -> bool:
        """Whether the shift is better than none in nearly all pairs, and clearly."""
        mean, (y, x) = self.mean(), (down + REACH, right + REACH)
        gains = np.array([own[y, x] - own[REACH, REACH] for own in self.maps], np.float64)
        error = gains.std(ddof=1) / math.sqrt(len(gains))
        gain, height = mean[y, x] - mean[REACH, REACH], mean[y, x] - np.median(mean)
        return bool(
            gains.mean() > _LEAST_T * error
            and gain > _LEAST_GAIN * height > 0
            and self._agreeing(right, down) >= _LEAST_AGREEING * len(self.maps)
        )

    def _agreeing(self, right: int, down: int) -> int:
        """How many pairs are best at this shift, or a pixel beside it."""
        own: Sequence[tuple[int, int]] = [_peak(found) for found in self.maps]
        return sum(max(abs(x - right), abs(y - down)) <= 1 for x, y in own)


def _peak(correlations: np.ndarray) -> tuple[int, int]:
    y, x = np.unravel_index(correlations.argmax(), correlations.shape)
    return int(x) - REACH, int(y) - REACH


def _words(right: int, down: int) -> str:
    parts = []
    if right:
        parts.append(f"{abs(right)} px {'right' if right > 0 else 'left'}")
    if down:
        parts.append(f"{abs(down)} px {'below' if down > 0 else 'above'}")
    return " and ".join(parts)
