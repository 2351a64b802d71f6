"""What all fields have in common."""

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import ConfigDict
from torch import Tensor

from img2img.schema import Section


class Field(Section):
    """One input: what its files mean, from the disk to the network.

    An instance describes the input of one run and is stored in its checkpoints. What differs
    between kinds of input is a method or one of the class attributes below, so that nobody else
    asks for the kind. An array of a field is (H, W) or (H, W, C), and a tensor (N, C, H, W).

    Attributes:
        name: of the input, in batches and on sample sheets.
        part: the layout's part that its files come from.
        group: fields of one group have one size and move by one random draw; "" is the target's.

    Class attributes:
        words: what people call a file of it, with its article.
        placeholder: the name of a file of it in a command to copy.
        moves_as: how Albumentations resamples it: an `image` smoothly, a `mask` to the nearest.
        is_picture: it holds colours and not ids, and has an `image` that says which.
        has_classes: its ids are classes, which are counted in all files before a training.
        is_derivable: where no file holds it, it can be made of the labels (`derive`).
        is_boundary: a network sees nothing of it but boundaries, which a model may do without.
    """

    # Older checkpoints store the keys of all fields with each of them.
    model_config = ConfigDict(extra="ignore")

    words: ClassVar[str]
    placeholder: ClassVar[str]
    moves_as: ClassVar[Literal["image", "mask"]]
    is_picture: ClassVar[bool] = False
    has_classes: ClassVar[bool] = False
    is_derivable: ClassVar[bool] = False
    is_boundary: ClassVar[bool] = False

    name: str
    kind: str
    part: str
    group: str = ""

    # ---------------------------------------------------------------- arrays

    def read(self, path: Path, half: str = "") -> np.ndarray:
        """A file as the run's data hold it.

        Args:
            half: "left" or "right" of a side-by-side picture, else "".

        Raises:
            DataError: unreadable, or not the run's.
        """
        raise NotImplementedError

    def accept(self, array: np.ndarray, where: str) -> np.ndarray:
        """A caller's array as `read` returns a file.

        Args:
            array: (H, W) or (H, W, C), not empty.
            where: what messages call it.

        Raises:
            DataError: not the run's.
        """
        raise NotImplementedError

    def stored(self, array: np.ndarray) -> np.ndarray:
        """The opposite of `accept`: an array of `read` with the values that files have."""
        return array

    @property
    def is_derived(self) -> bool:
        """Whether no file of the run holds it."""
        return False

    def derive(self, label: np.ndarray) -> np.ndarray:
        """It, made of the label map (H, W); only where `is_derivable`."""
        raise NotImplementedError

    # ---------------------------------------------------------------- augmentation

    def resize(self, array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """An array at another (height, width)."""
        raise NotImplementedError

    def pack(self, array: np.ndarray) -> tuple[np.ndarray, Any]:
        """An array that Albumentations can move, and what `unpack` needs besides."""
        return array, None

    def unpack(self, array: np.ndarray, rest: Any) -> np.ndarray:
        """The moved array with the values of before `pack`."""
        return array

    # ---------------------------------------------------------------- tensors

    def tensor(self, array: np.ndarray) -> Tensor:
        """An array as the tensor (C, H, W) of a batch."""
        raise NotImplementedError

    def blank(
        self, count: int, size: tuple[int, int], device: torch.device | str = "cpu"
    ) -> Tensor:
        """Zeros (N, C, H, W) as `count` pictures of a size would be."""
        raise NotImplementedError

    @property
    def channels(self) -> int:
        """Channels of what `encode` returns."""
        raise NotImplementedError

    def encode(self, value: Tensor) -> Tensor:
        """What a network is shown of a batch: float32 (N, channels, H, W)."""
        raise NotImplementedError

    def draw(self, value: Tensor) -> Tensor:
        """A batch for people to look at: float32 (N, 3, H, W) in [-1, 1]."""
        raise NotImplementedError

    @property
    def drawn_as(self) -> str:
        """What `draw` shows, as sample sheets call it."""
        return self.name

    def about(self) -> str:
        """In a few words how much it holds, such as `3 channels`."""
        raise NotImplementedError


def halve_picture(array: np.ndarray, half: str) -> np.ndarray:
    """One half of a side-by-side picture (H, W, ...); the whole where `half` is empty."""
    if not half:
        return array
    middle = array.shape[1] // 2
    return array[:, :middle] if half == "left" else array[:, middle : 2 * middle]
