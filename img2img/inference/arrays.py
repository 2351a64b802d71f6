"""A caller's arrays as the run's inputs: checked, and complete."""

from collections.abc import Mapping

import numpy as np

from img2img.data.reading import check_sizes
from img2img.data.spec import DataSpec
from img2img.errors import DataError
from img2img.fields import Field

Inputs = np.ndarray | Mapping[str, np.ndarray]


def complete_inputs(inputs: Inputs, spec: DataSpec, *, derive: bool) -> dict[str, np.ndarray]:
    """All inputs of a run, as `data.reading.read_record` returns them.

    Args:
        inputs: the first input's array, or arrays by input name, as `Translator.translate` says.
        derive: missing instances become the labels' connected pieces; else the labels
            themselves, which have the same boundaries.

    Raises:
        DataError: inputs that are missing, of different size, or not the run's.
    """
    if isinstance(inputs, np.ndarray):
        inputs = {spec.inputs[0].name: inputs}
    labels = spec.labels
    arrays: dict[str, np.ndarray] = {}
    for source in spec.inputs:
        if source.name in inputs:
            arrays[source.name] = _accept(inputs[source.name], source)
        elif not source.is_derivable or labels is None or labels.name not in inputs:
            raise DataError(
                f"the input {source.name!r} ({source.kind}) is missing; this model needs "
                f"{', '.join(s.name for s in spec.inputs)}"
            )
    for source in spec.inputs:
        if source.name not in arrays:
            label = arrays[labels.name]
            arrays[source.name] = source.derive(label) if derive else label
    check_sizes({name: array.shape[:2] for name, array in arrays.items()}, "inputs")
    return arrays


def with_instances(inputs: Inputs, spec: DataSpec) -> dict[str, np.ndarray]:
    """The inputs as they are, and the labels' connected pieces where instances are missing.

    Raises:
        DataError: as `complete_inputs`.
    """
    full = complete_inputs(inputs, spec, derive=True)
    given = {spec.inputs[0].name: inputs} if isinstance(inputs, np.ndarray) else inputs
    return {name: given.get(name, array) for name, array in full.items()}


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
