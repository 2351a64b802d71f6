"""The files of one split: walking a folder, finding the suffixes, holding out a block."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping
from itertools import product, takewhile
from pathlib import Path

from img2img.data.images import IMAGE_SUFFIXES
from img2img.errors import DataError

# What data sets append to a shared stem, longest first.
KNOWN_SUFFIXES = tuple(
    sorted(
        (
            "_gtFine_labelIds _gtFine_instanceIds _gtFine_labelTrainIds _gtFine_color "
            "_gtCoarse_labelIds _gtCoarse_instanceIds _gtCoarse_labelTrainIds _leftImg8bit "
            "_label _labels _labelIds _labelTrainIds _instance _instances _instanceIds _inst "
            "_img _image _photo _rgb _mask _masks _seg _segmentation _L _A _B"
        ).split(),
        key=lambda suffix: (-len(suffix), suffix),
    )
)
_SEPARATORS = "_-. "


def natural_key(name: str) -> tuple[list, str]:
    """Sorts numbers in names as numbers, so that unpadded video frames are in order."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if part.isdecimal() else part for part in parts], name


def walk_pictures(folder: Path) -> tuple[dict[str, Path], list[tuple[Path, Path]]]:
    """The pictures below a folder by key.

    Hidden files and folders, other files, and links that lead back to a folder above are
    passed over.

    Returns:
        key (POSIX path relative to `folder` without extension, in Unicode's composed form)
        -> file, in sorted order; and (file passed over, file used instead) where two files
        have the same key.

    Raises:
        DataError: a folder cannot be read.
    """
    found: dict[str, Path] = {}
    doubles: list[tuple[Path, Path]] = []
    for relative in _walk(str(folder), "", ()):
        # macOS decomposes accents in file names where others do not.
        key = unicodedata.normalize("NFC", os.path.splitext(relative)[0])
        path = folder / relative
        if key in found:
            doubles.append((path, found[key]))
        else:
            found[key] = path
    return found, doubles


def _walk(folder: str, prefix: str, above: tuple[tuple[int, int], ...]) -> list[str]:
    """Relative POSIX paths of the pictures below `folder`, sorted within each folder."""
    try:
        status = os.stat(folder)
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            return []
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder}: the folder cannot be read ({error.strerror})") from error
    relatives: list[str] = []
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if is_folder(entry):
            below = f"{prefix}{entry.name}/"
            relatives += _walk(entry.path, below, (*above, identity))
        elif is_picture(entry.name) and is_file(entry):
            relatives.append(prefix + entry.name)
    return relatives


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


def strip_suffix(
    keys: Mapping[str, Path], suffix: str
) -> tuple[dict[str, Path], list[tuple[Path, Path]]]:
    """The files with `suffix` taken off the keys that end in it; and doubles, as above."""
    stripped: dict[str, Path] = {}
    doubles: list[tuple[Path, Path]] = []
    for key, path in keys.items():
        used = stripped.setdefault(key.removesuffix(suffix), path)
        if used is not path:
            doubles.append((path, used))
    return stripped, doubles


def find_suffixes(keys: Mapping[str, Collection[str]]) -> dict[str, str]:
    """The suffix that each part's keys have after what they share with the other parts.

    Known suffixes are tried first, then the endings that all keys of a part have in common.
    A suffix counts only if the keys stay different without it and if it makes more records
    complete; of equally good ones the shortest.

    Args:
        keys: part -> its keys.

    Returns:
        part -> suffix, "" where the keys match as they are.
    """
    plain = dict.fromkeys(keys, "")
    if len({frozenset(own) for own in keys.values()}) == 1:
        return plain
    complete = len(set.intersection(*map(set, keys.values())))
    for candidates in (_known_suffixes, _common_endings):
        best, count = _best_suffixes({part: candidates(own) for part, own in keys.items()}, keys)
        if count > complete:
            return best
    return plain


def _best_suffixes(
    candidates: Mapping[str, list[str]], keys: Mapping[str, Collection[str]]
) -> tuple[dict[str, str], int]:
    """The combination of one suffix a part that completes most records, and how many."""
    choices: dict[str, list[tuple[str, set[str]]]] = {}  # part -> (suffix, keys without it)
    for part, suffixes in candidates.items():
        stripped = [(s, {key.removesuffix(s) for key in keys[part]}) for s in suffixes]
        choices[part] = [(s, short) for s, short in stripped if len(short) == len(keys[part])]
    best: dict[str, str] = {}
    best_rank = (0, 0)
    for combination in product(*choices.values()):
        complete = len(set.intersection(*(short for _, short in combination)))
        rank = (complete, -sum(len(suffix) for suffix, _ in combination))
        if rank > best_rank:
            suffixes = (suffix for suffix, _ in combination)
            best, best_rank = dict(zip(choices, suffixes, strict=True)), rank
    return best, best_rank[0]


def _known_suffixes(keys: Collection[str]) -> list[str]:
    """No suffix, and the known one that at least half of the keys have."""
    counts = Counter(
        next((suffix for suffix in KNOWN_SUFFIXES if key.endswith(suffix)), "") for key in keys
    )
    suffix, count = max(counts.items(), key=lambda item: item[1], default=("", 0))
    return ["", suffix] if suffix and 2 * count >= len(keys) else [""]


def _common_endings(keys: Collection[str]) -> list[str]:
    """No suffix, and every ending that all keys share and that starts at a separator."""
    if len(keys) < 2:  # a lone key shares all of itself, which says nothing
        return [""]
    backwards = [key[::-1] for key in keys]
    # What the first and the last in order share, all share.
    pairs = zip(min(backwards), max(backwards), strict=False)
    shared = "".join(letter for letter, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    ending = shared[::-1].rpartition("/")[2]
    starts = [place for place, letter in enumerate(ending) if letter in _SEPARATORS]
    return [""] + [ending[place:] for place in starts]


def held_out(count: int, fraction: float) -> int:
    """How many of `count` sorted records are for validation: the last ones, in one block.

    No random draw: neighbouring video frames are nearly the same picture and would leak
    from training into validation.
    """
    if fraction == 0 or count < 2:
        return 0
    return min(count - 1, max(1, round(count * fraction)))
