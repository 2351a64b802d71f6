"""Real pictures by name, from a folder, and the translated pictures that belong to them."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import numpy as np

from img2img.data.pairing.splits import find_suffixes, walk_pictures
from img2img.errors import DataError
from img2img.evaluation.pictures import Ranges, Real, read_picture
from img2img.fields.files import read_info
from img2img.fields.image import DTYPE_RANGES
from img2img.places import expand

T = TypeVar("T")


class Reals(ABC):
    """What translated pictures are held against.

    Attributes:
        names: of the pictures, in their order.
        ranges: which stored values are -1 and 1.
        class_names: of the labels' classes; () where there are no labels.
        ignore_id: class number of pixels that do not count, None where all do.
        origin: where all of it comes from, for the protocol.
    """

    names: Sequence[str]
    ranges: Ranges
    class_names: Sequence[str] = ()
    ignore_id: int | None = None
    origin: Mapping[str, Any]

    @abstractmethod
    def read(self, name: str) -> Real:
        """Raises DataError where the picture cannot be used."""

    def inputs(self, name: str) -> Mapping[str, np.ndarray]:
        """What the generator was shown, drawn: name -> uint8 RGB (H, W, 3); {} where nobody knows.

        Raises:
            DataError: the inputs cannot be used.
        """
        return {}


class RealFolder(Reals):
    """The pictures of a plain folder, without labels and inputs.

    Args:
        files: by name.
    """

    def __init__(self, files: Mapping[str, Path], origin: Mapping[str, Any]):
        self.files, self.origin = files, origin
        self.names = list(files)
        self.ranges = DTYPE_RANGES | {"float32": float_range(files.values())}

    def read(self, name: str) -> Real:
        return Real(read_picture(self.files[name]))


def float_range(files: Collection[Path]) -> tuple[float, float]:
    """The least and greatest value of all pictures of floats; 0 and 1 where all lie between these.

    What cannot be read is passed over; whoever scores it says so.
    """
    low, high = np.inf, -np.inf
    for path in files:
        try:
            if read_info(path).dtype != "float32":
                continue
            array = read_picture(path)
        except DataError:
            continue
        low, high = min(low, float(array.min())), max(high, float(array.max()))
    zero, one = DTYPE_RANGES["float32"]
    return (low, high) if low < high and (low < zero or high > one) else (zero, one)


def evenly(items: Sequence[T], limit: int | None) -> list[T]:
    """At most so many of the items, evenly spaced; all for None."""
    count = min(len(items), limit or len(items))
    return [items[i * len(items) // count] for i in range(count)]


def find_pictures(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The pictures below a folder by name, and a line for each whose name occurs twice, and for others.

    Raises:
        DataError: there is no such folder, it cannot be read, or it holds no picture.
    """
    folder = expand(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder")
    pictures, doubles = walk_pictures(folder)
    if not pictures:
        strange = f" ({said})" if (said := pictures.others.said()) else ""
        raise DataError(f"{folder}: no pictures in this folder{strange}")
    files = {key: folder / pictures.path(key) for key in sorted(pictures.keys())}
    lines = [
        f"{folder / path}: same name as {PurePosixPath(used).name}, which is used"
        for path, used in doubles
    ]
    lines += [f"{folder}: {said}"] if (said := pictures.others.said()) else []
    return files, lines


def assign(
    fakes: Mapping[str, Path], names: Collection[str]
) -> tuple[dict[str, Path], dict[str, Path]]:
    """Translated pictures by the names of the real ones, in their order; and those without one.

    Names may differ in a suffix that all of them have, such as `_fake_B`.
    """
    suffixes = find_suffixes({"fake": fakes.keys(), "real": dict.fromkeys(names).keys()})
    short = {key.removesuffix(suffixes["fake"]): path for key, path in fakes.items()}
    found = {name: short.pop(name.removesuffix(suffixes["real"]), None) for name in names}
    return {name: path for name, path in found.items() if path is not None}, short
