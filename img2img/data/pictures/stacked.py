"""Pictures without partners as one tensor with their classes, for whoever judges by them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from img2img.data.describe import Data
from img2img.data.loader import at_random
from img2img.data.transforms import JointTransform
from img2img.keys import CLASS, TARGET
from img2img.progress import counting
from img2img.schema import DataConfig

EVERY = 5  # one picture of a class in so many is held out


@dataclass(frozen=True)
class Stacked:
    """Images (N, C, H, W) in [-1, 1].

    Attributes:
        classes: (N,) int64; None where the pictures have none.
        names: of the classes.
    """

    images: Tensor
    classes: Tensor | None
    names: tuple[str, ...]


def stack_pictures(config: DataConfig, data: Data, count: int | None = None) -> Stacked:
    """The training pictures as the networks see them, none of them varied.

    Args:
        data: of pictures that all have their own class, or none.
        count: at most so many, at random; None: all.

    Raises:
        UserError: a picture cannot be read.
    """
    transform = JointTransform(config, data.spec, train=False, centred=True)
    total = len(data.train)
    chosen = at_random(total, total if count is None else count)
    samples = [
        transform(data.train.read(index), 0)
        for index in counting(chosen, len(chosen), "reading real pictures")
    ]
    names = data.spec.class_names
    return Stacked(
        torch.stack([sample[TARGET] for sample in samples]),
        torch.stack([sample[CLASS] for sample in samples]) if names else None,
        names,
    )


def every_fifth(classes: Tensor) -> Tensor:
    """Which pictures are held out: every fifth of each class, (N,) bool.

    Args:
        classes: (N,) int64.
    """
    held_out = torch.zeros(len(classes), dtype=torch.bool)
    for number in classes.unique():
        held_out[torch.nonzero(classes == number)[EVERY - 1 :: EVERY]] = True
    return held_out
