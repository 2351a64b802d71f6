"""A picture's inputs as a run's networks know them: prepared once, then passed on as they are."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from img2img.data.reading import check_sizes
from img2img.data.spec import DataSpec
from img2img.errors import DataError
from img2img.fields import Field

Inputs = np.ndarray | Mapping[str, np.ndarray]


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
    """A caller's arrays, whose labels have the ids of the data set's files.

    Args:
        inputs: the first input's array, or arrays by input name, as `Translator.translate` says.
        derive: as of `complete`.

    Raises:
        DataError: inputs that are missing, of different size, or not the run's.
    """
    if isinstance(inputs, np.ndarray):
        inputs = {spec.inputs[0].name: inputs}
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


def _accept(array: np.ndarray, field: Field) -> np.ndarray:
    """A caller's array as the field's files are read."""
    where = f"input {field.name!r}"
    if array.size == 0 or array.ndim not in (2, 3):
        raise DataError(f"{where}: expected a picture (H, W) or (H, W, C), got {array.shape}")
    return field.accept(array, where)
