"""One look at every label map before training, and at values where their range is wanted."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from img2img.data.images import is_lossy, read_ids, read_image
from img2img.data.palettes import Colour, measure_classes
from img2img.data.reading import halve_picture, read_label_colours
from img2img.data.strays import Look, Strays, look_for_strays
from img2img.errors import DataError, counted
from img2img.progress import counting

MAX_LISTED = 5  # files or ids named in one message

T = TypeVar("T")


@dataclass
class Findings:
    """What the label maps hold.

    Attributes:
        pixels: pixels of every id.
        files: a few files that hold an id.
        lossy: files whose ids are not exact.
        strays: colours that the palette lacks.
    """

    pixels: dict[int, int] = field(default_factory=dict)
    files: dict[int, list[Path]] = field(default_factory=dict)
    lossy: list[Path] = field(default_factory=list)
    strays: Strays = field(default_factory=Strays)

    def add(self, path: Path, ids: np.ndarray, counts: np.ndarray) -> None:
        """One more file with so many pixels of each id."""
        for ident, count in zip(ids.tolist(), counts.tolist(), strict=True):
            self.pixels[ident] = self.pixels.get(ident, 0) + count
            examples = self.files.setdefault(ident, [])
            if len(examples) < MAX_LISTED:
                examples.append(path)

    def ids(self, *, ignore: int | None) -> list[int]:
        """All ids that occur, ascending, without the ignored one."""
        return sorted(i for i in self.pixels if i != ignore)

    def where(self, ids: Sequence[int]) -> str:
        """One line for each of the first ids: how many pixels, which files."""
        lines = [
            f"  id {i}: {counted(self.pixels[i], 'pixel')}, for example in {self.files[i][0]}"
            for i in ids[:MAX_LISTED]
        ]
        if len(ids) > MAX_LISTED:
            lines.append(f"  and {counted(len(ids) - MAX_LISTED, 'more id')}")
        return "\n".join(lines)


def in_parallel(work: Callable[[T], object], items: Sequence[T], what: str) -> Iterable:
    """`work` of every item in order, by threads (decoding releases the interpreter lock)."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(work, items)
        yield from counting(results, len(items), what)


def scan_labels(files: Sequence[Path], half: str, palette: tuple[Colour, ...]) -> Findings:
    """The ids of all label maps.

    Args:
        half: "left" or "right" of side-by-side pictures, else "".
        palette: class colours, for colour-coded maps.

    Raises:
        DataError: a file is unreadable, or colour-coded without a palette.
    """

    def look(path: Path) -> tuple[np.ndarray, np.ndarray, bool, Look | None]:
        lossy, colours = is_lossy(path), read_label_colours(path, palette, half)
        if colours is None:
            ids = halve_picture(read_ids(path), half)
            return *np.unique(ids, return_counts=True), lossy, None
        ids, distances = measure_classes(colours, palette)
        strays = look_for_strays(colours, distances, exact=not lossy)
        # The nearest colour undoes what lossy compression does to colours, not to ids.
        return *np.unique(ids, return_counts=True), False, strays

    findings = Findings()
    looks = in_parallel(look, files, "labels")
    for path, (ids, counts, lossy, strays) in zip(files, looks, strict=True):
        findings.add(path, ids, counts)
        if lossy:
            findings.lossy.append(path)
        if strays is not None:
            findings.strays.add(path, strays)
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

    ranges = list(in_parallel(look, files, "range"))
    low, high = min(r[0] for r in ranges), max(r[1] for r in ranges)
    if low == high:
        raise DataError(f"all pictures hold the one value {low}, for example {files[0]}")
    return low, high
