"""Arrays as people's programs make them: which axis is which, and which types pictures have."""

import numpy as np

from img2img.errors import DataError

# The type in which the values of a stored type are handed out: one that holds them all. Of float64,
# digits beyond float32's 24 bits are lost, which no camera or scanner has; of 32-bit integers nothing
# may be, so larger values are refused.
WORKING_TYPES = {
    "uint8": np.uint8,
    "uint16": np.uint16,
    "int8": np.float32,
    "int16": np.float32,
    "int32": np.float32,
    "uint32": np.float32,
    "float16": np.float32,
    "float32": np.float32,
    "float64": np.float32,
}
LARGEST = 2**24  # from here on, float32 lacks some integers
FEW_ROWS = 16


def check_axes(shape: tuple[int, ...], where: str) -> None:
    """Refuses the shape of a picture whose channels probably come first.

    Bands of satellites and the like may outnumber rows, so a shape is refused only where height and
    width differ and the picture would have at most 16 rows, or as many channels as columns.

    Args:
        shape: (H, W, C); others pass.

    Raises:
        DataError: with what such a picture is saved by.
    """
    if len(shape) != 3:
        return
    height, width, channels = shape
    few = height <= FEW_ROWS or width == channels
    if channels > 4 and height < channels and height != width and few:
        raise DataError(
            f"{where}: shape {shape} would be a picture of {height} x {width} pixels with {channels} "
            f"channels. If it is (channels, height, width), save np.moveaxis(array, 0, -1); if it is "
            f"{height} pictures, give them one by one"
        )


def to_working_type(array: np.ndarray, where: str) -> np.ndarray:
    """A picture's values as uint8, uint16 or float32.

    Raises:
        DataError: a type that is none for pictures, or integers that float32 cannot hold.
    """
    name = array.dtype.name
    dtype = WORKING_TYPES.get(name)
    if dtype is None:
        raise DataError(
            f"{where}: {name} is no type for an image; save it as uint8, uint16, float32 or another "
            f"of {', '.join(WORKING_TYPES)}, or use it as labels or instances"
        )
    if name in ("int32", "uint32") and max(int(array.max()), -int(array.min())) > LARGEST:
        raise DataError(
            f"{where}: {name} values beyond {LARGEST:,}, which an image cannot hold exactly; save it "
            "as float32 or with smaller values, or use it as labels or instances"
        )
    return np.ascontiguousarray(array, dtype)


def without_data(array: np.ndarray, *declared: float | None) -> np.ndarray | None:
    """Which values of (H, W, C) are one of those that mean no data; None for none of them.

    In 8-bit colours a whole pixel is missing or none of it: white is there, and 255 in red alone is.
    """
    missing = np.zeros(array.shape, bool)
    for value in declared:
        if value is not None:
            # Floats are read as float32.
            missing |= np.isnan(array) if np.isnan(value) else array == np.float32(value)
    if array.dtype == np.uint8:
        missing[:] = missing.all(-1, keepdims=True)
    return missing if missing.any() else None


def require_finite(array: np.ndarray, where: object) -> None:
    """Raises DataError where there is no pixel, or one of NaN or infinity."""
    if array.size == 0:
        raise DataError(f"{where}: the picture has no pixels")
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    bad = int((~np.isfinite(array)).any(-1).sum())
    raise DataError(
        f"{where}: {bad} of {array[..., 0].size} pixels hold values that are not finite (NaN or "
        "infinity); give them a value, such as -9999, and name it with data.nodata, or leave the "
        "picture out"
    )
