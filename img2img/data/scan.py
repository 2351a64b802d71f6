"""A scan of every label map before training, and at values where their range is wanted."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from img2img.data.pairing.table import Files
from img2img.data.remembering import Memory, scan
from img2img.data.strays import Strays, StrayScan, scan_for_strays
from img2img.data.tally import MAX_LISTED, Some
from img2img.errors import DataError, counted
from img2img.fields.coding import Way
from img2img.fields.files import is_lossy
from img2img.fields.ids import MAX_IDS, count_ids
from img2img.fields.label import Label
from img2img.fields.palettes import Colour


@dataclass
class Findings:
    """What the label maps hold.

    Attributes:
        pixels: pixels of every id, of the first `MAX_IDS` ids met.
        files: the files that hold an id.
        notes: the files of which something is to be said, by a word for it: see `LabelScan.notes`.
        mixed: pixels that got the class of a neighbour.
        embedded: the colours of an index in indexed files, each with a file that has it.
        strays: colours that the palette lacks.
        damaged: what is wrong with files that cannot be read as labels.
        each: called with every file and its scan, in order.
    """

    pixels: dict[int, int] = field(default_factory=dict)
    files: dict[int, Some[Path]] = field(default_factory=dict)
    notes: dict[str, Some[Path]] = field(default_factory=lambda: defaultdict(Some))
    mixed: int = 0
    embedded: dict[int, dict[Colour, Path]] = field(default_factory=dict)
    strays: Strays = field(default_factory=Strays)
    damaged: Some[str] = field(default_factory=Some)
    each: "Callable[[Path, LabelScan], object] | None" = None

    @property
    def whole(self) -> bool:
        return not self.damaged

    @property
    def way(self) -> Way | None:
        """What the values of all files are that can be but one; None without such, or of both."""
        ways: list[Way] = [way for way in ("ids", "colours") if self.notes[way]]
        return ways[0] if len(ways) == 1 else None

    def add(self, place: int, path: Path, found: "LabelScan | DataError") -> None:
        """One more file."""
        if isinstance(found, DataError):
            self.damaged.add(str(found))
            return
        for ident, count in zip(found.ids.tolist(), found.counts.tolist(), strict=True):
            if self._count(ident, count):
                self.files[ident].add(path)
        for note in found.notes:
            self.notes[note].add(path)
        self.mixed += found.mixed
        for index, colour in found.embedded.items():
            self._embed(index, colour, path)
        if found.strays is not None:
            self.strays.add(path, found.strays)
        if self.each is not None:
            self.each(path, found)

    def _count(self, ident: int, pixels: int) -> bool:
        """Counts pixels of an id; whether it is one that is told apart."""
        if ident not in self.pixels and len(self.pixels) >= MAX_IDS:
            return False
        self.pixels[ident] = self.pixels.get(ident, 0) + pixels
        self.files.setdefault(ident, Some())
        return True

    def _embed(self, index: int, colour: Colour, path: Path) -> None:
        """One more colour of an index; two are enough to tell that it has no meaning."""
        colours = self.embedded.setdefault(index, {})
        if len(colours) < 2:
            colours.setdefault(colour, path)

    def join(self, other: "Findings") -> None:
        """Adds all of another one."""
        for ident, pixels in other.pixels.items():
            if self._count(ident, pixels):
                self.files[ident].join(other.files[ident])
        for note, files in other.notes.items():
            self.notes[note].join(files)
        self.mixed += other.mixed
        for index, colours in other.embedded.items():
            for colour, path in colours.items():
                self._embed(index, colour, path)
        self.strays.join(other.strays)
        self.damaged.join(other.damaged)

    def dump(self, items: Sequence[Path]) -> list:
        place = {path: number for number, path in enumerate(items)}
        ids = [
            [ident, pixels, self.files[ident].count, [place[p] for p in self.files[ident].first]]
            for ident, pixels in self.pixels.items()
        ]
        notes = [[note, f.count, [place[p] for p in f.first]] for note, f in self.notes.items()]
        embedded = [
            [index, colour, place[path]]
            for index, colours in self.embedded.items()
            for colour, path in colours.items()
        ]
        return [ids, notes, self.mixed, embedded, self.strays.dump(place)]

    def recall(self, saved: list, places: range, at: Callable[[int], Path]) -> None:
        ids, notes, mixed, embedded, strays = saved
        for ident, pixels, count, first in ids:
            if self._count(ident, pixels):
                self.files[ident].recall(count, first, at)
        for note, count, first in notes:
            self.notes[note].recall(count, first, at)
        self.mixed += mixed
        for index, (red, green, blue), place in embedded:
            self._embed(index, (red, green, blue), at(place))
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
class LabelScan:
    """What one label map holds.

    Attributes:
        ids, counts: the ids that occur, ascending, and their pixels.
        notes: what its values were taken for, "ids" or "colours", or "either" where both are
            possible; "lossy" where compression changes its ids; "mixed"; "transparent".
        mixed, embedded: as of `Decoded`.
        strays: None for a map of ids.
    """

    ids: np.ndarray
    counts: np.ndarray
    notes: tuple[str, ...] = ()
    mixed: int = 0
    embedded: Mapping[int, Colour] = field(default_factory=dict)
    strays: StrayScan | None = None


def scan_label_file(path: Path, half: str, label: Label) -> LabelScan:
    """Reads one label map.

    Args:
        half: "left" or "right" of side-by-side pictures, else "".
        label: how the settings say that label files are read.

    Raises:
        DataError: the file is unreadable, or colour-coded without a palette.
    """
    lossy, decoded = is_lossy(path), label.decode(path, half)
    strays = None
    if decoded.rgb is not None and decoded.distances is not None:
        strays = scan_for_strays(decoded.rgb, decoded.distances, exact=not lossy)
    said = {
        "either": decoded.either,
        decoded.way: not decoded.either,
        # The nearest colour undoes what lossy compression does to colours, not to ids.
        "lossy": lossy and strays is None,
        "mixed": decoded.mixed > 0,
        "transparent": decoded.transparent,
    }
    return LabelScan(
        *count_ids(decoded.ids),
        notes=tuple(note for note, holds in said.items() if note and holds),
        mixed=decoded.mixed,
        embedded=decoded.embedded or {},
        strays=strays,
    )


def scan_labels(
    files: Sequence[Path],
    half: str,
    label: Label,
    each: Callable[[Path, LabelScan], object] | None = None,
    tell: Callable[[str], object] | None = None,
    memory: Memory | None = None,
) -> Findings:
    """The ids of all label maps; files that cannot be read are listed among the findings.

    Args:
        files: with `memory`, those of all pairs.
        half, label: as of `scan_label_file`.
        each: called with every file and its scan, in order.
        tell: called with everything that is wrong.
        memory: of earlier scans; for these neither is called.
    """

    def scan_one(path: Path) -> LabelScan | DataError:
        try:
            return scan_label_file(path, half, label)
        except DataError as error:
            return error

    def make() -> Findings:
        return Findings(damaged=Some(tell=tell), each=each)

    what = f"labels {half} {label!r} in {files.part if isinstance(files, Files) else ''}"
    return scan(files, scan_one, make, "labels", memory=memory, what=what)
