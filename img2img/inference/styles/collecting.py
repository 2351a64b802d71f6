"""Encoding the training photos: one feature vector for every object in them."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import find_objects
from torch import Tensor

from img2img.data.loader import PairDataset, close, iterate, make_loader
from img2img.labels import instance_classes
from img2img.models.base import Model
from img2img.progress import Meter

BATCH = 8  # pictures of one size at a time


@dataclass(frozen=True)
class Collection:
    """All objects of some pictures, a row each; pictures themselves are not kept.

    Attributes:
        features: (n, C) float32, the mean over the whole object.
        classes, ids: of the objects.
        pictures: position of the object's picture in the data set.
        boxes: (n, 4) x, y, width, height at the size at which the network works.
        sizes: pixels.
    """

    features: np.ndarray
    classes: np.ndarray
    ids: np.ndarray
    pictures: np.ndarray
    boxes: np.ndarray
    sizes: np.ndarray


@torch.inference_mode()
def collect(
    model: Model,
    dataset: PairDataset,
    device: torch.device,
    *,
    workers: int,
    limit: int | None = None,
) -> Collection:
    """Encodes every picture once.

    Args:
        model: one with styles, ready to translate.
        dataset: pairs that are not augmented.
        limit: of more pictures than that, so many are taken, evenly spaced.

    Raises:
        DataError: a pair cannot be read.
    """
    count = min(len(dataset), limit or len(dataset))
    indices = [i * len(dataset) // count for i in range(count)]
    step = BATCH if model.spec.size is not None else 1
    keys = [[(i, 0) for i in indices[s : s + step]] for s in range(0, count, step)]
    labels = model.spec.of_kind("labels")
    loader = make_loader(dataset, keys, workers=workers)
    parts: list[tuple[np.ndarray, ...]] = []
    meter = Meter(count, what="encoding pictures")
    try:
        for batch in iterate(loader):
            features = model.encode({n: v.to(device) for n, v in batch.items()}).float().cpu()
            for row in range(len(features)):
                label = batch[labels.name][row, 0] if labels else None
                parts.append(_objects(features[row], batch[model.style_input][row, 0], label))
            meter.advance(len(features))
    finally:
        meter.close()
        close(loader)
    pictures = [np.full(len(part[0]), i) for part, i in zip(parts, indices, strict=True)]
    features, classes, ids, boxes, sizes = (np.concatenate(column) for column in zip(*parts))
    return Collection(features, classes, ids, np.concatenate(pictures), boxes, sizes)


def _objects(features: Tensor, ids: Tensor, label: Tensor | None) -> tuple[np.ndarray, ...]:
    """Features, classes, ids, boxes and sizes of one picture's objects."""
    found, first, index, sizes = np.unique(
        ids.numpy(), return_index=True, return_inverse=True, return_counts=True
    )
    by_id = instance_classes(ids, label)
    classes = np.array([by_id[i] for i in found.tolist()], np.int64)
    slices = find_objects(index.reshape(ids.shape) + 1)
    boxes = [(x.start, y.start, x.stop - x.start, y.stop - y.start) for y, x in slices]
    return features.flatten(1).numpy()[:, first].T, classes, found, np.array(boxes), sizes
