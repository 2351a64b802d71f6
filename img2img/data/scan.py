"""One look at every label map before training, and at values where their range is wanted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from img2img.data.pairing.table import Files
from img2img.data.remembering import Memory, scan
from img2img.data.strays import Look, Strays, look_for_strays
from img2img.data.tally import MAX_LISTED, Some
from img2img.errors import DataError, counted
from img2img.fields.base import halve_picture
from img2img.fields.files import is_lossy, read_ids, read_image
from img2img.fields.label import read_label_colours
from img2img.fields.palettes import Colour, measure_classes

# Different ids that are counted; more are told apart by nobody.
MAX_IDS = 65536


@dataclass
class Findings:
    """What the label maps hold.

    Attributes:
        pixels: pixels of every id, of the first `MAX_IDS` ids met.
        files: the files that hold an id.
        lossy: files whose ids are not exact.
        strays: colours that the palette lacks.
        damaged: what is wrong with files that cannot be read as labels.
        each: called with every file and the look at it, in order.
    """

    pixels: dict[int, int] = field(default_factory=dict)
    files: dict[int, Some[Path]] = field(default_factory=dict)
    lossy: Some[Path] = field(default_factory=Some)
    strays: Strays = field(default_factory=Strays)
    damaged: Some[str] = field(default_factory=Some)
    each: "Callable[[Path, LabelLook], object] | None" = None

    @property
    def whole(self) -> bool:
        return not self.damaged

    def add(self, place: int, path: Path, look: "LabelLook | DataError") -> None:
        """One more file."""
        if isinstance(look, DataError):
            self.damaged.add(str(look))
            return
        for ident, count in zip(look.ids.tolist(), look.counts.tolist(), strict=True):
            if self._count(ident, count):
                self.files[ident].add(path)
        if look.lossy:
            self.lossy.add(path)
        if look.strays is not None:
            self.strays.add(path, look.strays)
        if self.each is not None:
            self.each(path, look)

    def _count(self, ident: int, pixels: int) -> bool:
        """Counts pixels of an id; whether it is one that is told apart."""
        if ident not in self.pixels and len(self.pixels) >= MAX_IDS:
            return False
        self.pixels[ident] = self.pixels.get(ident, 0) + pixels
        self.files.setdefault(ident, Some())
        return True

    def join(self, other: "Findings") -> None:
        """Adds all of another one."""
        for ident, pixels in other.pixels.items():
            if self._count(ident, pixels):
                self.files[ident].join(other.files[ident])
        self.lossy.join(other.lossy)
        self.strays.join(other.strays)
        self.damaged.join(other.damaged)

    def dump(self, items: Sequence[Path]) -> list:
        place = {path: number for number, path in enumerate(items)}
        ids = [
            [ident, pixels, self.files[ident].count, [place[p] for p in self.files[ident].first]]
            for ident, pixels in self.pixels.items()
        ]
        lossy = [self.lossy.count, [place[path] for path in self.lossy.first]]
        return [ids, lossy, self.strays.dump(place)]

    def recall(self, saved: list, places: range, at: Callable[[int], Path]) -> None:
        ids, lossy, strays = saved
        for ident, pixels, count, first in ids:
            if self._count(ident, pixels):
                self.files[ident].recall(count, first, at)
        count, first = lossy
        self.lossy.recall(count, first, at)
        self.strays.join(Strays.load(strays, at))

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
    memory: Memory | None = None,
) -> Findings:
    """The ids of all label maps; files that cannot be read are listed among the findings.

    Args:
        files: with `memory`, those of all pairs.
        half, palette: as of `look_at_labels`.
        each: called with every file and the look at it, in order.
        tell: called with everything that is wrong.
        memory: of earlier scans; for these neither is called.
    """

    def look(path: Path) -> LabelLook | DataError:
        try:
            return look_at_labels(path, half, palette)
        except DataError as error:
            return error

    def make() -> Findings:
        return Findings(damaged=Some(tell=tell), each=each)

    what = f"labels {half} {palette} in {files.part if isinstance(files, Files) else ''}"
    return scan(files, look, make, "labels", memory=memory, what=what)


@dataclass
class Extent:
    """The least and the greatest value of pictures."""

    low: float = np.inf
    high: float = -np.inf
    whole = True

    def add(self, place: int, path: Path, found: tuple[float, float]) -> None:
        self.low, self.high = min(self.low, found[0]), max(self.high, found[1])

    def join(self, other: "Extent") -> None:
        self.add(0, Path(), (other.low, other.high))

    def dump(self, items: Sequence[Path]) -> list:
        return [self.low, self.high]

    def recall(self, saved: list, places: range, at: Callable[[int], Path]) -> None:
        low, high = saved
        self.add(0, Path(), (low, high))


def image_range(
    files: Sequence[Path], half: str, memory: Memory | None = None
) -> tuple[float, float]:
    """The least and greatest value of all pictures.

    Args:
        memory: of earlier scans of the pairs, whose first ones the files belong to.

    Raises:
        DataError: all values are equal, or some are not finite.
    """

    def look(path: Path) -> tuple[float, float]:
        image = halve_picture(read_image(path), half)
        low, high = float(image.min()), float(image.max())
        if not np.isfinite([low, high]).all():
            raise DataError(f"{path}: holds values that are not finite (NaN or infinity)")
        return low, high

    what = f"range {half} in {files.part if isinstance(files, Files) else ''}"
    extent = scan(files, look, Extent, "range", memory=memory, what=what)
    if extent.low == extent.high:
        raise DataError(f"all pictures hold the one value {extent.low}, for example {files[0]}")
    return extent.low, extent.high
