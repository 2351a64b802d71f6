"""Instance maps: the object of every pixel."""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from torch import Tensor

from img2img.fields.base import halve_picture
from img2img.fields.components import components
from img2img.fields.files import read_ids
from img2img.fields.ids import IdField
from img2img.labels import boundary_map


class Instance(IdField):
    """Object ids, any integers.

    Attributes:
        derived: no file holds them: they are the connected pieces of the labels.
    """

    words: ClassVar[str] = "the instance map"
    placeholder: ClassVar[str] = "INSTANCES.png"
    is_derivable: ClassVar[bool] = True
    is_boundary: ClassVar[bool] = True

    kind: Literal["instances"] = "instances"
    derived: bool = False

    def read(self, path: Path, half: str = "") -> np.ndarray:
        return halve_picture(read_ids(path), half)

    @property
    def is_derived(self) -> bool:
        return self.derived

    def derive(self, label: np.ndarray) -> np.ndarray:
        """The connected pieces of every class."""
        return components(label)

    @property
    def channels(self) -> int:
        return 1

    def encode(self, value: Tensor) -> Tensor:
        """1 at boundaries between objects, else 0."""
        return boundary_map(value)

    def draw(self, value: Tensor) -> Tensor:
        return draw_boundary(value)

    @property
    def drawn_as(self) -> str:
        return "boundary"

    def about(self) -> str:
        return "ids"


def draw_boundary(ids: Tensor) -> Tensor:
    """White boundaries on black, float32 (N, 3, H, W), of integer ids (N, 1, H, W)."""
    return (boundary_map(ids) * 2 - 1).expand(-1, 3, -1, -1)
