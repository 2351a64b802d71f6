"""Finding the pairs of a data set as they lie on disk.

A record is complete when every part has a file of its name; what is not complete is
listed, never dropped in silence.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from img2img.data.pairing import csv_layout
from img2img.data.pairing.recognition import LAYOUTS, Match, name_folders, recognise, train_word
from img2img.data.pairing.records import VAL_WORDS, Layout, PairIndex, Part, find_partner
from img2img.data.pairing.splits import (
    Doubles,
    Pictures,
    find_suffixes,
    held_out,
    natural_order,
    strip_suffix,
    walk_pictures,
)
from img2img.data.pairing.table import Record, Records, Row
from img2img.data.walking import Others
from img2img.errors import DataError, nearest

__all__ = [
    "LAYOUTS",
    "Layout",
    "PairIndex",
    "Part",
    "Record",
    "Records",
    "find_pairs",
    "find_partner",
]

_SHOWN = 8  # lines quoted in a message


def find_pairs(
    root: Path | str,
    *,
    layout: str = "auto",
    val_fraction: float = 0.1,
    custom: Mapping[str, str] | None = None,
) -> PairIndex:
    """The complete records of a data set, and what was left out.

    Validation records are those of the folder (or CSV value) `val`, `valid`, `validation`,
    else `test`; failing these, the last block of the sorted training names.

    Args:
        root: a folder, or a CSV file.
        layout: "auto", or one of `LAYOUTS`.
        val_fraction: share of the training records for validation, in [0, 1), where the
            data have no validation of their own.
        custom: part name -> folder below the root (may hold `{split}`; a last step
            `*_suffix` takes only the files whose stem ends so), CSV column, or name of a
            part that is recognised; instead of all parts that would be recognised.

    Raises:
        DataError: nothing there, no layout recognised, an unknown layout or column, or not
            one complete record.
    """
    root = Path(root)
    splits: Mapping[str, list[Row] | Rows]
    doubled: list[str] = []
    others = Others()
    if layout != "auto" and layout not in LAYOUTS:
        raise DataError(f"unknown layout {layout!r}; {_suggest(layout)}")
    if not root.exists():
        raise DataError(f"{root}: there is no such folder or CSV file")
    if not root.is_dir():
        if root.suffix.lower() != ".csv":
            raise DataError(f"{root}: neither a folder nor a .csv file; name the data's folder")
        if layout not in ("auto", "csv"):
            raise DataError(f"{root}: a file, but layout {layout} is one of folders")
        found, splits, left_out = csv_layout.read_csv(root, custom)
        folder = root.parent
    else:
        match = name_folders(root, custom, layout) if custom else recognise(root, layout)
        found, splits, left_out, doubled = _pair_folders(root, match, others)
        folder = root
    index = _index(root, folder, found, splits, left_out, val_fraction)
    return replace(index, doubled=tuple(doubled), others=others)


def _suggest(layout: str) -> str:
    hint = nearest(layout, LAYOUTS)
    valid = f"valid: {', '.join(('auto', *LAYOUTS))}"
    return valid if hint.startswith("valid") else f"{hint} {valid}"


def _index(
    root: Path,
    folder: Path,
    layout: Layout,
    splits: "Mapping[str, list[Row] | Rows]",
    left_out: list[str],
    val_fraction: float,
) -> PairIndex:
    """Training and validation from the rows of each split's word."""
    splits = {word: rows for word, rows in splits.items() if rows}
    first = train_word(splits)
    train = () if first is None else splits[first]
    if not train:
        lines = [f"  {line}" for line in left_out[:_SHOWN]]
        raise DataError("\n".join([f"{root}: no complete training record", *lines]))
    word = next((word for word in VAL_WORDS if word in splits), None)
    if word is not None:
        cut, source = len(train), f"split {word!r}"
    else:
        held = held_out(len(train), val_fraction)
        cut = len(train) - held
        source = f"last {100 * val_fraction:g}% of the sorted names" if held else "none held out"
    parts = [part.name for part in layout.parts]
    val = () if word is None else splits[word]
    records = Records.pack(folder, parts, chain(train, val))
    found = len(records) + len(left_out)
    return PairIndex(layout, root, records, cut, source, tuple(left_out), found)


@dataclass(frozen=True)
class Rows:
    """The complete records of one split: names in order, and their files by part."""

    names: list[str]
    files: Mapping[str, Pictures]

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Row]:
        for name in self.names:
            yield name, [own.path(name) for own in self.files.values()]


def _pair_folders(
    root: Path, match: Match, others: Others
) -> tuple[Layout, dict[str, Rows], list[str], list[str]]:
    """The records of the training split and of the first validation split that has any.

    Args:
        others: counts the files of other kinds.

    Returns:
        The layout with the suffixes found, word -> rows, a line for all left out, and those
        of these lines that are second files of a name.
    """
    train = train_word(match.splits)
    assert train is not None  # without one nothing is recognised
    strange: dict[str, Others] = {}
    files, left_out = _files(root, match.layout, match.splits[train], strange)
    doubled = list(left_out)
    suffixes = find_suffixes({part: own.keys() for part, own in files.items()})
    parts = [replace(part, suffix=suffixes[part.name] + part.suffix) for part in match.layout.parts]
    layout = replace(match.layout, parts=tuple(parts))
    splits: dict[str, Rows] = {}
    for word in (train, *(word for word in VAL_WORDS if word in match.splits)):
        folders = match.splits[word]
        if word != train:
            files, doubles = _files(root, match.layout, folders, strange)
            left_out += doubles
            doubled += doubles
        for part, suffix in suffixes.items():
            files[part], twice = strip_suffix(files[part], suffix)
            left_out += (lines := _doubles(twice))
            doubled += lines
        splits[word], incomplete = _complete(word, layout, folders, files)
        if word == train and not splits[word]:
            raise DataError(_unpaired(root, folders, files, strange))
        left_out += incomplete
        if word != train and splits[word]:
            break
    for own in strange.values():
        others.update(own)
    # A folder that serves several splits is met more than once.
    return layout, splits, list(dict.fromkeys(left_out)), list(dict.fromkeys(doubled))


def _files(
    root: Path, layout: Layout, folders: Mapping[str, str], others: dict[str, Others]
) -> tuple[dict[str, Pictures], list[str]]:
    """Part name -> its files of one split, and a line for each file of a doubled name.

    `others` gets the files of other kinds, by folder.
    """
    walked = {
        folder: walk_pictures(root, folder)
        for folder in dict.fromkeys(folders.values())
        if (root / folder).is_dir()
    }
    others |= {folder: own.others for folder, (own, _) in walked.items()}
    files: dict[str, Pictures] = {}
    for part in layout.parts:
        own, _ = walked.get(folders.get(part.name, ""), (Pictures(""), []))
        files[part.name], _ = strip_suffix(own.ending_in(part.suffix), part.suffix)
    return files, [line for _, doubles in walked.values() for line in _doubles(doubles)]


def _doubles(doubles: Doubles) -> list[str]:
    return [
        f"{os.path.normpath(path)}: same name as {os.path.basename(used)}, which is used"
        for path, used in doubles
    ]


def _complete(
    word: str, layout: Layout, folders: Mapping[str, str], files: Mapping[str, Pictures]
) -> tuple[Rows, list[str]]:
    """The records of one split that have every part, and a line for each that has not."""
    by_split = [part.name for part in layout.parts if "{split}" in part.folder]
    keys = {part: own.keys() for part, own in files.items()}
    first, *others = keys.values()
    whole = [name for name in first if all(name in own for own in others)]
    # A folder that serves all splits holds names of the others, too; they are not missing here.
    asked = [keys[part] for part in by_split or keys if len(keys[part]) > len(whole)]
    incomplete = []
    for name in natural_order(set().union(*asked).difference(whole)):
        missing = [
            f"no {part.name} (looked in {_folder(part, word, folders)}/)"
            for part in layout.parts
            if name not in keys[part.name]
        ]
        incomplete.append(f"{word}/{name}: ".removeprefix("/") + ", ".join(missing))
    return Rows(natural_order(whole), files), incomplete


def _folder(part: Part, word: str, folders: Mapping[str, str]) -> str:
    """Where a part's files of a split are, or would be if there were any."""
    return folders.get(part.name) or part.folder.replace("{split}", word) or "."


def _unpaired(
    root: Path,
    folders: Mapping[str, str],
    files: Mapping[str, Pictures],
    others: Mapping[str, Others],
) -> str:
    lines = [f"{root}: no record is complete; files belong together if they have the same name"]
    for part, own in files.items():
        first = ", ".join(natural_order(own.keys())[:3]) + (", ..." if len(own) > 3 else "")
        strange = f" ({said})" if (said := others[folders[part]].said()) else ""
        lines.append(f"  {part} in {folders[part] or '.'}/: {first or 'no pictures'}{strange}")
    return "\n".join(lines)
