"""Whether a file was cut off, told by its last bytes: cheap enough for 100,000 photos."""

import os
import struct
from pathlib import Path

from img2img.fields.codecs.decoders import NPY_MAGIC
from img2img.fields.codecs.tiff import TIFF_MAGICS, tiff_reaches

_JPEG_MAGIC, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_PNG_MAGIC, _PNG_END = b"\x89PNG", b"IEND\xaeB`\x82"
# How much is read. Some programs fill files up with zeros; longer fillings are for the decoder.
_TAIL = 4096


def ends_well(path: Path, magic: bytes) -> bool:
    """Whether the file certainly has all its bytes.

    False does not mean damage: cameras write more behind the end mark of a JPEG, and some
    headers do not say how long the file is. Then only decoding it tells.

    Args:
        magic: the first bytes of the file, at least four.
    """
    if magic.startswith(NPY_MAGIC):
        return True  # its header is not read without the whole array being there
    if magic.startswith(TIFF_MAGICS):
        return tiff_reaches(path)
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if magic.startswith(_JPEG_MAGIC):
            # At the very end: a mark further in may be that of a small preview.
            return _tail(file, size).rstrip(b"\0").endswith(_JPEG_END)
        if magic.startswith(_PNG_MAGIC):
            return _tail(file, size).rstrip(b"\0").endswith(_PNG_END)
        if magic.startswith(b"GIF8"):
            return _tail(file, size).rstrip(b"\0").endswith(b";")
        if magic.startswith(b"RIFF"):  # WebP: the bytes after the first eight
            return size >= _number(file, 4) + 8 > 8
        if magic.startswith(b"BM"):  # many programs leave the length out
            return size >= _number(file, 2) > 54
    return False


def _tail(file, size: int) -> bytes:
    file.seek(max(0, size - _TAIL))
    return file.read(_TAIL)


def _number(file, place: int) -> int:
    """32 bits at a place of the header."""
    file.seek(place)
    return struct.unpack("<I", file.read(4).ljust(4, b"\0"))[0]
