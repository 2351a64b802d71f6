"""Resizing, one implementation for training and translating: the network sees the same pixels."""

import cv2
import numpy as np

_CHANNELS = 4  # OpenCV refuses more in some combinations of method and type


def resize_ids(ids: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An id map at another size, by nearest neighbour without a shift.

    Args:
        ids: (H, W), any integer type; every id stays as it is.
        size: (height, width) of the result, at least 1.

    Returns:
        `size`, the same type: the pixels that OpenCV's INTER_NEAREST_EXACT takes.
    """
    if ids.shape == tuple(size):
        return ids
    rows, columns = (_nearest(*lengths) for lengths in zip(ids.shape, size, strict=True))
    return ids[rows[:, None], columns]


def _nearest(old: int, new: int) -> np.ndarray:
    """The places that OpenCV takes along one axis: no formula of ours rounds ties as it does."""
    places = np.arange(old, dtype=np.int32)[None]
    return cv2.resize(places, (new, 1), interpolation=cv2.INTER_NEAREST_EXACT)[0]


def resize_image(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture at another size: averaged along axes that shrink, cubic along those that grow.

    Args:
        array: (H, W, C), any number of channels; integers or floats as stored.
        size: (height, width) of the result, at least 1.

    Returns:
        (*size, C) float32, within the range of an integer type; cubic interpolation may
        overshoot the values of floats. `array` itself where the size is the same.
    """
    if array.shape[:2] == tuple(size):
        return array
    smaller = (min(size[0], array.shape[0]), min(size[1], array.shape[1]))
    resized = array.astype(np.float32)
    # One after the other: INTER_AREA does not average where one of the two axes grows.
    for step, method in ((smaller, cv2.INTER_AREA), (size, cv2.INTER_CUBIC)):
        if resized.shape[:2] != tuple(step):
            resized = _resize(resized, step, method)
    if np.issubdtype(array.dtype, np.integer):
        limits = np.iinfo(array.dtype)
        resized = resized.clip(limits.min, limits.max)
    return resized


def _resize(array: np.ndarray, size: tuple[int, int], method: int) -> np.ndarray:
    """float32 (H, W, C) -> (*size, C)."""
    groups = [
        cv2.resize(
            np.ascontiguousarray(array[..., first : first + _CHANNELS]),
            (size[1], size[0]),
            interpolation=method,
        ).reshape(*size, -1)
        for first in range(0, array.shape[2], _CHANNELS)
    ]
    return np.concatenate(groups, axis=2)
