"""A picture's inputs as a run's networks know them: prepared once, then passed on as they are."""

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from img2img.data.reading import check_sizes
from img2img.data.spec import DataSpec
from img2img.errors import DataError, nearest
from img2img.fields import Field, Label
from img2img.fields import Image as ImageField
from img2img.fields.arrays import check_axes
from img2img.fields.codecs.decoders import Stored
from img2img.places import expand

# One input: an array (H, W) or (H, W, C), a tensor (H, W) or (C, H, W), a PIL picture, or a file.
Picture = np.ndarray | Tensor | Image.Image | str | os.PathLike
Inputs = Picture | Mapping[str, Picture]
EXPECTED = (
    "expected an array (H, W) or (H, W, C), a tensor (H, W) or (C, H, W), a PIL picture or a path"
)


@dataclass(frozen=True)
class Prepared:
    """All inputs of one picture, checked and complete. `prepare` and `complete` make it.

    Attributes:
        arrays: by input name: int64 (H, W) for labels (class numbers, not stored ids) and
            instances, (H, W, C) of the run's type for images.
    """

    arrays: Mapping[str, np.ndarray]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return next(iter(self.arrays.values())).shape[:2]


def prepare(inputs: Inputs, spec: DataSpec, *, derive: bool) -> Prepared:
    """A caller's pictures, whose labels have the ids of the data set's files.

    Args:
        inputs: the first input, or inputs by name, as `Translator.translate` says.
        derive: as of `complete`.

    Raises:
        DataError: inputs that are missing, of different size, or not the run's.
    """
    if not isinstance(inputs, Mapping):
        inputs = {spec.inputs[0].name: inputs}
    names = [field.name for field in spec.inputs]
    for name in inputs:
        if name not in names:
            raise DataError(f"the run has no input {name!r}; {nearest(str(name), names)}")
    known = {f.name: _accept(inputs[f.name], f) for f in spec.inputs if f.name in inputs}
    return complete(known, spec, derive=derive)


def complete(known: Mapping[str, np.ndarray], spec: DataSpec, *, derive: bool) -> Prepared:
    """Arrays as `data.reading` returns them, and instances where they are missing.

    Args:
        derive: missing instances become the labels' connected pieces; else the labels
            themselves, which have the same boundaries.

    Raises:
        DataError: inputs that are missing or of different size.
    """
    labels = spec.labels
    arrays: dict[str, np.ndarray] = {}
    for field in spec.inputs:
        if field.name in known:
            arrays[field.name] = known[field.name]
        elif not field.is_derivable or labels is None or labels.name not in known:
            raise DataError(
                f"the input {field.name!r} ({field.kind}) is missing; this model needs "
                f"{', '.join(f.name for f in spec.inputs)}"
            )
        else:
            label = known[labels.name]
            arrays[field.name] = field.derive(label) if derive else label
    check_sizes({name: array.shape[:2] for name, array in arrays.items()}, "inputs")
    return Prepared(arrays)


def to_stored(arrays: Mapping[str, np.ndarray], spec: DataSpec) -> dict[str, np.ndarray]:
    """Arrays as `data.reading` returns them, with label ids as files and callers have them."""
    stored = {f.name: f.stored(arrays[f.name]) for f in spec.inputs if f.name in arrays}
    return {**arrays, **stored}


def _accept(picture: Picture, field: Field) -> np.ndarray:
    """A caller's picture as the field's files are read; warns of values that will be clipped."""
    where = f"input {field.name!r}"
    array = _read(picture, field, where)
    if isinstance(field, ImageField) and (doubt := field.image.doubt(array, where)):
        warnings.warn(doubt, stacklevel=2)
    return array


def _read(picture: Picture, field: Field, where: str) -> np.ndarray:
    if isinstance(picture, str | os.PathLike):
        return field.read(expand(Path(picture)))
    if isinstance(picture, Image.Image):
        picture = ImageOps.exif_transpose(picture)
        if isinstance(field, Label) and picture.mode == "P":
            palette = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)
            return field.accept_stored(Stored(np.asarray(picture)[..., None], None, palette), where)
        array = _pixels(picture, field)
    elif isinstance(picture, Tensor):
        array = _channels_last(picture)
    elif isinstance(picture, np.ndarray):
        array = picture
    else:
        raise DataError(f"{where}: {EXPECTED}, got {type(picture).__name__}")
    check_axes(array.shape, where)
    if array.size == 0 or array.ndim not in (2, 3):
        raise DataError(f"{where}: {EXPECTED}; got the shape {array.shape}")
    return field.accept(array, where)


def _pixels(picture: Image.Image, field: Field) -> np.ndarray:
    """The values of a PIL picture: ids as they are, colours where colours are meant."""
    if picture.mode in ("P", "PA") and field.is_picture:
        picture = picture.convert("RGB")
    if picture.mode == "1":
        bits = np.asarray(picture)
        return bits.astype(np.uint8) * 255 if field.is_picture else bits
    if picture.mode in ("CMYK", "YCbCr", "HSV", "LAB", "RGBX"):
        picture = picture.convert("RGB")
    return np.asarray(picture)


def _channels_last(picture: Tensor) -> np.ndarray:
    picture = picture.detach().cpu()
    picture = picture.float() if picture.dtype == torch.bfloat16 else picture
    return picture.movedim(0, -1).numpy() if picture.ndim == 3 else picture.numpy()
