"""What the values of a label file stand for: class ids, or colours of the palette.

A map means the same however it is saved: indexed, grey or RGB, with 1, 8 or 16 bits. This is decided
here alone, for training, checking and translating alike.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from img2img.errors import DataError
from img2img.fields.codecs.decoders import Stored
from img2img.fields.files import colours_of, ids_of
from img2img.fields.ids import count_ids
from img2img.fields.mixtures import classes_of
from img2img.fields.palettes import Colour

Way = Literal["ids", "colours"]
Coding = Literal["auto", "ids", "colours"]
SETTING = "data.label_coding"


@dataclass(frozen=True)
class Rule:
    """How a run's label files are read.

    Attributes:
        palette: RGB colours by id; () where labels are not colour-coded.
        coding: as the user sets it.
        grey: what grey files are that could be either; None: grey ones ids, RGB ones colours.
        count: ids from 0 on that are valid with a palette.
        ignore_id: another one.
    """

    palette: tuple[Colour, ...] = ()
    coding: Coding = "auto"
    grey: Way | None = None
    count: int = 0
    ignore_id: int | None = None


@dataclass(frozen=True)
class Decoded:
    """A label file, read.

    Attributes:
        ids: int64 (H, W), before any renumbering.
        way: what its values were taken for; None where both come to the same.
        either: they could be the other as well, the map would be another one, and no rule says.
        rgb, distances: the colours, uint8 (H, W, 3), and the squares of their distances from the
            palette, where they are what was read.
        mixed: pixels that got the class of a neighbour.
        embedded: colours by id, of an indexed file whose indices are ids.
        transparent: some pixels are, which changes nothing.
    """

    ids: np.ndarray
    way: Way | None
    either: bool = False
    rgb: np.ndarray | None = None
    distances: np.ndarray | None = None
    mixed: int = 0
    embedded: dict[int, Colour] | None = None
    transparent: bool = False


def decode_labels(stored: Stored, where: str, rule: Rule, lossy: Callable[[], bool]) -> Decoded:
    """The ids of a label map before any renumbering.

    With a palette, indexed and RGB files are read by their colours. Files that hold nothing but
    grey, however they are saved, are colours where all their values are greys of the palette, else
    ids where all are valid ids. `coding` overrules that.

    Args:
        where: what messages call it.
        lossy: whether the file's compression changes values.

    Raises:
        DataError: values that cannot be read so.
    """
    transparent = _transparency(stored, where)
    if rule.palette and rule.coding != "ids":
        decoded = _by_palette(stored, where, rule, lossy)
    else:
        decoded = _by_ids(stored, where)
    return replace(decoded, transparent=transparent)


def _by_ids(stored: Stored, where: str) -> Decoded:
    array = stored.array
    if stored.palette is not None:
        used = np.unique(array).tolist()
        known = {i: tuple(stored.palette[i].tolist()) for i in used if i < len(stored.palette)}
        return Decoded(ids_of(array, where), "ids", embedded=known)
    if array.shape[2] in (3, 4) and array.dtype == np.uint8:
        if not _is_grey(array):
            raise DataError(
                f"{where}: a colour picture where label ids are expected. If its colours stand for "
                "classes, name them with data.palette=FILE (lines `R G B name`) or a built-in palette "
                f"such as data.palette=facades, with {SETTING}=auto or colours; if it is a plain "
                "picture, give the input `kind: image` in data.inputs"
            )
        array = array[..., :1]
    return Decoded(ids_of(array, where), "ids")


def _by_palette(stored: Stored, where: str, rule: Rule, lossy: Callable[[], bool]) -> Decoded:
    array = stored.array
    coloured = stored.palette is not None or array.shape[2] > 2
    if coloured or rule.coding == "colours":
        rgb = _rgb(stored, where)
        if rule.coding == "colours" or not _is_grey(rgb) or lossy():
            return _colours(rgb, rule.palette)
        numbers = rgb[..., 0].astype(np.int64)
    else:
        numbers = ids_of(array, where)
        # As colours, 1, 2 and 4 bits are spread over 0..255.
        rgb = np.repeat(_shown(stored, numbers)[..., None], 3, -1)
    return _grey(numbers, rgb, rule, coloured)


def _grey(numbers: np.ndarray, rgb: np.ndarray, rule: Rule, coloured: bool) -> Decoded:
    """A map without any colour: (H, W) as ids, and uint8 (H, W, 3) as it looks."""
    greys = {red for red, green, blue in rule.palette if red == green == blue}
    ids, _ = count_ids(numbers)
    shades = np.unique(rgb[..., 0]) if ids[0] >= 0 and ids[-1] < 256 else ids
    as_colours = greys.issuperset(shades.tolist())
    as_ids = bool(((ids == rule.ignore_id) | (ids >= 0) & (ids < rule.count)).all())
    by_ids = Decoded(numbers, "ids")
    if not as_colours:
        return by_ids if as_ids or not coloured else _colours(rgb, rule.palette)
    by_colours = _colours(rgb, rule.palette)
    if not as_ids:
        return by_colours
    if np.array_equal(by_colours.ids, numbers):
        return replace(by_ids, way=None)
    way = rule.grey or ("colours" if coloured else "ids")
    return replace(by_colours if way == "colours" else by_ids, either=rule.grey is None)


def _colours(rgb: np.ndarray, palette: tuple[Colour, ...]) -> Decoded:
    ids, distances, mixed = classes_of(rgb, palette)
    return Decoded(ids, "colours", rgb=rgb, distances=distances, mixed=int(mixed.sum()))


def _rgb(stored: Stored, where: str) -> np.ndarray:
    """The colours, uint8 (H, W, 3); grey three times."""
    colours = colours_of(stored, where)
    if colours.dtype != np.uint8 or colours.shape[2] > 4:
        raise DataError(
            f"{where}: {colours.shape[2]} channels of {colours.dtype} where colours of "
            "data.palette are expected; save colour-coded labels as RGB with 8 bits"
        )
    rgb = colours[..., :3] if colours.shape[2] > 2 else np.repeat(colours[..., :1], 3, -1)
    return np.ascontiguousarray(rgb)


def _shown(stored: Stored, numbers: np.ndarray) -> np.ndarray:
    """Grey values as they look, uint8; those of more than 8 bits are none."""
    white = min(stored.white or 255, 255)
    return np.rint(numbers.clip(0, white) * (255 / white)).astype(np.uint8)


def _is_grey(array: np.ndarray) -> bool:
    return bool((array[..., :1] == array[..., 1:3]).all())


def _transparency(stored: Stored, where: str) -> bool:
    """Whether pixels are transparent.

    Raises:
        DataError: nothing but transparency tells the pixels apart.
    """
    array = stored.array
    if array.shape[2] not in (2, 4) or array.dtype.kind != "u":
        return False
    colours, alpha = array[..., :-1], array[..., -1]
    if (alpha == alpha.flat[0]).all():
        return bool(alpha.flat[0] != np.iinfo(alpha.dtype).max)
    if (colours == colours[:1, :1]).all():
        raise DataError(
            f"{where}: one colour all over, and a mask in the alpha channel, which is not read: save "
            "the alpha channel as a grey picture of its own"
        )
    return True
