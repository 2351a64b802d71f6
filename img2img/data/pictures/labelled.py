"""Pictures of which a few alone have a class, for semi-supervised training."""

from collections.abc import Sequence

import numpy as np

from img2img.data.loader import Source
from img2img.data.reading import Arrays
from img2img.errors import ConfigError
from img2img.keys import CLASS, LABELLED, TARGET


class PartlyLabelled:
    """Samples of two pictures: any one, and one whose class is known, with its class.

    So a batch has as many labelled pictures as others, however few of them there are.

    Args:
        indices: positions in `source` of the samples' own pictures.
        labelled: positions of those whose class is known, which come over and over.
        classes: int64, one for each picture of `source`.
    """

    def __init__(
        self, source: Source, indices: np.ndarray, labelled: np.ndarray, classes: np.ndarray
    ):
        self.source, self.indices = source, indices
        self.labelled, self.classes = labelled, classes

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, index: int, rng: np.random.Generator | None = None) -> Arrays:
        own, known = int(self.indices[index]), int(self.labelled[index % len(self.labelled)])
        picture = self.source.read(own, rng)[TARGET]
        return {
            TARGET: picture,
            # Held out, they are one.
            LABELLED: picture if known == own else self.source.read(known, rng)[TARGET],
            CLASS: self.classes[known],
        }

    def name(self, index: int) -> str:
        return self.source.name(int(self.indices[index]))


def split_labelled(
    source: Source, classes: np.ndarray, *, per_class: int, val_fraction: float
) -> tuple[PartlyLabelled, PartlyLabelled]:
    """Training samples and held-out ones, whose class is known and belongs to the picture itself.

    The first `per_class` pictures of each class keep their class. Held-out pictures are drawn from
    all others, the same ones every time.

    Raises:
        ConfigError: all pictures would keep their class.
    """
    known = [np.flatnonzero(classes == number)[:per_class] for number in np.unique(classes)]
    labelled = np.concatenate(known)
    others = np.setdiff1d(np.arange(len(classes)), labelled)
    if not len(others):
        raise ConfigError(
            f"model.labelled_per_class is {per_class}, and no class has more pictures: none is left "
            f"without a class; set less than {np.bincount(classes).max()}"
        )
    count = round(val_fraction * len(others))
    held_out = np.sort(np.random.default_rng(0).permutation(others)[:count])
    training = np.setdiff1d(np.arange(len(classes)), held_out)
    return (
        PartlyLabelled(source, training, labelled, classes),
        PartlyLabelled(source, held_out, held_out, classes),
    )


def remark(train: PartlyLabelled, held_out: PartlyLabelled, names: Sequence[str]) -> str:
    """How many pictures have a class, for the log."""
    return (
        f"{len(train.labelled)} pictures of {len(names)} classes keep their class, the other "
        f"{len(train) - len(train.labelled)} are unlabelled; {len(held_out)} are held out"
    )
