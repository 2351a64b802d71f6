"""One look at every label map before training, and at values where their range is wanted."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from img2img.data.images import is_lossy, read_ids, read_image
from img2img.data.palettes import Colour, measure_classes
from img2img.data.reading import halve_picture, read_label_colours
from img2img.data.strays import Look, Strays, look_for_strays
from img2img.data.tally import MAX_LISTED, Some
from img2img.errors import DataError, counted
from img2img.progress import counting

# Different ids that are counted; more are told apart by nobody.
MAX_IDS = 65536
_AHEAD = 8  # results of each thread that may wait to be used

T = TypeVar("T")
R = TypeVar("R")


@dataclass
class Findings:
    """What the label maps hold.

    Attributes:
        pixels: pixels of every id, of the first `MAX_IDS` ids met.
        files: the files that hold an id.
        lossy: files whose ids are not exact.
        strays: colours that the palette lacks.
        damaged: what is wrong with files that cannot be read as labels.
    """

    pixels: dict[int, int] = field(default_factory=dict)
    files: dict[int, Some[Path]] = field(default_factory=dict)
    lossy: Some[Path] = field(default_factory=Some)
    strays: Strays = field(default_factory=Strays)
    damaged: Some[str] = field(default_factory=Some)

    def add(self, path: Path, look: "LabelLook") -> None:
        """One more file."""
        for ident, count in zip(look.ids.tolist(), look.counts.tolist(), strict=True):
            if ident not in self.pixels and len(self.pixels) >= MAX_IDS:
                continue
            self.pixels[ident] = self.pixels.get(ident, 0) + count
            self.files.setdefault(ident, Some()).add(path)
        if look.lossy:
            self.lossy.add(path)
        if look.strays is not None:
            self.strays.add(path, look.strays)

    def check(self) -> None:
        """Raises a DataError where files cannot be read as labels."""
        if not self.damaged:
            return
        more = self.damaged.count - 1
        rest = f"\n({counted(more, 'more label file')} cannot be used either)" if more else ""
        raise DataError(self.damaged.first[0] + rest)

    def ids(self, *, ignore: int | None) -> list[int]:
        """All ids that occur, ascending, without the ignored one."""
        return sorted(i for i in self.pixels if i != ignore)

    def where(self, ids: Sequence[int]) -> str:
        """One line for each of the first ids: how many pixels, which files."""
        lines = [
            f"  id {i}: {counted(self.pixels[i], 'pixel')}, for example in {self.files[i].first[0]}"
            for i in ids[:MAX_LISTED]
        ]
        if len(ids) > MAX_LISTED:
            lines.append(f"  and {counted(len(ids) - MAX_LISTED, 'more id')}")
        return "\n".join(lines)


def in_parallel(work: Callable[[T], R], items: Sequence[T], what: str) -> Iterator[R]:
    """`work` of every item in order, by threads (decoding releases the interpreter lock).

    Only a few results wait to be used, however many items there are.
    """
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        left = iter(items)
        running = deque(pool.submit(work, item) for item in islice(left, threads * _AHEAD))

        def results() -> Iterator[R]:
            while running:
                result = running.popleft().result()
                running.extend(pool.submit(work, item) for item in islice(left, 1))
                yield result

        try:
            yield from counting(results(), len(items), what)
        finally:  # what nobody waits for any more
            for future in running:
                future.cancel()


@dataclass(frozen=True)
class LabelLook:
    """What one label map holds.

    Attributes:
        ids, counts: the ids that occur, ascending, and their pixels.
        lossy: the file's compression changes ids.
        strays: None for a map of ids.
    """

    ids: np.ndarray
    counts: np.ndarray
    lossy: bool
    strays: Look | None


def look_at_labels(path: Path, half: str, palette: tuple[Colour, ...]) -> LabelLook:
    """Reads one label map.

    Args:
        half: "left" or "right" of side-by-side pictures, else "".
        palette: class colours, for colour-coded maps.

    Raises:
        DataError: the file is unreadable, or colour-coded without a palette.
    """
    lossy, colours = is_lossy(path), read_label_colours(path, palette, half)
    if colours is None:
        return LabelLook(*count_ids(halve_picture(read_ids(path), half)), lossy, None)
    ids, distances = measure_classes(colours, palette)
    strays = look_for_strays(colours, distances, exact=not lossy)
    # The nearest colour undoes what lossy compression does to colours, not to ids.
    return LabelLook(*count_ids(ids), False, strays)


def count_ids(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ids that occur in integers of any shape, ascending, and how often each does."""
    if ids.size and ids.min() >= 0 and ids.max() < MAX_IDS:  # far faster than sorting
        counts = np.bincount(ids.ravel())
        found = counts.nonzero()[0]
        return found, counts[found]
    return np.unique(ids, return_counts=True)


def scan_labels(
    files: Sequence[Path],
    half: str,
    palette: tuple[Colour, ...],
    each: Callable[[Path, LabelLook], object] | None = None,
    tell: Callable[[str], object] | None = None,
) -> Findings:
    """The ids of all label maps; files that cannot be read are listed among the findings.

    Args:
        half, palette: as of `look_at_labels`.
        each: called with every file and the look at it, in order.
        tell: called with everything that is wrong.
    """

    def look(path: Path) -> LabelLook | DataError:
        try:
            return look_at_labels(path, half, palette)
        except DataError as error:
            return error

    findings = Findings(damaged=Some(tell=tell))
    for path, found in zip(files, in_parallel(look, files, "labels"), strict=True):
        if isinstance(found, DataError):
            findings.damaged.add(str(found))
            continue
        findings.add(path, found)
        if each is not None:
            each(path, found)
    return findings


def image_range(files: Sequence[Path], half: str) -> tuple[float, float]:
    """The least and greatest value of all pictures.

    Raises:
        DataError: all values are equal, or some are not finite.
    """

    def look(path: Path) -> tuple[float, float]:
        image = halve_picture(read_image(path), half)
        low, high = float(image.min()), float(image.max())
        if not np.isfinite([low, high]).all():
            raise DataError(f"{path}: holds values that are not finite (NaN or infinity)")
        return low, high

    low, high = np.inf, -np.inf
    for least, greatest in in_parallel(look, files, "range"):
        low, high = min(low, least), max(high, greatest)
    if low == high:
        raise DataError(f"all pictures hold the one value {low}, for example {files[0]}")
    return low, high
