"""The files of one split: walking a folder, finding the suffixes, holding out a block."""

import os
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field
from functools import reduce
from itertools import product, takewhile
from pathlib import Path

import numpy as np

from img2img.data.walking import Others, walk

# What data sets append to a shared stem, longest first.
KNOWN_SUFFIXES = tuple(
    sorted(
        [
            "_gtFine_labelIds",
            "_gtFine_instanceIds",
            "_gtFine_labelTrainIds",
            "_gtFine_color",
            "_gtCoarse_labelIds",
            "_gtCoarse_instanceIds",
            "_gtCoarse_labelTrainIds",
            "_leftImg8bit",
            "_label",
            "_labels",
            "_labelIds",
            "_labelTrainIds",
            "_instance",
            "_instances",
            "_instanceIds",
            "_inst",
            "_img",
            "_image",
            "_photo",
            "_rgb",
            "_mask",
            "_masks",
            "_seg",
            "_segmentation",
            "_L",
            "_A",
            "_B",
        ],
        key=lambda suffix: (-len(suffix), suffix),
    )
)
_SEPARATORS = "_-. "
_NUMBER = re.compile(r"\d+")


def natural_order(names: Iterable[str]) -> list[str]:
    """Sorted with numbers in them as numbers, so that unpadded video frames are in order."""
    return sorted(sorted(names), key=natural_key)  # 01 before 1


def natural_key(name: str) -> str:
    """What sorts as the name would with its numbers as numbers.

    One string a name, for a million of them have to fit into memory. A number becomes its length
    and its digits, behind a character that no file name holds and that sorts before all others.
    """
    return _NUMBER.sub(_sortable, name)


def _sortable(match: re.Match) -> str:
    digits = str(int(match[0]))
    return f"\0{chr(len(digits))}{digits}"


@dataclass(frozen=True)
class Pictures:
    """The files of one part, by what they are called: little more than the keys' own memory.

    Attributes:
        folder: below the root, which the files lie in.
        endings: key -> what the file's path has after it, such as ".png".
        respelt: key -> the file's path below the folder, where that is not key and ending.
        others: files of other kinds that lie among them.
    """

    folder: str
    endings: Mapping[str, str] = field(default_factory=dict)
    respelt: Mapping[str, str] = field(default_factory=dict)
    others: Others = field(default_factory=Others)

    def path(self, key: str) -> str:
        """A file's POSIX path below the root."""
        own = self.respelt.get(key) if self.respelt else None
        return self.below_root(own or key + self.endings[key])

    def below_root(self, own: str) -> str:
        return f"{self.folder}/{own}" if self.folder else own

    def keys(self) -> Set[str]:
        return self.endings.keys()

    def ending_in(self, suffix: str) -> "Pictures":
        """Those whose keys end so."""
        if not suffix:
            return self
        endings = {key: own for key, own in self.endings.items() if key.endswith(suffix)}
        return Pictures(self.folder, endings, self.respelt)

    def __len__(self) -> int:
        return len(self.endings)


Doubles = list[tuple[str, str]]  # (file passed over, file used instead), paths below the root


def walk_pictures(root: Path, folder: str = "") -> tuple[Pictures, Doubles]:
    """The pictures below a folder by key: POSIX path without extension, in Unicode's composed form.

    What is passed over is said at `walk`. Of two files with the same key the first in order is used.

    Args:
        folder: below `root`, to which the paths are relative.

    Raises:
        DataError: a folder cannot be read.
    """
    endings: dict[str, str] = {}
    respelt: dict[str, str] = {}
    found = Pictures(folder, endings, respelt)
    several: dict[str, list[str]] = {}
    for stem, ending in walk(root / folder, found.others):
        # macOS decomposes accents in file names where others do not.
        key = stem if stem.isascii() else unicodedata.normalize("NFC", stem)
        if key in endings:
            several.setdefault(key, [respelt.get(key, key + endings[key])]).append(stem + ending)
            continue
        endings[key] = ending
        if key != stem:
            respelt[key] = stem + ending
    doubles: Doubles = []
    for key in sorted(several):
        used, *others = sorted(several[key])
        endings[key] = os.path.splitext(used)[1]
        respelt[key] = used
        doubles += [(found.below_root(other), found.below_root(used)) for other in others]
    return found, doubles


def strip_suffix(pictures: Pictures, suffix: str) -> tuple[Pictures, Doubles]:
    """The files with `suffix` taken off the keys that end in it; and doubles, as above."""
    if not suffix:
        return pictures, []
    endings: dict[str, str] = {}
    respelt: dict[str, str] = {}
    stripped = Pictures(pictures.folder, endings, respelt)
    doubles: Doubles = []
    for key in sorted(pictures.keys()):
        name = key.removesuffix(suffix)
        if name in endings:
            doubles.append((pictures.path(key), stripped.path(name)))
            continue
        endings[name] = sys.intern(key[len(name) :] + pictures.endings[key])
        if key in pictures.respelt:
            respelt[name] = pictures.respelt[key]
    return stripped, doubles


def find_suffixes(keys: Mapping[str, Set[str]]) -> dict[str, str]:
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
    first, *others = keys.values()
    if all(own == first for own in others):
        return plain
    complete = len(reduce(np.intersect1d, (_hashes(own, "") for own in keys.values())))
    for candidates in (_known_suffixes, _common_endings):
        best, count = _best_suffixes({part: candidates(own) for part, own in keys.items()}, keys)
        if count > complete:
            return best
    return plain


def _best_suffixes(
    candidates: Mapping[str, list[str]], keys: Mapping[str, Collection[str]]
) -> tuple[dict[str, str], int]:
    """The combination of one suffix a part that completes most records, and how many."""
    choices: dict[str, list[tuple[str, np.ndarray]]] = {}  # part -> (suffix, keys without it)
    for part, suffixes in candidates.items():
        stripped = [(s, _hashes(keys[part], s)) for s in suffixes]
        choices[part] = [(s, short) for s, short in stripped if len(short) == len(keys[part])]
    best: dict[str, str] = {}
    best_rank = (0, 0)
    for combination in product(*choices.values()):
        complete = len(reduce(np.intersect1d, (short for _, short in combination)))
        rank = (complete, -sum(len(suffix) for suffix, _ in combination))
        if rank > best_rank:
            chosen = (suffix for suffix, _ in combination)
            best, best_rank = dict(zip(choices, chosen, strict=True)), rank
    return best, best_rank[0]


def _hashes(keys: Collection[str], suffix: str) -> np.ndarray:
    """The different keys without a suffix, each as 8 bytes: sets of a million strings are large."""
    hashes = (hash(key.removesuffix(suffix)) for key in keys)
    return np.unique(np.fromiter(hashes, np.int64, len(keys)))


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
    # What the first and the last in order share, read backwards, all share.
    first, last = (end(key[::-1] for key in keys) for end in (min, max))
    pairs = zip(first, last, strict=False)
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
