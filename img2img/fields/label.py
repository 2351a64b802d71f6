"""Label maps: the class of every pixel."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from img2img.errors import DataError, counted
from img2img.fields.base import halve_picture
from img2img.fields.files import read_ids, read_image, read_info
from img2img.fields.ids import IdField
from img2img.fields.palettes import Colour, nearest_class
from img2img.labels import colourise, default_palette, one_hot


class Label(IdField):
    """Class ids, or colours that stand for classes.

    Attributes:
        classes: how many there are.
        class_names: one for each class; () or fewer where nobody named them, see `class_name`.
        palette: RGB colours by stored id, maybe of more ids than classes: to read
            colour-coded labels; see `colours`.
        ignore_id: the class number (after renumbering) of pixels without a class.
        remap: stored id -> class, the ignored id among them, where ids are renumbered.
    """

    words: ClassVar[str] = "the label map"
    placeholder: ClassVar[str] = "LABEL.png"
    has_classes: ClassVar[bool] = True

    kind: Literal["labels"] = "labels"
    classes: int = 0
    class_names: tuple[str, ...] = ()
    palette: tuple[Colour, ...] = ()
    ignore_id: int | None = None
    remap: dict[int, int] | None = None

    def class_name(self, number: int) -> str:
        """A class's name, `class-26` where it has none."""
        names = self.class_names
        return names[number] if number < len(names) and names[number] else f"class-{number}"

    @property
    def stored_ids(self) -> dict[int, int]:
        """Class -> stored id, where ids are renumbered; else {}."""
        return {new: old for old, new in self.remap.items()} if self.remap else {}

    @property
    def colours(self) -> tuple[Colour, ...]:
        """RGB colours, one for each class; () where the palette lacks one."""
        stored = self.stored_ids
        ids = [stored.get(c, c) for c in range(self.classes)]
        if not ids or min(ids) < 0 or max(ids) >= len(self.palette):
            return ()
        return tuple(self.palette[i] for i in ids)

    def read(self, path: Path, half: str = "") -> np.ndarray:
        """The classes of a file, checked.

        Raises:
            DataError: unreadable, ids outside the classes, or colours without a palette.
        """
        return self.to_classes(read_stored_labels(path, self.palette, half), str(path))

    def accept(self, array: np.ndarray, where: str) -> np.ndarray:
        coloured = array.ndim == 3 and array.shape[2] >= 3 and array.dtype == np.uint8
        if coloured and self.palette:
            return self.to_classes(nearest_class(array, self.palette), where)
        return self.to_classes(super().accept(array, where), where)

    def stored(self, array: np.ndarray) -> np.ndarray:
        stored = self.stored_ids
        if not stored:
            return array
        classes, index = np.unique(array, return_inverse=True)
        values = np.array([stored[c] for c in classes.tolist()], np.int64)
        return values[index].reshape(array.shape)

    def to_classes(self, label: np.ndarray, where: str) -> np.ndarray:
        """Stored ids as classes: renumbered where the run does so, and checked.

        Raises:
            DataError: ids outside the classes, with the ids and what to set.
        """
        classes = label if self.remap is None else _renumber(label, self.remap)
        outside = (classes < 0) | (classes >= self.classes)
        if self.ignore_id is not None:
            outside &= classes != self.ignore_id
        if outside.any():
            ids = ", ".join(map(str, np.unique(label[outside])[:8].tolist()))
            if self.remap is not None:
                raise DataError(
                    f"{where}: label ids {ids} did not occur when the run's ids were renumbered "
                    f"(data.remap) to {counted(self.classes, 'class', 'classes')}; train with this "
                    "file among the data"
                )
            raise DataError(
                f"{where}: label ids {ids} are outside the run's "
                f"{counted(self.classes, 'class', 'classes')} (0..{self.classes - 1}); give these "
                "pixels ids of its classes, or train with data.ignore_id (if they mean 'no class') "
                "or a larger data.num_classes"
            )
        return classes

    @property
    def channels(self) -> int:
        return self.classes

    def encode(self, value: Tensor) -> Tensor:
        """One-hot planes; ignored pixels are 0 in all of them."""
        return one_hot(value, self.classes, ignore_id=self.ignore_id)

    def draw(self, value: Tensor) -> Tensor:
        palette = torch.tensor(self.colours) if self.colours else default_palette(self.classes)
        return colourise(value, palette, ignore_id=self.ignore_id)

    def about(self) -> str:
        return counted(self.classes, "class", "classes")


def read_stored_labels(path: Path, palette: tuple[Colour, ...], half: str = "") -> np.ndarray:
    """The ids of a label map before any renumbering; those of a colour picture by its palette.

    Args:
        palette: RGB colours by id; () where labels are not colour-coded.

    Returns:
        int64 (H, W).

    Raises:
        DataError: unreadable, colours without a palette, or colours of more than 8 bits.
    """
    colours = read_label_colours(path, palette, half)
    if colours is None:
        return halve_picture(read_ids(path), half)
    return nearest_class(colours, palette)


def read_label_colours(
    path: Path, palette: tuple[Colour, ...], half: str = ""
) -> np.ndarray | None:
    """The colours of a colour-coded label map, None where the file holds ids.

    Returns:
        uint8 (H, W, 3 or 4).

    Raises:
        DataError: as `read_stored_labels`.
    """
    if read_info(path).colour != "rgb":
        return None
    if not palette:
        raise DataError(
            f"{path}: a colour picture where label ids are expected. If its colours stand for "
            "classes, name them with data.palette=FILE (lines `R G B name`) or a built-in palette "
            "such as data.palette=facades; if it is a plain picture, give the input `kind: image` "
            "in data.inputs"
        )
    colours = halve_picture(read_image(path), half)
    if colours.dtype != np.uint8:
        raise DataError(f"{path}: {colours.dtype} colours; save colour-coded labels with 8 bits")
    return colours


def _renumber(label: np.ndarray, remap: Mapping[int, int]) -> np.ndarray:
    """Stored ids as their new numbers; ids without one become -1."""
    stored = np.array(sorted(remap), np.int64)
    place = np.searchsorted(stored, label).clip(0, len(stored) - 1)
    new = np.array([remap[i] for i in stored.tolist()], np.int64)
    return np.where(stored[place] == label, new[place], -1)
