"""Reading and writing pictures without losing bits, channels, ids or orientation.

Whatever is wrong with a file is a `DataError` that names it.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import UnidentifiedImageError

from img2img.errors import DamagedError, DataError, counted
from img2img.fields.arrays import WORKING_TYPES, to_working_type
from img2img.fields.codecs.decoders import (
    NPY_MAGIC,
    PILLOW_SUFFIXES,
    ImageInfo,
    Stored,
    decode_npy,
    decode_pillow,
    jpeg2000_header,
    npy_info,
    pillow_info,
)
from img2img.fields.codecs.endings import ends_well
from img2img.fields.codecs.tiff import TIFF_MAGICS, decode_tiff, tiff_info, tiff_is_lossy
from img2img.fields.codecs.writing import suffix_for, write_image

__all__ = [
    "IMAGE_SUFFIXES",
    "ImageInfo",
    "check_whole",
    "is_lossy",
    "read_ids",
    "read_image",
    "read_info",
    "read_values",
    "suffix_for",
    "write_image",
]

IMAGE_SUFFIXES = (*PILLOW_SUFFIXES, ".npy")

_JPEG2000_MAGICS = (b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51")

# What often has a picture's name and is none, by the first bytes in lower case.
_NO_PICTURES = {
    b"version ": "a pointer of Git LFS to it; fetch the files with `git lfs pull`",
    b"<!doctyp": "a web page; download the file anew, for its address gave no picture",
    b"<html": "a web page; download the file anew, for its address gave no picture",
    b"pk\3\4": "an archive; unpack it, or save each array of an .npz as an .npy",
}


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turns what the operating system or a decoder raises into a DataError naming the file."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except IsADirectoryError as error:
        raise DataError(f"{path}: a folder, where a picture is expected") from error
    except PermissionError as error:
        raise DataError(f"{path}: permission denied; make the file readable for you") from error
    except UnidentifiedImageError as error:
        kinds = " ".join(IMAGE_SUFFIXES)
        raise DataError(f"{path}: not a picture of a known kind ({kinds})") from error
    except ImportError as error:
        raise DataError(f"{path}: a package is missing to read it ({error}); install it") from error
    except MemoryError as error:
        raise DataError(f"{path}: the picture does not fit into memory") from error
    except Exception as error:
        # Decoders raise nearly anything on damaged bytes, down to classes of their own in
        # libraries that need not be installed; the cause stays in the chain.
        if "not available" in str(error):  # so Pillow calls decoders that it was built without
            message = f"{path}: nothing here reads it ({error}); save it as PNG or TIFF"
            raise DataError(message) from error
        message = f"{path}: the file is damaged or incomplete ({error}); copy it anew or remove it"
        raise DamagedError(message) from error


def _magic(path: Path) -> bytes:
    with open(path, "rb") as file:
        magic = file.read(8)
    if not magic:
        raise DataError(f"{path}: the file is empty (0 bytes); copy it anew or remove it")
    for start, what in _NO_PICTURES.items():
        if magic.lower().startswith(start):
            raise DataError(f"{path}: no picture, but {what}")
    return magic


def _decode(path: Path) -> Stored:
    magic = _magic(path)
    if magic.startswith(NPY_MAGIC):
        return decode_npy(path)
    if magic.startswith(TIFF_MAGICS):
        return decode_tiff(path)
    return decode_pillow(path)


def read_image(path: Path | str) -> np.ndarray:
    """The colours of a picture, upright.

    Palettes become RGB, values whose white is less than their type's greatest are spread over
    all of it, CMYK becomes RGB; signed and 32-bit integers, float16 and float64 become float32.

    Args:
        path: a file of one of the kinds in `IMAGE_SUFFIXES`; its content decides which.

    Returns:
        (H, W, C), C >= 1, channels in the order RGB(A); uint8, uint16 or float32.

    Raises:
        DataError: the file is missing, unreadable, damaged, no picture, several pictures, or
            of a type that float32 cannot hold.
    """
    return read_values(path)[0]


def read_values(path: Path | str) -> tuple[np.ndarray, float | None]:
    """What `read_image` returns, and the value that the file declares to be no data, if any."""
    stored = read_stored(path)
    return colours_of(stored, path), stored.nodata


def read_stored(path: Path | str) -> Stored:
    """The values of a file exactly as they are stored, upright; raises as `read_image`."""
    path = Path(path)
    with _reading(path):
        return _decode(path)


def colours_of(stored: Stored, where: Path | str) -> np.ndarray:
    """What `read_image` returns of a file's values; `where` is what messages call it."""
    if stored.palette is not None:
        indices = stored.array[:, :, 0]
        if indices.max() >= len(stored.palette):
            raise DataError(
                f"{where}: an indexed picture with the index {indices.max()}, but colours up to "
                f"{len(stored.palette) - 1} alone; save it anew with all its colours"
            )
        return stored.palette[indices]
    array = to_working_type(stored.array, str(where))
    if stored.white is not None:
        top = np.iinfo(array.dtype).max
        array = np.rint(array * (top / stored.white)).astype(array.dtype)
    return array


def read_ids(path: Path | str) -> np.ndarray:
    """The integer ids in a label or instance map, exactly as stored, upright.

    A palette gives its indices, not its colours; 1-bit gives 0 and 1; floats that are whole
    numbers are those. A colour picture gives R + 256 * G + 65536 * B. Alpha (the second channel
    of two, the fourth of four) is ignored.

    Args:
        path: as for `read_image`. A lossy file is read too: see `is_lossy`.

    Returns:
        (H, W) int64.

    Raises:
        DataError: as for `read_image`, or the values are no ids: fractions, 16-bit colours,
            or more than 4 channels.
    """
    return ids_of(read_stored(path).array, path)


def ids_of(array: np.ndarray, where: Path | str) -> np.ndarray:
    """What `read_ids` returns of values (H, W, C); `where` is what messages call them."""
    channels = array.shape[2]
    if channels > 4 or (channels > 2 and array.dtype != np.uint8):
        raise DataError(
            f"{where}: {channels} channels of {array.dtype.name} are no ids; save one channel of "
            "integers, or 24-bit codes as 8-bit RGB"
        )
    if channels > 2:
        red, green, blue = np.moveaxis(array[:, :, :3].astype(np.int64), -1, 0)
        return red + 256 * green + 65536 * blue
    array = array[:, :, 0]
    if array.dtype.kind not in "buif":
        raise DataError(f"{where}: {array.dtype.name} values are no ids; save them as integers")
    if array.dtype.kind == "f":
        name, array = array.dtype.name, array.astype(np.float64)
        fraction = ~(np.abs(array) < 2**53) | (array != np.rint(array))  # NaN is one, too
        infinite = ~np.isfinite(array)
        if infinite.any() and not (fraction & ~infinite).any():
            raise DataError(
                f"{where}: {counted(int(infinite.sum()), 'pixel')} of {array.size} without an id "
                f"({array[infinite][0]:g}); give them one, such as 255, save integers, and set "
                "data.ignore_id=255"
            )
        if fraction.any():
            raise DataError(
                f"{where}: {name} values such as {array[fraction][0]:g} are no ids, "
                f"which are whole numbers ({counted(int(fraction.sum()), 'pixel')} of "
                f"{array.size}). Round them to ids, as a mask by `mask > 0.5`, and save integers; "
                "a soft mask or a depth map is a picture: give it `kind: image` in data.inputs"
            )
    if array.dtype == np.uint64 and array.max() > np.iinfo(np.int64).max:
        raise DataError(f"{where}: ids of 2^63 and above; renumber them")
    return np.ascontiguousarray(array, np.int64)


def read_info(path: Path | str) -> ImageInfo:
    """Size, channels and type of a picture, from its header alone.

    The type is the one that `read_image` returns; where that would refuse the file, the
    stored one (such as int64, good for ids).

    Raises:
        DataError: the file is missing, unreadable, no picture, several pictures, or its
            header is damaged. Damage behind the header shows only when the file is read; see
            also `check_whole`.
    """
    path = Path(path)
    with _reading(path):
        magic = _magic(path)
        if magic.startswith(NPY_MAGIC):
            info = npy_info(path)
        elif magic.startswith(TIFF_MAGICS):
            info = tiff_info(path)
        else:
            info = pillow_info(path)
    dtype = "uint8" if info.dtype == "bool" else info.dtype
    working = np.dtype(WORKING_TYPES.get(dtype, dtype)).name
    return replace(info, dtype=working, stored="" if dtype == working else dtype)


def check_whole(path: Path | str) -> None:
    """Raises a DataError where a picture was cut off, as by a broken download or a full disk.

    Reads the file's end; decodes it only where that does not tell. Damage in the middle of a
    file that has its end is not found.
    """
    path = Path(path)
    with _reading(path):
        if not ends_well(path, _magic(path)):
            _decode(path)


def is_lossy(path: Path | str) -> bool:
    """Whether the file's compression changes values, so that ids in it are not exact.

    Raises:
        DataError: the file is missing, unreadable or empty.
    """
    path = Path(path)
    with _reading(path):
        magic = _magic(path)
        if magic.startswith(TIFF_MAGICS):
            return tiff_is_lossy(path)
        if magic.startswith(b"RIFF"):
            return _webp_is_lossy(path)
        if magic.startswith(_JPEG2000_MAGICS):
            return _jpeg2000_is_lossy(path)
        # AVIF can be lossless, but nothing in the file says so.
        return magic.startswith(b"\xff\xd8\xff") or magic[4:] == b"ftyp"


def _jpeg2000_is_lossy(path: Path) -> bool:
    """The last byte of COD names the wavelet: 0 is the one that rounds (ISO 15444-1, A.6.1)."""
    header = jpeg2000_header(path)
    return header[header.index(b"\xff\x52") + 13] == 0


def _webp_is_lossy(path: Path) -> bool:
    """A chunk `VP8 ` holds lossy pixels, `VP8L` lossless ones; others may precede it."""
    with open(path, "rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            kind, length = struct.unpack("<4sI", head)
            if kind in (b"VP8 ", b"VP8L"):
                return kind == b"VP8 "
            file.seek(length + length % 2, 1)  # chunks are padded to an even length
    return False
