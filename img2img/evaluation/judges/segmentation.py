"""How well a segmenter finds the labels in images: pixel accuracy, class accuracy, IoU."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

MEANS = ("pixel_accuracy", "class_accuracy", "miou")


def count_classes(
    predicted: Tensor, label: Tensor, classes: int, ignore_id: int | None
) -> np.ndarray:
    """What the scores of one or more pictures are made of, by torchmetrics' confusion matrix.

    Args:
        predicted, label: class ids (..., H, W) of the same shape, those of `predicted` in
            [0, classes).
        ignore_id: pixels whose label it is do not count.

    Returns:
        int64 (3, classes): pixels of each class that are found, that there are, and that are
        predicted.
    """
    from torchmetrics.functional.classification import multiclass_confusion_matrix

    matrix = multiclass_confusion_matrix(
        predicted.flatten(), label.flatten(), classes, ignore_index=ignore_id, validate_args=False
    )
    return torch.stack([matrix.diagonal(), matrix.sum(1), matrix.sum(0)]).cpu().numpy()


def score_names(class_names: Sequence[str]) -> list[str]:
    """The names of what `segmentation_scores` returns, in its order."""
    return [
        *MEANS,
        *(f"accuracy/{name}" for name in class_names),
        *(f"iou/{name}" for name in class_names),
    ]


def segmentation_scores(
    right: np.ndarray, labelled: np.ndarray, predicted: np.ndarray
) -> np.ndarray:
    """Pixel accuracy, mean class accuracy, mIoU; then every class's accuracy and IoU.

    Long et al. 2015, Sec. 5. A class that is nowhere has no score (NaN) and no part in the means.

    Args:
        right, labelled, predicted: pixels (classes, ...), as `count_classes` returns them, summed
            over pictures.

    Returns:
        (3 + 2 * classes, ...) in [0, 1].
    """
    union = labelled + predicted - right
    with np.errstate(invalid="ignore", divide="ignore"):
        accuracy, iou = right / labelled, right / union
        means = [right.sum(0) / labelled.sum(0), _mean(accuracy), _mean(iou)]
    return np.concatenate([np.stack(means), accuracy, iou])


def scores_of_sums(counts: Iterable[np.ndarray], axis: int = -1) -> np.ndarray:
    """`segmentation_scores` of all pictures along an axis together."""
    right, labelled, predicted = (array.sum(axis) for array in counts)
    return segmentation_scores(right, labelled, predicted)


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean over classes that have a value; NaN where none has."""
    known = np.isfinite(values)
    return np.where(known, values, 0).sum(0) / known.sum(0)
