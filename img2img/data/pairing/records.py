"""Parts and layouts of a data set, its pairs, and the way from one file of a pair to another."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from img2img.data.pairing.table import Records
from img2img.data.walking import Others
from img2img.errors import DataError, nearest
from img2img.fields.files import IMAGE_SUFFIXES

TRAIN_WORDS = ("train", "training")
VAL_WORDS = ("val", "valid", "validation", "test", "testing")  # the first that is there
_LEFT_OUT_SHOWN = 10


@dataclass(frozen=True)
class Part:
    """One kind of file of a layout.

    Attributes:
        name: "label", "instance", "image", "A", "B", or a name from the settings.
        folder: below the root, may hold `{split}`: "{split}_label", "A/{split}", "". In a
            CSV layout the column.
        suffix: what a file's stem has after the record's name: "_gtFine_labelIds".
        half: "left" or "right" of a side-by-side picture, else "".
    """

    name: str
    folder: str
    suffix: str = ""
    half: str = ""


@dataclass(frozen=True)
class Layout:
    """How a data set lies on disk."""

    name: str
    parts: tuple[Part, ...]

    def part(self, name: str) -> Part:
        """The part of a name.

        Raises:
            DataError: the layout has no such part.
        """
        for part in self.parts:
            if part.name == name:
                return part
        names = [part.name for part in self.parts]
        raise DataError(f"layout {self.name} has no part {name!r}; {nearest(name, names)}")


@dataclass(frozen=True)
class PairIndex:
    """The complete records of a data set.

    Attributes:
        records: those for training and behind them those for validation, each in the order
            of their names, numbers as numbers.
        cut: how many are for training.
        val_source: in words, where the validation records come from.
        left_out: one line for each name or file that is not used, with the reason.
        doubled: those of these lines that name a second file of the same name.
        others: files of other kinds that lie among them.
        found: names and surplus files met: those used and those left out.
    """

    layout: Layout
    root: Path
    records: Records
    cut: int
    val_source: str
    left_out: tuple[str, ...]
    found: int
    doubled: tuple[str, ...] = ()
    others: Others = field(default_factory=Others)

    @property
    def train(self) -> Records:
        return self.records[: self.cut]

    @property
    def val(self) -> Records:
        return self.records[self.cut :]

    def summary(self) -> str:
        """What was found, used and left out: one line, and the first lines of `left_out`."""
        used = len(self.train) + len(self.val)
        lines = [
            f"layout {self.layout.name}: found {self.found}, used {used} ({len(self.train)} "
            f"train, {len(self.val)} val: {self.val_source}), left out {len(self.left_out)}"
        ]
        lines += [f"  {line}" for line in self.left_out[:_LEFT_OUT_SHOWN]]
        if len(self.left_out) > _LEFT_OUT_SHOWN:
            lines.append(f"  ... and {len(self.left_out) - _LEFT_OUT_SHOWN} more")
        lines += [f"  {said}"] if (said := self.others.said()) else []
        return "\n".join(lines)


def find_partner(path: Path | str, own: Part, other: Part) -> Path | None:
    """The file of another part that lies where the layout wants it, beside a given file.

    The root is taken from the file's own path, so it may be another data set of the same
    layout, and any word may stand for `{split}`. Failing that, a file in the same folder
    that differs in the suffix only.

    Args:
        path: a file of the part `own`, or where one would be.

    Returns:
        The file (of any picture type), or None where there is none.
    """
    path = Path(os.path.abspath(path))
    if own.half and other.half:
        return path
    stem = path.stem.removesuffix(own.suffix) + other.suffix
    folders = list(_partner_folders(path.parent, own.folder, other.folder))
    if stem != path.stem:
        folders.append(path.parent)
    for folder in filter(Path.is_dir, dict.fromkeys(folders)):  # else each suffix is looked for
        for suffix in IMAGE_SUFFIXES:
            for candidate in (folder / (stem + suffix), folder / (stem + suffix.upper())):
                if candidate.is_file():
                    return candidate
    return None


def _partner_folders(folder: Path, own: str, other: str) -> Iterator[Path]:
    """Where `other` may be, for each place of the root that makes `folder` lie in `own`."""
    depth = len(PurePosixPath(own).parts)
    split = re.escape("{split}")
    pattern = re.escape(own).replace(split, "(?P<split>[^/]*)", 1).replace(split, "(?P=split)")
    for base in (folder, *folder.parents):
        if len(base.parts) <= depth:
            return
        above, tail = base.parts[: len(base.parts) - depth], base.parts[len(base.parts) - depth :]
        match = re.fullmatch(pattern, "/".join(tail))
        if match is None:
            continue
        words = (match["split"],) if "{split}" in own else (*TRAIN_WORDS, *VAL_WORDS)
        for word in words if "{split}" in other else ("",):
            yield Path(*above) / other.replace("{split}", word) / folder.relative_to(base)
