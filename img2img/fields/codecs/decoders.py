"""Stored pixel values of a picture, exactly as the file has them, by kind of file.

`images` builds on these: it turns stored values into colours or ids, and every exception
into a message. No library alone is right for all: Pillow cuts 16-bit colour to 8 bits,
OpenCV returns half-read JPEGs and hides palettes, and only tifffile knows N channels.
"""

import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from img2img.errors import DataError
from img2img.fields.arrays import check_axes
from img2img.fields.codecs.profiles import profile_name

# Maps and microscopy are larger than Pillow's limit against decompression bombs.
Image.MAX_IMAGE_PIXELS = None

NPY_MAGIC = b"\x93NUMPY"
# The kinds that Pillow opens, and how their files' names end. The last two have no magic number.
_KINDS = {
    "PNG": ".png .apng",
    "JPEG": ".jpg .jpeg .jpe .jfif .mpo",
    "TIFF": ".tif .tiff",
    "BMP": ".bmp",
    "WEBP": ".webp",
    "GIF": ".gif",
    "AVIF": ".avif .avifs",
    "JPEG2000": ".jp2 .j2k .j2c .jpc .jpf .jpx",
    "PPM": ".ppm .pgm .pbm .pnm .pfm",
    "QOI": ".qoi",
    "PSD": ".psd",
    "DDS": ".dds",
    "PCX": ".pcx",
    "SGI": ".sgi",
    "SUN": ".ras",
    "XBM": ".xbm",
    "XPM": ".xpm",
    "DIB": ".dib",
    "TGA": ".tga",
}
_FRAMES_OF_ONE = ("MPO", "PSD")  # a phone's preview beside the photo, layers below what is seen
PILLOW_SUFFIXES = tuple(" ".join(_KINDS.values()).split())
ORIENTATION = 0x0112
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # by the colour type in the header
_CHANNELS = {"1": 1, "L": 1, "I": 1, "I;16": 1, "F": 1, "LA": 2, "RGBA": 4}


@dataclass(frozen=True)
class Stored:
    """What a file holds.

    Attributes:
        array: (H, W, C), upright, in the file's own type; palette indices for a palette.
        white: the value that stands for white, where it is less than the type's greatest; else None.
        palette: (n, 3) uint8, the n colours that the file has, or None.
        nodata: the value that the file says means no data, or None.
    """

    array: np.ndarray
    white: int | None = None
    palette: np.ndarray | None = None
    nodata: float | None = None


@dataclass(frozen=True)
class ImageInfo:
    """A picture's header.

    Attributes:
        height, width: after EXIF orientation.
        channels: as `read_image` returns them; a palette counts as its 3 colours.
        dtype: numpy's name of the type.
        colour: "grey" (1 channel, or 2 with alpha), "rgb" (3, or 4 with alpha), "palette", or
            "n" (others).
        stored: numpy's name of the type in the file; "" as `dtype`.
        turned: EXIF says that the stored picture is to be turned or mirrored.
        space: the colours' model or profile where it is not the usual one ("CMYK", "Display
            P3"), else "".
    """

    height: int
    width: int
    channels: int
    dtype: str
    colour: str
    turned: bool = False
    space: str = ""
    stored: str = ""


def upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """(H, W, C) turned and mirrored as the EXIF orientation 1..8 says."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array


def from_opencv(path: Path, channels: int) -> np.ndarray:
    """(H, W, channels) of a 16-bit or float picture; grey with alpha is 2 channels."""
    # From memory, because OpenCV cannot open non-ASCII names on Windows.
    array = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None:
        raise OSError("OpenCV cannot decode it; its limit is 2^30 pixels")
    if array.ndim == 2:
        return array[:, :, None]
    order = {2: [0, 3], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    return array[:, :, order]


# --- .npy ---------------------------------------------------------------------------------


def _load_npy(path: Path, *, mmap: bool) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    except ValueError as error:
        if "object" not in str(error).lower():
            raise
        raise DataError(
            f"{path}: an array of Python objects, which are not loaded; save it as numbers"
        ) from error
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise DataError(f"{path}: array of shape {array.shape}; save it as (H, W) or (H, W, C)")
    check_axes(array.shape, str(path))
    if array.dtype.kind not in "buif":
        raise DataError(f"{path}: array of {array.dtype}; save it as integers or floats")
    return array if array.ndim == 3 else array[:, :, None]


def decode_npy(path: Path) -> Stored:
    """A numpy array (H, W) or (H, W, C); Booleans are 1-bit values."""
    array = _load_npy(path, mmap=False)
    if array.dtype == bool:
        return Stored(array.astype(np.uint8), white=1)
    return Stored(array)


def npy_info(path: Path) -> ImageInfo:
    """The header of a numpy array."""
    array = _load_npy(path, mmap=True)
    height, width, channels = array.shape
    colour = {1: "grey", 3: "rgb"}.get(channels, "n")
    return ImageInfo(height, width, channels, array.dtype.name, colour)


# --- what Pillow opens --------------------------------------------------------------------


@cache
def _formats() -> list[str]:
    Image.init()  # Pillow may have been built without a kind
    return [kind for kind in _KINDS if kind in Image.OPEN]


def _open(path: Path) -> Image.Image:
    image = Image.open(path, formats=_formats())
    if getattr(image, "is_animated", False) and image.format not in _FRAMES_OF_ONE:
        frames = getattr(image, "n_frames", "several")
        image.close()
        raise DataError(f"{path}: an animation of {frames} frames; save each as its own file")
    return image


def _white(image: Image.Image, path: Path) -> tuple[int, int]:
    """The value that stands for white in the file, and its channels; Pillow's modes do not tell.

    Raises:
        DataError: a kind of 16 bits of which only 8 could be read.
    """
    channels = _CHANNELS.get(image.mode, 1 if image.mode.startswith("I;16") else 3)
    if image.mode == "1":
        return 1, 1
    if image.format == "JPEG2000":
        header = jpeg2000_header(path)
        return 2 ** ((header[42] & 0x7F) + 1) - 1, channels  # Ssiz of the first component
    if image.format == "PPM" and image.mode != "F":
        codec, _, _, args = image.tile[0]  # type: ignore[attr-defined]
        usual = 2**16 - 1 if image.mode == "I" else 255
        return args[-1] if codec.startswith("ppm") else usual, channels
    if image.format not in ("PNG", "SGI"):
        return 255, channels
    with open(path, "rb") as file:
        header = file.read(26)
    if image.format == "PNG":
        return 2 ** header[24] - 1, _PNG_CHANNELS[header[25]]
    if header[3] == 2:
        raise DataError(f"{path}: an SGI file of 16 bits; save it as PNG or TIFF")
    return 255, channels


def jpeg2000_header(path: Path) -> bytes:
    """The main header of a JPEG 2000 and what follows it; boxes before it may hold a profile.

    Raises:
        ValueError: there is none.
    """
    with open(path, "rb") as file:
        start = file.read(1 << 20)
    return start[start.index(b"\xff\x4f\xff\x51") :]  # ISO 15444-1, A.4


def _png_exif(path: Path) -> bytes:
    """The EXIF chunk of a PNG, which may follow the pixels; empty where there is none."""
    with open(path, "rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == b"eXIf":
                return file.read(length)
            file.seek(length + 4, 1)
    return b""


def _orientation(image: Image.Image, path: Path) -> int:
    # Pillow's getexif would decode the whole PNG to look for EXIF behind the pixels.
    if image.format == "PNG" and not {"exif", "Raw profile type exif"} & image.info.keys():
        exif = Image.Exif()
        exif.load(_png_exif(path))
    else:
        exif = image.getexif()
    return exif.get(ORIENTATION, 1)


def decode_pillow(path: Path) -> Stored:
    """What Pillow opens; it notices a truncated file, which OpenCV may not."""
    with _open(path) as image:
        white, channels = _white(image, path)
        image.load()
        orientation = _orientation(image, path)
        palette = None
        if image.mode == "P":
            palette = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
            array, white = np.array(image), 255
        elif image.mode == "F":
            array = np.array(image)
        elif white > 255:
            array = _deep(image, path, white, channels)
        elif image.mode in _CHANNELS or image.mode == "RGB":
            array = _as_stored(np.array(image), image.format, white)
        else:
            array, white = np.array(image.convert("RGB")), 255
    array = array if array.ndim == 3 else array[:, :, None]
    full = array.dtype.kind != "u" or white == np.iinfo(array.dtype).max
    return Stored(upright(array, orientation), None if full else white, palette)


def _deep(image: Image.Image, path: Path, white: int, channels: int) -> np.ndarray:
    """uint16 values: Pillow cuts colours to 8 bits, and spreads grey of fewer than 16 bits."""
    if image.format == "PNG" and channels == 1:
        return np.array(image).astype(np.uint16)
    if image.format == "PPM" and image.mode == "I":
        return np.rint(np.array(image) * (white / (2**16 - 1))).astype(np.uint16)
    return from_opencv(path, channels)


def _as_stored(array: np.ndarray, kind: str | None, white: int) -> np.ndarray:
    """The file's own values of at most 8 bits, which Pillow spreads over 0..255."""
    if white == 1:
        return (array > 0).astype(np.uint8)
    if kind == "JPEG2000":
        return array // (256 // (white + 1))
    return np.rint(array * (white / 255)).astype(np.uint8) if white < 255 else array


def pillow_info(path: Path) -> ImageInfo:
    """The header of what Pillow opens."""
    with _open(path) as image:
        width, height = image.size
        white, channels = _white(image, path)
        orientation = _orientation(image, path)
        if orientation in (5, 6, 7, 8):
            width, height = height, width
        colour = "palette" if image.mode == "P" else {1: "grey", 2: "grey"}.get(channels, "rgb")
        space = "CMYK" if image.mode == "CMYK" else profile_name(image.info.get("icc_profile"))
    dtype = "float32" if image.mode == "F" else "uint16" if white > 255 else "uint8"
    return ImageInfo(height, width, channels, dtype, colour, 1 < orientation < 9, space)
