"""Many small pictures in one file: idx files, as MNIST comes in, and a CSV of pixels."""

import gzip
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np

from img2img.errors import DataError

IDX_HELP = "idx files are named as MNIST's, train-images-idx3-ubyte and train-labels-idx1-ubyte"
_UBYTE = 0x08  # the type code of unsigned bytes, the only one that pictures have
CLASS_NAMES = ("label", "class")
MOST_CLASSES = 100  # that a column of a CSV seems to hold
_IMAGES = ("*-images-idx3-ubyte", "*-images.idx3-ubyte")


def find_idx(path: Path) -> Path | None:
    """The file of the training pictures: `path` itself, or the one in that folder; else None."""
    if path.is_file():
        return path if "idx3-ubyte" in path.name else None
    # "train" stands behind "t10k" in the alphabet, and held-out digits are not trained on.
    return max(_idx_in(path), key=lambda p: (p.name.startswith("train"), p.name), default=None)


def other_idx(path: Path) -> list[str]:
    """The names of the files of other pictures beside the one that `find_idx` finds."""
    chosen = find_idx(path)
    assert chosen is not None  # who asks has found it
    same = {chosen.name, f"{chosen.name}.gz", chosen.name.removesuffix(".gz")}
    return sorted(p.name for p in _idx_in(path) if p.name not in same)


def _idx_in(folder: Path) -> list[Path]:
    return [p for pattern in _IMAGES for end in ("", ".gz") for p in folder.glob(pattern + end)]


def read_idx_pictures(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """The pictures of an idx file, and the classes of its partner.

    Returns:
        uint8 (N, H, W); int64 (N,), None where there is no file of labels.

    Raises:
        DataError: damaged, no idx file of bytes, or labels that do not fit.
    """
    images = _read_idx(path, 3)
    name = path.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    partner = next(
        (p for p in (path.with_name(name), path.with_name(f"{name}.gz")) if p.is_file()), None
    )
    if partner is None:
        return images, None
    labels = _read_idx(partner, 1).astype(np.int64)
    if len(labels) != len(images):
        raise DataError(
            f"{partner}: {len(labels)} labels, but {path.name} has {len(images)} pictures"
        )
    return images, labels


def _read_idx(path: Path, dimensions: int) -> np.ndarray:
    """An array of bytes in the format of http://yann.lecun.com/exdb/mnist."""
    with _reading(path), _opened(path) as file:
        content = file.read()
    head = 4 + 4 * dimensions
    if len(content) < head or content[:4] != bytes((0, 0, _UBYTE, dimensions)):
        raise DataError(f"{path}: no idx file of bytes in {dimensions} dimensions; {IDX_HELP}")
    shape = struct.unpack(f">{dimensions}I", content[4:head])
    if len(content) - head != np.prod(shape, dtype=np.int64):
        raise DataError(f"{path}: the file is incomplete or damaged; copy it anew")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)


def read_csv_pictures(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The pictures of a CSV: a square picture's grey values in each row, its class last.

    A first row of names is passed over; a column that it calls `label` or `class` holds the classes.

    Returns:
        uint8 (N, H, H); int64 (N,).

    Raises:
        DataError: no such CSV.
    """
    with _reading(path), _opened(path) as file:
        lines = file.read().decode("utf-8-sig").split("\n")
    first = lines[0].split(",")
    header = not first[0].strip().lstrip("-").isdecimal()
    try:
        if not any(line.strip() for line in lines[header:]):
            raise ValueError("it has no rows")
        rows = np.loadtxt(lines[header:], np.int64, delimiter=",", ndmin=2)
    except ValueError as error:
        raise DataError(
            f"{path}: no CSV of pixels, which has a picture in each row: grey values from 0 to 255, "
            f"then its class ({_wrong_line(lines, header) or error})"
        ) from error
    names = [name.strip().strip('"').lower() for name in first] if header else []
    named = [place for place, name in enumerate(names) if name in CLASS_NAMES]
    if not named:
        _refuse_class_first(path, rows)
    column = named[0] if named else rows.shape[1] - 1
    labels, pixels = rows[:, column], np.delete(rows, column, axis=1)
    side = int(pixels.shape[1] ** 0.5)
    if side < 2 or side * side != pixels.shape[1]:
        raise DataError(
            f"{path}: {pixels.shape[1]} values before the class are no square picture, as 784 are "
            "one of 28x28"
        )
    if pixels.min() < 0 or pixels.max() > 255:
        raise DataError(
            f"{path}: values from {pixels.min()} to {pixels.max()}; grey values are 0 to 255"
        )
    return pixels.astype(np.uint8).reshape(-1, side, side), labels


def _wrong_line(lines: list[str], header: bool) -> str:
    """What is wrong in the first line that is none of as many whole numbers as the first has."""
    numbered = [(n, line.split(",")) for n, line in enumerate(lines, 1) if line.strip()][header:]
    for number, values in numbered:
        if len(values) != len(numbered[0][1]):
            return f"line {number} has {len(values)} values, line {numbered[0][0]} {len(numbered[0][1])}"
        for value in values:
            if not value.strip().lstrip("+-").isdecimal():
                return f"line {number}: {value.strip()[:20]!r} is no whole number"
    return ""


def _refuse_class_first(path: Path, rows: np.ndarray) -> None:
    """Raises DataError where it seems so: a pixel at a border may be the same in all, a class is not."""
    first, last = (np.unique(rows[:, column]) for column in (0, -1))
    if len(last) == 1 and 1 < len(first) <= min(MOST_CLASSES, len(rows) / 2):
        raise DataError(
            f"{path}: the last column is {last[0]} in all rows, so the class seems to be in the first "
            f"one, of {len(first)} values; put it last, or name it in a first row: label,1,2,..."
        )


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: the file cannot be read ({error}); copy it anew") from error
