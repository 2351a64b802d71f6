"""Label maps: the class of every pixel."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from img2img.errors import DataError, counted
from img2img.fields.base import halve_picture
from img2img.fields.codecs.decoders import Stored
from img2img.fields.coding import SETTING, Coding, Decoded, Rule, Way, decode_labels
from img2img.fields.files import is_lossy, read_stored
from img2img.fields.ids import IdField
from img2img.fields.palettes import Colour
from img2img.labels import colourise, default_palette, one_hot

# What ids outside the classes may be, besides, where there is a palette.
SHADES = f"; or, if these are shades of the palette's colours, set {SETTING}=colours"


class Label(IdField):
    """Class ids, or colours that stand for classes.

    Attributes:
        classes: how many there are.
        class_names: one for each class; () or fewer where nobody named them, see `class_name`.
        palette: RGB colours by stored id, maybe of more ids than classes: to read
            colour-coded labels; see `colours`.
        coding: what the values of files are, as the user says.
        grey: what grey files of the run are that could be either; None in runs of before.
        embedded: colours by id in the indexed files of a run that reads their indices.
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
    coding: Coding = "auto"
    grey: Way | None = None
    embedded: dict[int, Colour] | None = None
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
            DataError: unreadable, ids outside the classes, colours without a palette, values that
                could be ids or colours, or indices that mean something else in the run's files.
        """
        return self._judged(self.decode(path, half), str(path))

    def _judged(self, decoded: Decoded, where: str) -> np.ndarray:
        """The classes of what was decoded; raises as `read`."""
        if decoded.either:
            raise DataError(
                f"{where}: its values are ids as well as greys of the palette, and the run's own files "
                f"do not say which is meant; train with {SETTING}=ids or {SETTING}=colours"
            )
        known = self.embedded if self.coding == "auto" else None
        for number, colour in (decoded.embedded or {}).items():
            if known and known.get(number, colour) != colour:
                raise DataError(
                    f"{where}: index {number} has the colour {colour}, in the run's label files "
                    f"{known[number]}: the indices seem to mean other classes. Save it with "
                    f"their palette, or train with data.palette=FILE (or {SETTING}=ids, if the "
                    "indices are right)"
                )
        return self.to_classes(decoded.ids, where)

    def accept_stored(self, stored: Stored, where: str) -> np.ndarray:
        """A file's content, without the file; raises as `read`."""
        return self._judged(decode_labels(stored, where, self._rule(), lambda: False), where)

    def decode(self, path: Path, half: str = "") -> Decoded:
        """A file before any renumbering and check; raises as `decode_labels`."""
        stored = read_stored(path)
        stored = replace(stored, array=halve_picture(stored.array, half))
        return decode_labels(stored, str(path), self._rule(), lambda: is_lossy(path))

    def accept(self, array: np.ndarray, where: str) -> np.ndarray:
        if (array.ndim == 3 and array.shape[2] > 4) or array.dtype.kind not in "buif":
            return super().accept(array, where)  # says what is expected
        planes = array if array.ndim == 3 else array[..., None]
        bits = array.dtype == bool  # as in a file of 1 bit
        stored = Stored(planes.astype(np.uint8), white=1) if bits else Stored(planes)
        decoded = decode_labels(stored, where, self._rule(), lambda: False)
        return self.to_classes(decoded.ids, where)

    def _rule(self) -> Rule:
        ignored = self.ignore_id
        return Rule(
            palette=self.palette,
            coding=self.coding,
            grey=self.grey,
            count=max(len(self.palette), self.classes),
            ignore_id=ignored if ignored is None else self.stored_ids.get(ignored, ignored),
        )

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
                f"or a larger data.num_classes{SHADES if self.palette else ''}"
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


def _renumber(label: np.ndarray, remap: Mapping[int, int]) -> np.ndarray:
    """Stored ids as their new numbers; ids without one become -1."""
    stored = np.array(sorted(remap), np.int64)
    place = np.searchsorted(stored, label).clip(0, len(stored) - 1)
    new = np.array([remap[i] for i in stored.tolist()], np.int64)
    return np.where(stored[place] == label, new[place], -1)
