"""Encoding the training photos: one feature vector for every object in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import find_objects
from torch import Tensor

from img2img.data.loader import Key, PairDataset, close, iterate, make_loader
from img2img.distributed.sharing import ProcessGroup
from img2img.labels import instance_classes
from img2img.models.abilities import require_styles
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
    group: ProcessGroup = ProcessGroup(),
) -> Collection:
    """Encodes every picture once.

    Args:
        model: one with styles, ready to translate.
        dataset: pairs that are not augmented.
        limit: of more pictures than that, so many are taken, evenly spaced.
        group: processes that encode a share each; all of them get the whole. Batches are those of
            one process, so that the numbers are, too.

    Raises:
        DataError: a pair cannot be read.
        TrainingError: another process could not read one.
    """
    count = min(len(dataset), limit or len(dataset))
    indices = [i * len(dataset) // count for i in range(count)]
    step = BATCH if model.spec.size is not None else 1
    keys = [[(i, 0) for i in indices[s : s + step]] for s in range(0, count, step)]
    own = group.share(keys)
    encoded = group.together(lambda: _encode(model, dataset, device, own, workers, group.main))
    parts = dict(part for found in group.gather(encoded) for part in found.items())
    pictures = [np.full(len(parts[i][0]), i) for i in indices]
    columns = zip(*(parts[i] for i in indices), strict=True)
    features, classes, ids, boxes, sizes = (np.concatenate(column) for column in columns)
    return Collection(features, classes, ids, np.concatenate(pictures), boxes, sizes)


def _encode(
    model: Model,
    dataset: PairDataset,
    device: torch.device,
    keys: Sequence[list[Key]],
    workers: int,
    shown: bool,
) -> dict[int, tuple[np.ndarray, ...]]:
    """Features, classes, ids, boxes and sizes of the objects of every picture, by its position."""
    encoder, style_input = require_styles(model, "the run")
    labels = model.spec.labels
    loader = make_loader(dataset, keys, workers=workers)
    indices = [index for batch in keys for index, _ in batch]
    parts: list[tuple[np.ndarray, ...]] = []
    meter = Meter(len(indices), what="encoding pictures", shown=shown)
    try:
        for batch in iterate(loader):
            features = encoder.encode({n: v.to(device) for n, v in batch.items()}).float().cpu()
            for row in range(len(features)):
                label = batch[labels.name][row, 0] if labels else None
                parts.append(_objects(features[row], batch[style_input][row, 0], label))
            meter.advance(len(features))
    finally:
        meter.close()
        close(loader)
    return dict(zip(indices, parts, strict=True))


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
