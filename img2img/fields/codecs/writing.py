"""Writing pictures exactly, whole or not at all."""

import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from img2img.errors import DataError


def suffix_for(dtype: np.dtype | str, channels: int) -> str:
    """The suffix of the commonest format that holds such pixels exactly: .png or .tif."""
    fits = np.dtype(dtype).name in ("uint8", "uint16") and channels in (1, 3, 4)
    return ".png" if fits else ".tif"


def write_image(path: Path | str, array: np.ndarray) -> None:
    """Writes a picture exactly, or not at all.

    The file appears under its name only when it is complete; one that is already there is
    replaced.

    Args:
        path: ends in .png (uint8 or uint16; 1, 3 or 4 channels), .tif or .tiff (any number
            of channels and any type but Booleans), or .npy (anything). Its folder exists.
        array: (H, W) or (H, W, C), C >= 1, channels in the order RGB(A).

    Raises:
        DataError: the format cannot hold the array, or the file cannot be written.
    """
    path = Path(path)
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise DataError(f"{path}: an array of shape {array.shape} is no picture (H, W[, C])")
    _write_whole(path, _encoder(path, array))


def _encoder(path: Path, array: np.ndarray) -> Callable[[BinaryIO], object]:
    """The function that writes the array into an open file."""
    channels = 1 if array.ndim == 2 else array.shape[2]
    suffix = path.suffix.lower()
    kinds = [".npy"]
    if array.dtype.kind in "uif":
        kinds.insert(0, ".tif")
    if suffix_for(array.dtype, channels) == ".png":
        kinds.insert(0, ".png")
    if suffix.replace(".tiff", ".tif") not in kinds:
        raise DataError(
            f"{path}: {suffix or 'a name without suffix'} cannot hold {array.dtype.name} with "
            f"{channels} channel(s) exactly; name it {' or '.join(kinds)}"
        )
    if suffix == ".png":
        return lambda file: file.write(_png_bytes(array))
    if suffix == ".npy":
        return lambda file: np.save(file, array, allow_pickle=False)
    return lambda file: _write_tiff(file, array)


def _png_bytes(array: np.ndarray) -> bytes:
    if array.ndim == 3 and array.shape[2] > 1:  # to OpenCV's BGR(A)
        array = array[:, :, [2, 1, 0, 3][: array.shape[2]]]
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(array))
    return encoded.tobytes()


def _write_tiff(file: BinaryIO, array: np.ndarray) -> None:
    """Uncompressed, so that every program reads it."""
    import tifffile

    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim == 2:
        tifffile.imwrite(file, array, photometric="minisblack")
        return
    # Four channels are called RGBA only where write_image would call them so in a PNG.
    colour = suffix_for(array.dtype, array.shape[2]) == ".png" or array.shape[2] == 3
    photometric = "rgb" if colour else "minisblack"
    extra = ["unassalpha"] if colour and array.shape[2] == 4 else None
    tifffile.imwrite(
        file, array, photometric=photometric, planarconfig="contig", extrasamples=extra
    )


def _write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Writes under a passing name in the same folder, then renames: no half-written file."""
    # A name of its own: that of the picture may have the file system's full length already.
    passing = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with open(passing, "xb") as file:
            write(file)
        os.replace(passing, path)
    except OSError as error:
        reason = error.strerror or error
        message = f"{path}: cannot be written ({reason}); check the folder and the free space"
        raise DataError(message) from error
    finally:
        with suppress(OSError):  # it exists only where writing failed
            passing.unlink()
