"""Stored pixel values of a picture, exactly as the file has them, by kind of file.

`images` builds on these: it turns stored values into colours or ids, and every exception
into a message. No library alone is right for all: Pillow cuts 16-bit colour to 8 bits,
OpenCV returns half-read JPEGs and hides palettes, and only tifffile knows N channels.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from img2img.errors import DataError
from img2img.fields.codecs.profiles import profile_name

# Maps and microscopy are larger than Pillow's limit against decompression bombs.
Image.MAX_IMAGE_PIXELS = None

NPY_MAGIC = b"\x93NUMPY"
_PILLOW_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
ORIENTATION = 0x0112
_PNG_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # by the colour type in the header


@dataclass(frozen=True)
class Stored:
    """What a file holds.

    Attributes:
        array: (H, W, C), upright, in the file's own type; palette indices for a palette.
        depth: bits of a value, where the file has fewer than 8; else 8.
        palette: (256, 3) uint8 colours, or None.
    """

    array: np.ndarray
    depth: int = 8
    palette: np.ndarray | None = None


@dataclass(frozen=True)
class ImageInfo:
    """A picture's header.

    Attributes:
        height, width: after EXIF orientation.
        channels: as `read_image` returns them; a palette counts as its 3 colours.
        dtype: numpy's name of the type.
        colour: "grey" (1 channel, or 2 with alpha), "rgb" (3, or 4 with alpha), "palette", or
            "n" (others).
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
    array = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise DataError(f"{path}: array of shape {array.shape}; save it as (H, W) or (H, W, C)")
    if array.dtype.kind not in "buif":
        raise DataError(f"{path}: array of {array.dtype}; save it as integers or floats")
    return array if array.ndim == 3 else array[:, :, None]


def decode_npy(path: Path) -> Stored:
    """A numpy array (H, W) or (H, W, C); Booleans are 1-bit values."""
    array = _load_npy(path, mmap=False)
    if array.dtype == bool:
        return Stored(array.astype(np.uint8), depth=1)
    return Stored(array)


def npy_info(path: Path) -> ImageInfo:
    """The header of a numpy array."""
    array = _load_npy(path, mmap=True)
    height, width, channels = array.shape
    colour = {1: "grey", 3: "rgb"}.get(channels, "n")
    return ImageInfo(height, width, channels, array.dtype.name, colour)


# --- PNG, JPEG, BMP, WebP -----------------------------------------------------------------


def _open(path: Path) -> Image.Image:
    image = Image.open(path, formats=_PILLOW_FORMATS)
    # A phone's JPEG may hold a preview beside the photo (MPO); that is no animation.
    if getattr(image, "is_animated", False) and image.format in ("PNG", "WEBP"):
        frames = getattr(image, "n_frames", "several")
        image.close()
        raise DataError(f"{path}: an animation of {frames} frames; save each as its own file")
    return image


def _png_format(path: Path) -> tuple[int, int]:
    """(bit depth, colour type) of a PNG; Pillow's modes do not tell 8 from 16 bits."""
    with open(path, "rb") as file:
        header = file.read(26)
    return header[24], header[25]


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
    """A PNG, JPEG, BMP or WebP; Pillow notices a truncated file, which OpenCV may not."""
    with _open(path) as image:
        depth, colour_type = _png_format(path) if image.format == "PNG" else (8, -1)
        image.load()
        orientation = _orientation(image, path)
        palette = None
        if depth == 16 and colour_type != 0:
            array = from_opencv(path, _PNG_CHANNELS[colour_type])
        elif depth == 16:
            array = np.array(image).astype(np.uint16)
        elif image.mode == "1":
            array, depth = np.array(image).astype(np.uint8), 1
        elif image.mode == "P":
            palette = np.zeros((256, 3), np.uint8)
            colours = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
            palette[: len(colours)] = colours
            array, depth = np.array(image), 8
        elif image.mode in ("L", "LA", "RGB", "RGBA"):
            array = np.array(image)
            if depth < 8:  # Pillow spreads 2- and 4-bit grey over 0..255
                array //= 255 // (2**depth - 1)
        else:
            array = np.array(image.convert("RGB"))
    array = array if array.ndim == 3 else array[:, :, None]
    return Stored(upright(array, orientation), depth, palette)


def pillow_info(path: Path) -> ImageInfo:
    """The header of a PNG, JPEG, BMP or WebP."""
    with _open(path) as image:
        width, height = image.size
        depth, colour_type = _png_format(path) if image.format == "PNG" else (8, -1)
        orientation = _orientation(image, path)
        if orientation in (5, 6, 7, 8):
            width, height = height, width
        if depth == 16:
            channels = _PNG_CHANNELS[colour_type]
        else:
            channels = {"1": 1, "L": 1, "LA": 2, "RGBA": 4}.get(image.mode, 3)
        colour = "palette" if image.mode == "P" else {1: "grey", 2: "grey"}.get(channels, "rgb")
        space = "CMYK" if image.mode == "CMYK" else profile_name(image.info.get("icc_profile"))
    dtype = "uint16" if depth == 16 else "uint8"
    return ImageInfo(height, width, channels, dtype, colour, 1 < orientation < 9, space)
