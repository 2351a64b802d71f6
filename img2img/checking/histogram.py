"""How much of which class: in all, and file by file in a CSV beside the report."""

import csv
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from img2img.data.scan import Findings, LabelScan
from img2img.fields import Label

MAX_COLUMNS = 300  # ids; spreadsheets and readers dislike wider tables


class FileHistograms:
    """Collects the ids of every file on disk, because their columns are known at the end alone.

    Args:
        root: of the data; files are named relative to it.
    """

    def __init__(self, root: Path):
        self._root = root
        self._lines = TemporaryFile("w+", encoding="ascii")  # noqa: SIM115 - closed by `write`
        self.files, self._first, self.mixed = 0, "", False

    def add(self, path: Path, found: LabelScan) -> None:
        """One more label map."""
        counts = dict(zip(found.ids.tolist(), found.counts.tolist(), strict=True))
        name = os.path.relpath(path, self._root if self._root.is_dir() else self._root.parent)
        name = Path(name).as_posix()
        if name == self._first:  # the files are read a second time, otherwise
            self._lines.seek(0)
            self._lines.truncate()
            self.files = 0
        self._first = self._first or name
        self._lines.write(json.dumps([name, list(counts.items()), found.mixed]) + "\n")
        self.mixed |= found.mixed > 0
        self.files += 1

    def write(self, path: Path, ids: list[int], names: Mapping[int, str]) -> None:
        """A row for each file, a column for each id: pixels. Ids beyond the columns are summed up.
        The last column counts the pixels of mixed colours, where there are such.

        Raises:
            OSError: the CSV cannot be written.
        """
        shown = ids[:MAX_COLUMNS]
        known = set(shown)
        self._lines.seek(0)
        with (
            self._lines,
            open(path, "w", encoding="utf-8", errors="backslashreplace", newline="") as file,
        ):
            table = csv.writer(file)
            heads = [f"{i} {names[i]}" if i in names else str(i) for i in shown]
            others, mixing = len(ids) > len(shown), ["mixed colours"] * self.mixed
            table.writerow(["file", "pixels", *heads, *["other ids"] * others, *mixing])
            for line in self._lines:
                name, pairs, mixed = json.loads(line)
                counts = dict(pairs)
                other = sum(count for ident, count in counts.items() if ident not in known)
                row = [name, sum(counts.values()), *(counts.get(i, 0) for i in shown)]
                table.writerow([*row, *[other] * others, *[mixed] * self.mixed])


@dataclass(frozen=True)
class ClassRow:
    """What the label maps hold of one id.

    Attributes:
        share: of all pixels.
        files: label maps with the id.
        colour: RGB 0..255 of the palette, None without one.
    """

    ident: int
    name: str
    share: float
    files: int
    colour: tuple[int, int, int] | None
    ignored: bool


def class_rows(findings: Findings, source: Label | None, ignore_id: int | None):
    """The ids that occur, ascending, as `ClassRow`s.

    Args:
        source: the description of the label input, None where it has none.
        ignore_id: as in the settings.
    """
    total = sum(findings.pixels.values()) or 1
    names = id_names(source)
    palette = source.palette if source else ()
    return [
        ClassRow(
            ident=i,
            name="no class" if i == ignore_id else names.get(i, f"class-{i}"),
            share=findings.pixels[i] / total,
            files=findings.files[i].count,
            colour=palette[i] if 0 <= i < len(palette) else None,
            ignored=i == ignore_id,
        )
        for i in sorted(findings.pixels)
    ]


def id_names(source: Label | None) -> dict[int, str]:
    """The classes' names by stored id."""
    if source is None:
        return {}
    stored = source.stored_ids
    return {stored.get(number, number): name for number, name in enumerate(source.class_names)}
