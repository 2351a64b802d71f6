"""The one way in which folders are walked for pictures: by training, checks, translation and scores."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from img2img.errors import DataError, counted
from img2img.fields.files import IMAGE_SUFFIXES

_ENDINGS = frozenset(suffix.removeprefix(".") for suffix in IMAGE_SUFFIXES)
BROKEN = "broken link"
# What often lies beside pictures and is none.
_COMPANIONS = frozenset(". .txt .csv .json .xml .md .yaml .yml .html .db .ini .log .py".split())


class Others(Counter[str]):
    """Files met that are no pictures of a kind that is read, by ending in lower case."""

    def said(self) -> str:
        """`3 files of other kinds passed over: 2 .heic, 1 .txt`; "" where there are none."""
        shown = [f"{n} {'without ending' if end == '.' else end}" for end, n in self.most_common(8)]
        more = ", ..." if len(self) > len(shown) else ""
        files = counted(self.total(), "file")
        return f"{files} of other kinds passed over: {', '.join(shown)}{more}" if self else ""

    @property
    def doubtful(self) -> bool:
        """Whether there may be pictures among them."""
        return not self.keys() <= _COMPANIONS


def walk(folder: Path | str, others: Others | None = None) -> Iterator[tuple[str, str]]:
    """(POSIX path below `folder` without extension, extension) of all pictures, in no order.

    Links are followed, but those that lead back to a folder above. Hidden files and folders, such as
    `._1.png`, `.ipynb_checkpoints` and `.Trash`, are passed over.

    Args:
        others: counts files that are no pictures.

    Raises:
        DataError: a folder cannot be read.
    """
    return _walk(str(folder), "", (), Others() if others is None else others)


def _walk(
    folder: str, prefix: str, above: tuple[tuple[int, int], ...], others: Others
) -> Iterator[tuple[str, str]]:
    folders = []
    try:
        status = os.stat(folder)
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            return
        with os.scandir(folder) as scan:
            for entry in scan:
                name = entry.name
                if name.startswith("."):
                    continue
                stem, _, ending = name.rpartition(".")
                if ending.lower() in _ENDINGS and stem and is_file(entry):
                    yield prefix + stem, sys.intern(f".{ending}")
                elif is_folder(entry):
                    folders.append(name)
                else:
                    known = f".{ending.lower()}" if stem else "."
                    others[known if is_file(entry) else BROKEN] += 1
    except OSError as error:
        raise DataError(f"{folder}: the folder cannot be read ({error.strerror})") from error
    for name in sorted(folders):
        yield from _walk(f"{folder}/{name}", f"{prefix}{name}/", (*above, identity), others)


def is_folder(entry: os.DirEntry) -> bool:
    """Whether an entry is a folder, or a link to one; links that go round in circles are neither."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_file(entry: os.DirEntry) -> bool:
    """Whether an entry is a file, or a link to one."""
    try:
        return entry.is_file()
    except OSError:
        return False


def is_picture(name: str) -> bool:
    """Whether a file name has a picture's suffix."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES
