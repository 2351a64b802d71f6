"""Colours between two classes, as smoothing, resizing and JPEG leave them where areas meet.

The palette's nearest colour may then be that of a third class: half black and half (128, 0, 0) is (64, 0, 0),
which is the colour of another class of Pascal VOC. So such a pixel gets a class of its neighbours.
"""

import cv2
import numpy as np

from img2img.fields.palettes import Colour, measure_classes

# Half of the least distance between two colours of most palettes; inside areas of one colour,
# JPEG stays below it down to quality 30. So far from the line between two others, a colour may
# be their mixture.
NEAR = 32
# Values of neighbours in an area of one colour differ by no more.
_FLAT = 4
_REACH = 2  # pixels: edges are smoothed over no more than twice as many
_ROUNDS = 3  # so often classes spread by that into wider edges
# Share of the pixels outside areas that have no colour of the palette, from which on edges are mixed.
_MIXED = 0.1
_CHUNK = 1 << 15  # pixels compared with their neighbours at once
_SQUARE = np.ones((3, 3), np.uint8)


def flat_areas(rgb: np.ndarray) -> np.ndarray:
    """Whether a pixel and its eight neighbours have nearly one colour."""
    return (cv2.dilate(rgb, _SQUARE) - cv2.erode(rgb, _SQUARE)).max(-1) <= _FLAT


def classes_of(
    rgb: np.ndarray, palette: tuple[Colour, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The class of every pixel of a colour-coded map.

    It is that of the nearest colour, in areas of 3x3 pixels and where the colour is the palette's
    and not a mixture of neighbouring areas. Of other pixels it is the class within two pixels whose
    colour is nearest.

    Args:
        rgb: uint8 (H, W, 3).

    Returns:
        The classes, int64 (H, W); the squares of the distances from the palette's nearest colour,
        int32; and bool, which pixels are mixed: those that got the class of a neighbour.
    """
    ids, distances = measure_classes(rgb, palette)
    mixed = np.zeros(ids.shape, bool)
    if not distances.any():
        return ids, distances, mixed
    near = distances <= NEAR**2
    known = _areas(ids, near | flat_areas(rgb))
    outside = ~known
    if (outside & (distances > 0)).sum() < _MIXED * outside.sum():
        known |= distances == 0  # lines and dots of a map that nobody smoothed
    colours = np.array(palette, np.float32)
    places = np.flatnonzero(~known & near)
    windows = _windows(ids, known)
    sure = [_is_own(rgb, ids, windows, part, colours) for part in _parts(places)]
    if sure:
        known.ravel()[places[np.concatenate(sure)]] = True
    for _ in range(_ROUNDS):
        places = np.flatnonzero(~known)
        windows = _windows(ids, known)
        found = [_neighbours(rgb, windows, part, colours) for part in _parts(places)]
        if not found:
            break
        classes = np.concatenate(found)
        there = places[classes >= 0]
        ids.ravel()[there] = classes[classes >= 0]
        known.ravel()[there] = mixed.ravel()[there] = True
    return ids, distances, mixed


def is_between(colours: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Whether colours (N, 3) may be mixtures of two of some classes' (K, 3): bool (N,)."""
    found = np.zeros(len(colours), bool)
    for first in range(len(classes)):
        offsets = classes[first] - colours
        for second in range(first):
            found |= _from_line(offsets, classes[second] - classes[first]) <= NEAR**2
    return found


def _from_line(first: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Squares of the origin's distances from the lines from `first` on to `first + along`."""
    length = (along**2).sum(-1)
    share = (-(first * along).sum(-1) / np.maximum(length, 1)).clip(0, 1)
    return ((first + share[..., None] * along) ** 2).sum(-1)


def _areas(ids: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Whether a pixel lies in a square of 3x3 good ones of one class."""
    planes = ids.astype(np.float32)
    alike = cv2.dilate(planes, _SQUARE) == cv2.erode(planes, _SQUARE)
    inner = alike & (cv2.erode(good.astype(np.uint8), _SQUARE) > 0)
    return cv2.dilate(inner.astype(np.uint8), _SQUARE) > 0


def _parts(places: np.ndarray) -> list[np.ndarray]:
    return [places[start : start + _CHUNK] for start in range(0, len(places), _CHUNK)]


def _windows(ids: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The known classes around each pixel, -1 for unknown ones: a view (H, W, 5, 5)."""
    planes = np.pad(np.where(known, ids, -1), _REACH, constant_values=-1)
    return np.lib.stride_tricks.sliding_window_view(planes, (2 * _REACH + 1,) * 2)


def _around(windows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Those around some pixels: (N, 25)."""
    rows, columns = np.unravel_index(places, windows.shape[:2])
    return windows[rows, columns].reshape(len(places), -1)


def _is_own(rgb, ids, windows, places, colours) -> np.ndarray:
    """Whether near pixels are of their own class, and no mixture of areas around: bool (N,)."""
    around = _around(windows, places)
    own = (around == ids.ravel()[places][:, None]).any(1)
    pixels = rgb.reshape(-1, 3)[places].astype(np.float32)
    offsets = colours[around] - pixels[:, None]  # from the pixel to its neighbours' colours
    squares = np.where(around < 0, np.inf, (offsets**2).sum(-1))
    first = np.take_along_axis(offsets, squares.argmin(1)[:, None, None], 1)
    along = offsets - first
    near = _from_line(first, along) <= NEAR**2
    between = (near & (around >= 0) & (along != 0).any(-1)).any(1)
    return own | ~between


def _neighbours(rgb, windows, places, colours) -> np.ndarray:
    """The class around each of some pixels whose colour is nearest, -1 where none is known: (N,)."""
    around = _around(windows, places)
    pixels = rgb.reshape(-1, 3)[places].astype(np.float32)
    squares = ((colours[around] - pixels[:, None]) ** 2).sum(-1)
    nearest = np.where(around < 0, np.inf, squares).argmin(1)
    return np.take_along_axis(around, nearest[:, None], 1)[:, 0]
