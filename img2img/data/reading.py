"""One sample of a data set as arrays: ids as integers, images as stored, sizes checked.

Training and translating read through the same fields, so that a label map means the
same to both.
"""

from collections.abc import Mapping

import numpy as np

from img2img.data.pairing.table import Record
from img2img.data.spec import DataSpec
from img2img.errors import DataError
from img2img.fields import Field

Arrays = dict[str, np.ndarray]


def read_record(record: Record, spec: DataSpec) -> Arrays:
    """All inputs and the target of one pair.

    Raises:
        DataError: as `Field.read`, or pictures of different size.
    """
    halves = {part.name: part.half for part in spec.parts}

    def read(field: Field) -> np.ndarray:
        return field.read(record.files[field.part], halves[field.part])

    target, *inputs = spec.fields
    arrays = {field.name: read(field) for field in inputs if not field.is_derived}
    for field in inputs:
        if field.is_derived:
            assert spec.labels is not None  # from which it is derived
            arrays[field.name] = field.derive(arrays[spec.labels.name])
    arrays[target.name] = read(target)
    for group in spec.groups.values():
        own = {field.name for field in group}
        sizes = {name: array.shape[:2] for name, array in arrays.items() if name in own}
        check_sizes(sizes, record.name)
    return arrays


def check_sizes(sizes: Mapping[str, tuple[int, int]], where: str) -> None:
    """Raises DataError where the pictures of one pair differ in (height, width)."""
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {w}x{h}" for name, (h, w) in sizes.items())
        raise DataError(
            f"{where}: the pictures of this pair differ in size ({listed}); make them the same "
            "size, or leave the pair out"
        )
