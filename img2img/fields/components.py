"""Instances of label maps that come without: the connected pieces of every class."""

import cv2
import numpy as np

from img2img.labels import INSTANCES_PER_CLASS


def components(label: np.ndarray) -> np.ndarray:
    """The connected pieces of a label map, as instance ids.

    Pieces are joined over 4 neighbours, so that their boundaries are those of the labels.

    Args:
        label: integers (H, W), not negative.

    Returns:
        int64 (H, W): class * 1000 + k, the largest piece of a class first. From the 1000th
        piece on a class's pieces, which are specks, share the last number.
    """
    instance = np.zeros(label.shape, np.int64)
    for cls in np.unique(label).tolist():
        mask = label == cls
        _, pieces, stats, _ = cv2.connectedComponentsWithStats(
            mask.astype(np.uint8), connectivity=4
        )
        largest_first = np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")
        numbers = np.empty(len(stats), np.int64)
        numbers[1 + largest_first] = np.arange(len(largest_first)).clip(max=INSTANCES_PER_CLASS - 1)
        instance[mask] = cls * INSTANCES_PER_CLASS + numbers[pieces[mask]]
    return instance
