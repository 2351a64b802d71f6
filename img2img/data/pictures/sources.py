"""Where pictures come from: arrays in memory, and classes beside any other source."""

from collections.abc import Sequence

import numpy as np

from img2img.data.loader import Source
from img2img.data.reading import Arrays
from img2img.keys import CLASS, TARGET


class ArraySource:
    """Pictures in memory.

    Args:
        images: uint8 (N, H, W, C).
        names: one for each; None: their numbers.
    """

    def __init__(self, images: np.ndarray, names: Sequence[str] | None = None):
        self.images, self.names = images, names

    def __len__(self) -> int:
        return len(self.images)

    def read(self, index: int, rng: np.random.Generator | None = None) -> Arrays:
        return {TARGET: self.images[index]}

    def name(self, index: int) -> str:
        return self.names[index] if self.names else f"{index:06d}"


class Classified:
    """A source whose samples have a class each.

    Args:
        classes: int64 (N,), positions in the spec's `class_names`.
    """

    def __init__(self, source: Source, classes: np.ndarray):
        self.source, self.classes = source, classes

    def __len__(self) -> int:
        return len(self.source)

    def read(self, index: int, rng: np.random.Generator | None = None) -> Arrays:
        return {**self.source.read(index, rng), CLASS: self.classes[index]}

    def name(self, index: int) -> str:
        return self.source.name(index)
