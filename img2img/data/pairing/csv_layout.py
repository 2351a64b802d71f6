"""Pairs that a CSV file lists: one row a record, one column a part."""

import csv
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePath

from img2img.data.pairing.records import TRAIN_WORDS, VAL_WORDS, Layout, Part
from img2img.data.pairing.splits import natural_key
from img2img.data.pairing.table import Row
from img2img.errors import DataError, nearest

# Column names by part, in lower case; the first set whose required columns are there.
COLUMNS = (
    {
        "label": ("label", "labels", "mask", "masks"),
        "instance": ("instance", "instances", "inst"),
        "image": ("image", "images", "img", "photo", "target"),
    },
    {"A": ("a", "input"), "B": ("b", "target", "image", "img", "photo")},
)
OPTIONAL = frozenset({"instance"})
HELP = (
    "a .csv file with a header: columns label, instance (optional), image; or A, B; "
    "and split (optional). Paths are relative to its folder"
)


def lists_pairs(path: Path) -> bool:
    """Whether a file is a CSV with the columns of a layout, by its first line alone."""
    if path.suffix.lower() != ".csv":
        return False
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            first = file.readline(1 << 16)
    except (OSError, UnicodeDecodeError):
        return False
    names = csv.reader([first], delimiter=max(",;\t", key=first.count))
    return bool(_find_columns([name.strip() for name in next(names, [])]))


def read_csv(
    path: Path, custom: Mapping[str, str] | None
) -> tuple[Layout, dict[str, list[Row]], list[str]]:
    """The records of a CSV file.

    Args:
        custom: part -> column, instead of the columns in `COLUMNS`.

    Returns:
        The layout; word in the `split` column in lower case -> records in the order of their
        names ("" without that column); and a line for each row left out.

    Raises:
        DataError: no CSV in UTF-8, or its columns are not those of a layout.
    """
    header, rows = _read_rows(path)
    columns = _custom_columns(path, header, custom) if custom else _find_columns(header)
    if not columns:
        listed = ", ".join(header)
        raise DataError(f"{path}: columns {listed} are those of no layout; expected {HELP}")
    lower = [name.lower() for name in header]
    split_column = lower.index("split") if "split" in lower else None
    splits: dict[str, list[Row]] = {}
    left_out: list[str] = []
    for line, row in rows:
        row += [""] * (len(header) - len(row))
        word = "" if split_column is None else row[split_column].strip().lower()
        cells = {part: row[header.index(column)].strip() for part, column in columns.items()}
        reason = _reason_against(path.parent, cells)
        if split_column is not None and word not in (*TRAIN_WORDS, *VAL_WORDS):
            reason = f"split {word!r} is none of train, val, test"
        if reason:
            left_out.append(f"line {line}: {reason}")
            continue
        paths = list(cells.values())
        splits.setdefault(word, []).append((_name(paths[0]), paths))
    layout = Layout("csv", tuple(Part(part, column) for part, column in columns.items()))
    return layout, {word: _distinct(own) for word, own in splits.items()}, left_out


def _read_rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and (line number, cells) of every row that is not empty."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            delimiter = max(",;\t", key=first.count)
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            rows = [(reader.line_num, row) for row in reader if any(row)]
    except OSError as error:
        raise DataError(f"{path}: the CSV cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: no CSV in UTF-8; save it as UTF-8") from error
    except csv.Error as error:
        raise DataError(f"{path}: no valid CSV ({error})") from error
    if len(rows) < 2:
        raise DataError(f"{path}: the CSV has no rows below its header; expected {HELP}")
    header = [name.strip() for name in rows[0][1]]
    doubled = [name for name, count in Counter(header).items() if count > 1 and name]
    if doubled:
        raise DataError(f"{path}: column {doubled[0]!r} occurs twice; rename one")
    return header, rows[1:]


def _find_columns(header: list[str]) -> dict[str, str]:
    """Part -> column of the first choice that the header has, {} where it has none."""
    lower = {name.lower(): name for name in header}
    for choice in COLUMNS:
        found = {
            part: next((lower[name] for name in names if name in lower), None)
            for part, names in choice.items()
        }
        columns = {part: column for part, column in found.items() if column is not None}
        if choice.keys() - columns.keys() <= OPTIONAL:
            return columns
    return {}


def _custom_columns(path: Path, header: list[str], custom: Mapping[str, str]) -> dict[str, str]:
    known = _find_columns(header)
    columns = {}
    for part, column in custom.items():
        found = column if column in header else known.get(column)
        if found is None:
            raise DataError(f"{path}: no column {column!r} for {part}; {nearest(column, header)}")
        columns[part] = found
    return columns


def _reason_against(folder: Path, cells: Mapping[str, str]) -> str:
    """Why a row cannot be used, "" where it can."""
    for part, cell in cells.items():
        if not cell:
            return f"no {part}"
        if not (folder / cell).is_file():
            return f"{part}: there is no file {cell}"
    return ""


def _name(cell: str) -> str:
    """A path as a record's name: relative, and never above the folder it is put below."""
    path = PurePath(cell).with_suffix("")
    return "/".join(step for step in path.parts if step not in ("..", path.anchor))


def _distinct(rows: list[Row]) -> list[Row]:
    """The records in order, with "-2", "-3", ... after names that occur again."""
    seen: Counter[str] = Counter()
    distinct = []
    for name, paths in rows:
        seen[name] += 1
        distinct.append((name if seen[name] == 1 else f"{name}-{seen[name]}", paths))
    return sorted(sorted(distinct), key=lambda row: natural_key(row[0]))
