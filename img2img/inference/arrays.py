"""A caller's arrays as the run's inputs: checked, and complete."""

from collections.abc import Mapping

import numpy as np

from img2img.data.reading import check_sizes, fit_channels, to_classes
from img2img.data.spec import DataSpec, InputSpec
from img2img.errors import DataError
from img2img.fields.components import components
from img2img.fields.palettes import nearest_class

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
    labels = spec.of_kind("labels")
    arrays: dict[str, np.ndarray] = {}
    for source in spec.inputs:
        if source.name in inputs:
            arrays[source.name] = _prepare(inputs[source.name], source)
        elif source.kind != "instances" or labels is None or labels.name not in inputs:
            raise DataError(
                f"the input {source.name!r} ({source.kind}) is missing; this model needs "
                f"{', '.join(s.name for s in spec.inputs)}"
            )
    for source in spec.inputs:
        if source.name not in arrays:
            label = arrays[labels.name]
            arrays[source.name] = components(label) if derive else label
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
    arrays = dict(arrays)
    for source in spec.inputs:
        if source.kind == "labels" and source.remap and source.name in arrays:
            stored = {new: old for old, new in source.remap.items()}
            classes, index = np.unique(arrays[source.name], return_inverse=True)
            values = np.array([stored[c] for c in classes.tolist()], np.int64)
            arrays[source.name] = values[index].reshape(arrays[source.name].shape)
    return arrays


def _prepare(array: np.ndarray, source: InputSpec) -> np.ndarray:
    """A caller's array as `reading.read_input` returns it."""
    where = f"input {source.name!r}"
    if array.size == 0 or array.ndim not in (2, 3):
        raise DataError(f"{where}: expected a picture (H, W) or (H, W, C), got {array.shape}")
    if source.kind == "image":
        return fit_channels(array if array.ndim == 3 else array[..., None], source.image, where)
    coloured = array.ndim == 3 and array.shape[2] >= 3 and array.dtype == np.uint8
    if source.kind == "labels" and coloured and source.palette:
        return to_classes(nearest_class(array, source.palette), source, where)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.integer):
        raise DataError(f"{where}: expected integer ids (H, W), got {array.dtype} {array.shape}")
    ids = array.astype(np.int64)
    return to_classes(ids, source, where) if source.kind == "labels" else ids
