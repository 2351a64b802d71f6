"""Stored values of TIFFs: 1..N channels, planar or not, palettes, any integer or float type."""

import logging
from contextlib import suppress
from pathlib import Path

import numpy as np

from img2img.errors import DataError
from img2img.fields.codecs.decoders import (
    ORIENTATION,
    ImageInfo,
    Stored,
    decode_pillow,
    from_opencv,
    upright,
)
from img2img.fields.codecs.profiles import profile_name

# It prints what it thinks of damaged files, unless somebody listens; our errors name the file.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

TIFF_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# TIFF's names for what the samples mean, and for compressions that change them.
_MINISWHITE, _MINISBLACK, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_JPEG_COMPRESSIONS = (6, 7)
# Those that Pillow and OpenCV always read: CCITT, LZW, JPEG, deflate.
_COMMON_COMPRESSIONS = (2, 3, 4, 5, *_JPEG_COMPRESSIONS, 8, 32946)
_ICC_PROFILE, _GDAL_NODATA = 34675, 42113
_ALPHA = {1, 2}  # extra samples that are transparency


def _picture(tif, path: Path):
    """The one picture of an open TIFF as (series, axes), axes of "YX", "YXS", "CYX", ...

    Raises:
        DataError: several pages that are not channels, or a colour model without meaning here.
        OSError: no page.
    """
    if not len(tif.pages):  # where a cut-off file had its directory
        raise OSError("it has no page")
    # Bits 1 and 4 of the subfile type mark overviews and masks beside the picture.
    pictures = [series for series in tif.series if not series.keyframe.subfiletype & 5]
    if len(pictures) != 1:
        raise DataError(
            f"{path}: a TIFF of {len(tif.pages)} pages; save each picture as its own file"
        )
    series = pictures[0]
    sizes = zip(series.get_axes(False), series.get_shape(False), strict=True)
    axes = "".join(axis for axis, size in sizes if size > 1 or axis in "YX")
    if sorted(axes) not in (["X", "Y"], ["S", "X", "Y"], ["C", "X", "Y"]):
        raise DataError(
            f"{path}: a TIFF of {len(tif.pages)} pages (axes {axes}); save each picture as its "
            "own file, or one picture of N channels with tifffile.imwrite(path, array, "
            "photometric='minisblack', planarconfig='contig')"
        )
    page = series.keyframe
    plain = page.photometric in (_MINISWHITE, _MINISBLACK, _RGB, _PALETTE)
    if not plain and not (page.photometric == _YCBCR and page.compression in _JPEG_COMPRESSIONS):
        name = getattr(page.photometric, "name", page.photometric)
        raise DataError(f"{path}: a TIFF of colour model {name}; convert it to RGB or grey")
    return series, axes


def _orientation(page) -> int:
    tag = page.tags.get(ORIENTATION)
    return tag.value if tag else 1


def _nodata(page) -> float | None:
    """GDAL's declaration of the value that means no data."""
    tag = page.tags.get(_GDAL_NODATA)
    with suppress(ValueError):
        return float(str(tag.value).strip(" \0")) if tag else None
    return None


def decode_tiff(path: Path) -> Stored:
    """A TIFF of one picture: 1..N channels, contiguous or planar, with or without palette."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        series, axes = _picture(tif, path)
        page = series.keyframe
        try:
            array = series.asarray(maxworkers=1)
        except (ValueError, ImportError, NotImplementedError) as error:
            # How it says that imagecodecs is missing depends on its version and on the codec.
            said = isinstance(error, ImportError) or "imagecodecs" in str(error)
            if not said and "not supported" not in str(error):
                raise
            return _decode_elsewhere(path, page)
        sizes = dict(zip(series.get_axes(False), series.get_shape(False), strict=True))
        array = array.reshape([sizes[axis] for axis in axes])
        array = np.moveaxis(array, _channel(axes), -1) if len(axes) == 3 else array[..., None]
        palette = None
        if page.photometric == _PALETTE:
            palette = np.ascontiguousarray((page.colormap.T >> 8)[:256], np.uint8)
        orientation, nodata = _orientation(page), _nodata(page)
    white = 2**page.bitspersample - 1 if page.bitspersample < 8 else None
    if array.dtype == bool:
        array = array.astype(np.uint8)
    if page.photometric == _MINISWHITE and array.dtype.kind == "u":
        array = np.array(2**page.bitspersample - 1, array.dtype) - array
    return Stored(upright(array, orientation), white, palette, nodata)


def _channel(axes: str) -> int:
    return next(place for place, axis in enumerate(axes) if axis in "SC")


def _decode_elsewhere(path: Path, page) -> Stored:
    """A TIFF whose compression tifffile lacks, where Pillow or OpenCV reads it exactly.

    Raises:
        DataError: neither does; the message names the package that would.
    """
    bits, channels, compression = page.bitspersample, page.samplesperpixel, page.compression
    common = channels == 1 or (page.photometric in (_RGB, _YCBCR) and channels in (3, 4))
    if common and bits in (1, 8) and compression in _COMMON_COMPRESSIONS:
        stored = decode_pillow(path)
        if stored.array.shape[2] == channels:  # Pillow drops a fourth channel that is not alpha
            return stored
    plain = common and page.photometric in (_MINISBLACK, _RGB) and page.planarconfig == 1
    plain &= compression in _COMMON_COMPRESSIONS
    if plain and ((page.dtype == np.uint16 and bits == 16) or page.dtype == np.float32):
        return Stored(
            upright(from_opencv(path, channels), _orientation(page)), nodata=_nodata(page)
        )
    name = getattr(compression, "name", compression)
    what = f"of packed {bits}-bit values" if name == "NONE" else f"compressed with {name}"
    raise DataError(
        f"{path}: a TIFF {what}; to read it: pip install imagecodecs (the extra `tiff`)"
    )


def tiff_info(path: Path) -> ImageInfo:
    """The header of a TIFF."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        series, axes = _picture(tif, path)
        page = series.keyframe
        sizes = dict(zip(series.get_axes(False), series.get_shape(False), strict=True))
        height, width = sizes["Y"], sizes["X"]
        orientation = _orientation(page)
        if orientation in (5, 6, 7, 8):
            height, width = width, height
        turned = 1 < orientation < 9
        if page.photometric == _PALETTE:
            return ImageInfo(height, width, 3, "uint8", "palette", turned)
        channels = sizes[axes[_channel(axes)]] if len(axes) == 3 else 1
        if channels == 1 or (channels == 2 and _ALPHA & set(page.extrasamples)):
            colour = "grey"
        else:
            colour = "rgb" if page.photometric in (_RGB, _YCBCR) and channels in (3, 4) else "n"
        profile = page.tags.get(_ICC_PROFILE)
        space = profile_name(bytes(profile.value)) if profile else ""
        dtype = np.dtype(series.dtype).name
        return ImageInfo(height, width, channels, dtype, colour, turned, space)


def tiff_is_lossy(path: Path) -> bool:
    """Whether the pixels of a TIFF are JPEG-compressed."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        return tif.pages[0].compression in _JPEG_COMPRESSIONS


def tiff_reaches(path: Path) -> bool:
    """Whether the file is as long as its pixels' places in the header say."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        series, _ = _picture(tif, path)
        pages = [page for page in series.pages if page is not None]
        ends = [
            place + length
            for page in pages
            for place, length in zip(page.dataoffsets, page.databytecounts, strict=True)
        ]
        return bool(ends) and max(ends) <= tif.filehandle.size
