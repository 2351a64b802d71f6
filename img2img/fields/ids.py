"""Maps of integer ids, which are never blended: what label and instance maps have in common."""

from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from img2img.errors import DataError
from img2img.fields.base import Field
from img2img.fields.files import ids_of
from img2img.fields.resizing import resize_ids

_INT32 = np.iinfo(np.int32)
# Different ids that are counted; more are told apart by nobody.
MAX_IDS = 65536


class IdField(Field):
    """Ids: arrays int64 (H, W), tensors int64 (N, 1, H, W)."""

    moves_as: ClassVar[Literal["image", "mask"]] = "mask"

    def accept(self, array: np.ndarray, where: str) -> np.ndarray:
        if array.ndim == 3 and array.shape[2] == 1:
            array = array[..., 0]
        if array.ndim != 2 or array.dtype.kind not in "buif":
            raise DataError(
                f"{where}: expected integer ids (H, W), got {array.dtype} {array.shape}"
            )
        return ids_of(array[..., None], where)

    def resize(self, array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        return resize_ids(array, size)

    def pack(self, array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Ids as int32; those that do not fit as positions in a table of their own.

        Albumentations wraps int64 to int32 without a word.
        """
        if array.max() <= _INT32.max and array.min() >= _INT32.min:
            return array.astype(np.int32), None
        codes, places = np.unique(array, return_inverse=True)
        return places.reshape(array.shape).astype(np.int32), codes

    def unpack(self, array: np.ndarray, rest: np.ndarray | None) -> np.ndarray:
        return array if rest is None else rest[array]

    def tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array.astype(np.int64))[None]

    def blank(
        self, count: int, size: tuple[int, int], device: torch.device | str = "cpu"
    ) -> Tensor:
        return torch.zeros((count, 1, *size), dtype=torch.int64, device=device)


def count_ids(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ids that occur in integers of any shape, ascending, and how often each does."""
    if ids.size and ids.min() >= 0 and ids.max() < MAX_IDS:  # far faster than sorting
        counts = np.bincount(ids.ravel())
        found = counts.nonzero()[0]
        return found, counts[found]
    return np.unique(ids, return_counts=True)
