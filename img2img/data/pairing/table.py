"""The records of a data set: one as an object, many as a piece of bytes."""

import os
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import eq
from pathlib import Path
from typing import overload

import numpy as np

_BETWEEN = "\0"  # which no path holds

Row = tuple[str, Sequence[str]]  # a record's name, and its files' paths below the root by part


@dataclass(frozen=True)
class Record:
    """Files that belong together.

    Attributes:
        name: their common POSIX path below their folders, without extension and suffix.
        files: part name -> file. Both halves of a side-by-side picture are the same file.
    """

    name: str
    files: Mapping[str, Path]


class Records(Sequence[Record]):
    """Records that are made when they are asked for, out of about 100 bytes each.

    A million `Record`s are a gigabyte of small objects. Worker processes would copy it bit by
    bit: Python counts references in every object that is looked at.

    Args:
        root: the folder that paths are relative to.
        parts: their names.
        text: the rows, name and paths.
        starts, ends: int64 (N,), where a row lies in the text.
    """

    def __init__(
        self,
        root: Path,
        parts: Sequence[str],
        text: bytes | bytearray,
        starts: np.ndarray,
        ends: np.ndarray,
    ):
        self.root, self.parts = root, tuple(parts)
        self._text, self._starts, self._ends = text, starts, ends

    @classmethod
    def pack(cls, root: Path, parts: Sequence[str], rows: Iterable[Row]) -> "Records":
        """Records of rows whose paths are in the order of `parts`."""
        text, bounds = bytearray(), array("q")
        for name, paths in rows:
            text += os.fsencode(_BETWEEN.join((name, *paths)))
            bounds.append(len(text))
            text += b"\n"
        ends = np.frombuffer(bounds, np.int64)
        return cls(root, parts, text, np.append(0, ends[:-1] + 1), ends)

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> "Records": ...

    def __getitem__(self, place):
        if isinstance(place, slice):
            return self._chosen(place)
        name, paths = self.row(place)
        files = zip(self.parts, (self.root / path for path in paths), strict=True)
        return Record(name, dict(files))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Records):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def row(self, place: int) -> Row:
        """A record as text alone: fewer objects than a `Record`."""
        name, *paths = os.fsdecode(self.packed(place, place + 1)).split(_BETWEEN)
        return name, paths

    def packed(self, start: int, stop: int) -> bytes:
        """The rows of neighbours as they are stored: the same bytes for the same names."""
        return bytes(self._text[self._starts[start] : self._ends[stop - 1]])

    def files(self, part: str) -> "Files":
        """The files of one part."""
        return Files(self, part)

    def take(self, places: Sequence[int] | np.ndarray) -> "Records":
        """Those at some places."""
        return self._chosen(np.asarray(places, np.int64))

    def _chosen(self, which: slice | np.ndarray) -> "Records":
        starts, ends = self._starts[which], self._ends[which]
        return Records(self.root, self.parts, self._text, starts, ends)


class Files(Sequence[Path]):
    """The files of one part of many records."""

    def __init__(self, records: Records, part: str):
        self.records, self.part = records, part
        self._number = records.parts.index(part)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, place: int) -> Path:  # type: ignore[override]  # nobody slices it
        return self.records.root / self.records.row(place)[1][self._number]
