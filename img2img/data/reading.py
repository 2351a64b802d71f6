"""One sample of a data set as arrays: ids as integers, images as stored, sizes checked.

Training and translating read through the same functions, so that a label map means the
same to both.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from img2img.data.pairing.table import Record
from img2img.data.spec import DataSpec, ImageSpec, InputSpec
from img2img.errors import DataError, counted
from img2img.fields.components import components
from img2img.fields.files import read_ids, read_image, read_info
from img2img.fields.palettes import Colour, nearest_class

Arrays = dict[str, np.ndarray]
TARGET = "target"  # the target's name among a sample's arrays
CLASS = "class"  # the number of a picture's class, where the spec names classes
LABELLED = "labelled"  # the picture that has the class, where the target has none


def halve_picture(array: np.ndarray, half: str) -> np.ndarray:
    """One half of a side-by-side picture (H, W, ...); the whole where `half` is empty."""
    if not half:
        return array
    middle = array.shape[1] // 2
    return array[:, :middle] if half == "left" else array[:, middle : 2 * middle]


def read_input(path: Path, source: InputSpec, half: str = "") -> np.ndarray:
    """One input's file.

    Returns:
        int64 (H, W) for labels (classes, checked) and instances; (H, W, C) as stored for
        images.

    Raises:
        DataError: unreadable, ids outside the classes, colours without a palette, or other
            channels than the run's.
    """
    if source.kind == "image":
        return fit_channels(halve_picture(read_image(path), half), source.image, path)
    if source.kind == "instances":
        return halve_picture(read_ids(path), half)
    return to_classes(read_stored_labels(path, source.palette, half), source, str(path))


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


def to_classes(label: np.ndarray, source: InputSpec, where: str) -> np.ndarray:
    """Stored ids as classes: renumbered where the run does so, and checked.

    Raises:
        DataError: ids outside the classes, with the ids and what to set.
    """
    classes = label if source.remap is None else _renumber(label, source.remap)
    outside = (classes < 0) | (classes >= source.classes)
    if source.ignore_id is not None:
        outside &= classes != source.ignore_id
    if outside.any():
        ids = ", ".join(map(str, np.unique(label[outside])[:8].tolist()))
        if source.remap is not None:
            raise DataError(
                f"{where}: label ids {ids} did not occur when the run's ids were renumbered "
                f"(data.remap) to {counted(source.classes, 'class', 'classes')}; train with this file "
                "among the data"
            )
        raise DataError(
            f"{where}: label ids {ids} are outside the run's "
            f"{counted(source.classes, 'class', 'classes')} (0..{source.classes - 1}); give these "
            "pixels ids of its classes, or train with data.ignore_id (if they mean 'no class') or a "
            "larger data.num_classes"
        )
    return classes


def _renumber(label: np.ndarray, remap: Mapping[int, int]) -> np.ndarray:
    """Stored ids as their new numbers; ids without one become -1."""
    stored = np.array(sorted(remap), np.int64)
    place = np.searchsorted(stored, label).clip(0, len(stored) - 1)
    new = np.array([remap[i] for i in stored.tolist()], np.int64)
    return np.where(stored[place] == label, new[place], -1)


def fit_channels(array: np.ndarray, image: ImageSpec, where: Path | str) -> np.ndarray:
    """(H, W, C) with the run's channels and type: grey is replicated to RGB, alpha dropped.

    Raises:
        DataError: another number of channels or another bit depth.
    """
    channels = array.shape[2]
    if array.dtype != image.dtype:
        raise DataError(
            f"{where}: {array.dtype} values, but the run's pictures are {image.dtype}; save it as "
            f"{image.dtype}"
        )
    if channels == image.channels:
        return array
    if image.channels == 3 and channels in (1, 2):
        return np.repeat(array[..., :1], 3, axis=2)
    if (channels, image.channels) in ((4, 3), (2, 1)):
        return array[..., : image.channels]
    raise DataError(
        f"{where}: {counted(channels, 'channel')}, but the run's pictures have {image.channels}; "
        f"save it with {image.channels}"
    )


def read_record(record: Record, spec: DataSpec) -> Arrays:
    """All inputs and the target of one pair.

    Raises:
        DataError: as `read_input`, or pictures of different size.
    """
    halves = {part.name: part.half for part in spec.parts}
    arrays = {
        source.name: read_input(record.files[source.part], source, halves[source.part])
        for source in spec.inputs
        if not source.derived
    }
    for source in spec.inputs:
        if source.derived:
            arrays[source.name] = components(arrays[spec.of_kind("labels").name])
    path = record.files[spec.target_part]
    image = halve_picture(read_image(path), halves[spec.target_part])
    arrays[TARGET] = fit_channels(image, spec.target, path)
    check_sizes({name: array.shape[:2] for name, array in arrays.items()}, record.name)
    return arrays


def check_sizes(sizes: Mapping[str, tuple[int, int]], where: str) -> None:
    """Raises DataError where the pictures of one pair differ in (height, width)."""
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {w}x{h}" for name, (h, w) in sizes.items())
        raise DataError(
            f"{where}: the pictures of this pair differ in size ({listed}); make them the same "
            "size, or leave the pair out"
        )
