"""Is a picture learnt by heart? The training pictures that are nearest to it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from img2img.data.describe import Data
from img2img.data.transforms import JointTransform
from img2img.keys import TARGET
from img2img.progress import counting
from img2img.schema import DataConfig

CHUNK = 256  # training pictures compared at once


@dataclass(frozen=True)
class Neighbour:
    """A training picture (C, H, W) in [-1, 1].

    Attributes:
        distance: root mean square difference of the pixels, in units of the pictures.
    """

    name: str
    picture: Tensor
    distance: float


def nearest_neighbours(
    pictures: Tensor, data: Data, config: DataConfig, *, count: int
) -> list[list[Neighbour]]:
    """For each of the pictures (N, C, H, W) its nearest training pictures, the nearest first.

    Raises:
        UserError: a training picture cannot be read.
    """
    transform = JointTransform(config, data.spec, train=False, centred=True)
    queries = pictures.flatten(1)
    best = torch.full((len(pictures), 0), torch.inf)
    index = torch.zeros((len(pictures), 0), dtype=torch.int64)
    numbers = range(len(data.train))
    starts = numbers[::CHUNK]
    for start in counting(starts, len(starts), "comparing"):
        chosen = numbers[start : start + CHUNK]
        found = _read(data, transform, chosen).flatten(1)
        distances = torch.cdist(queries, found, compute_mode="donot_use_mm_for_euclid_dist")
        best = torch.cat([best, distances], dim=1)
        index = torch.cat([index, torch.tensor(chosen).expand(len(pictures), -1)], dim=1)
        best, order = best.sort(dim=1, stable=True)
        best, index = best[:, :count], index.gather(1, order)[:, :count]
    scale = np.sqrt(queries.shape[1])
    return [
        [
            Neighbour(data.train.name(i), _read(data, transform, [i])[0], float(distance) / scale)
            for i, distance in zip(row.tolist(), distances, strict=True)
        ]
        for row, distances in zip(index, best, strict=True)
    ]


def _read(data: Data, transform: JointTransform, indices: Sequence[int]) -> Tensor:
    return torch.stack([transform(data.train.read(i), 0)[TARGET] for i in indices])
