"""What the headers of all files say before training: sizes, channels and types; and their ends."""

from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from img2img.data.pairing.table import Record
from img2img.data.remembering import Memory, scan
from img2img.data.tally import MAX_LISTED, Some
from img2img.errors import DataError, counted
from img2img.fields.files import ImageInfo, check_whole, read_info
from img2img.fields.image import DTYPE_RANGES

_KINDS = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGB with alpha"}


class Kind(NamedTuple):
    """What a picture's header says but for its size; as `ImageInfo`."""

    dtype: str
    channels: int
    colour: str
    turned: bool
    space: str
    stored: str

    @classmethod
    def of(cls, info: ImageInfo) -> "Kind":
        return cls(info.dtype, info.channels, info.colour, info.turned, info.space, info.stored)


Kinds = dict[Kind, Some[Path]]


@dataclass
class Headers:
    """The headers of a data set's files, counted.

    Attributes:
        halves: part name -> "left" or "right" of side-by-side pictures, else "".
        kinds: part name -> the kinds of its files; the last part is the target.
        sizes: (height, width) -> how many pairs.
        damaged: what is wrong with files that cannot be used.
        unequal: pairs whose pictures differ in size.
        usable: the places of the pairs of which neither is said.
    """

    halves: Mapping[str, str] = field(default_factory=dict)
    kinds: dict[str, Kinds] = field(default_factory=dict)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    damaged: Some[str] = field(default_factory=Some)
    unequal: Some[str] = field(default_factory=Some)
    usable: array = field(default_factory=lambda: array("q"))

    @property
    def whole(self) -> bool:
        return not self.damaged and not self.unequal

    def add(self, place: int, record: Record, found: dict[str, ImageInfo] | DataError) -> None:
        """One more pair."""
        if isinstance(found, DataError):
            self.damaged.add(str(found))
            return
        for part, info in found.items():
            self.kinds[part].setdefault(Kind.of(info), Some()).add(record.files[part])
        own = {part: _size(info, self.halves[part]) for part, info in found.items()}
        self.sizes[list(own.values())[-1]] += 1
        if len(set(own.values())) > 1:
            shown = ", ".join(f"{part} {w}x{h}" for part, (h, w) in own.items())
            self.unequal.add(f"{record.name}: {shown}")
        else:
            self.usable.append(place)

    def join(self, other: "Headers") -> None:
        """Adds all of another one."""
        for part, kinds in other.kinds.items():
            for kind, files in kinds.items():
                self.kinds[part].setdefault(kind, Some()).join(files)
        self.sizes.update(other.sizes)
        self.damaged.join(other.damaged)
        self.unequal.join(other.unequal)
        self.usable.extend(other.usable)

    def dump(self, items: Sequence[Record]) -> list:
        kinds = []
        for part, own in self.kinds.items():
            place = {record.files[part]: number for number, record in enumerate(items)}
            for kind, files in own.items():
                kinds.append([part, kind, files.count, [place[path] for path in files.first]])
        return [kinds, [[*size, count] for size, count in self.sizes.items()]]

    def recall(self, saved: list, places: range, at: Callable[[int], Record]) -> None:
        kinds, sizes = saved
        for part, kind, count, first in kinds:
            files = self.kinds[part].setdefault(Kind(*kind), Some())

            def file_at(place: int, part: str = part) -> Path:
                return at(place).files[part]

            files.recall(count, first, file_at)
        self.sizes.update({(height, width): count for height, width, count in sizes})
        self.usable.extend(places)

    def problems(self) -> list[DataError]:
        """The errors that pairs which cannot be used amount to."""
        found = []
        if self.damaged.count == 1:
            found.append(DataError(self.damaged.first[0]))
        elif self.damaged:
            count, lines = self.damaged.count, self.damaged.lines()
            what = "pairs have files" if len(self.kinds) > 1 else "pictures"
            found.append(DataError(f"{count} {what} that cannot be used:\n{lines}"))
        if self.unequal:
            found.append(
                DataError(
                    f"pictures of different size in {counted(self.unequal.count, 'pair')}:\n"
                    f"{self.unequal.lines()}\n"
                    "Make the pictures of each pair the same size, or leave the pair out."
                )
            )
        return found


def scan_headers(
    records: Sequence[Record],
    parts: Sequence[str],
    halves: Mapping[str, str],
    tell: Callable[[str], object] | None = None,
    memory: Memory | None = None,
) -> Headers:
    """Looks at the header and the end of every file.

    Args:
        parts: those that are used; the last one is the target.
        halves: part name -> "left" or "right" of side-by-side pictures, else "".
        tell: called with everything that is wrong.
        memory: of earlier scans of these records.
    """
    parts = list(dict.fromkeys(parts))

    def look(record: Record) -> dict[str, ImageInfo] | DataError:
        try:
            files = dict.fromkeys(record.files[p] for p in parts)
            infos = {path: _look(path) for path in files}
            for part in parts:
                _check_halves(record.files[part], infos[record.files[part]], halves[part])
        except DataError as error:
            return error
        return {part: infos[record.files[part]] for part in parts}

    def make() -> Headers:
        kinds: dict[str, dict[Kind, Some[Path]]] = {part: {} for part in parts}
        return Headers(halves, kinds, damaged=Some(tell=tell), unequal=Some(tell=tell))

    what = f"headers and types {[(part, halves[part]) for part in parts]}"
    return scan(records, look, make, "files", memory=memory, what=what)


def _look(path: Path) -> ImageInfo:
    info = read_info(path)
    check_whole(path)
    return info


def _check_halves(path: Path, info: ImageInfo, half: str) -> None:
    """Raises a DataError where there is nothing to halve."""
    if half and info.width < 2:
        raise DataError(f"{path}: one pixel wide, too narrow for two pictures side by side")


def _size(info: ImageInfo, half: str) -> tuple[int, int]:
    return info.height, info.width // 2 if half else info.width


def common_type(kinds: Kinds) -> tuple[str, int, str | None]:
    """The type and number of channels in which all pictures of such kinds are read.

    Returns:
        The type, the channels, and a warning where pictures are converted for that.

    Raises:
        DataError: types that differ or are none for pictures, or channels without a common
            meaning.
    """
    dtypes: dict[str, Some[Path]] = {}
    channels: dict[int, Some[Path]] = {}
    for kind, files in kinds.items():
        dtypes.setdefault(kind.dtype, Some()).join(files)
        channels.setdefault(kind.channels, Some()).join(files)
    if len(dtypes) > 1:
        raise DataError(
            f"the pictures differ in bit depth:\n{_listed(dtypes)}\n"
            "Convert them to one: as they are, equal values do not mean equal brightness."
        )
    [(dtype, files)] = dtypes.items()
    if dtype not in DTYPE_RANGES:
        raise DataError(
            f"{files.first[0]}: {dtype} is no type for pictures; save them as "
            f"{', '.join(DTYPE_RANGES)}"
        )
    if len(channels) == 1:
        return dtype, next(iter(channels)), None
    # Two or four channels may as well be bands of which none is transparency.
    plain = all(
        kind.channels in (1, 3) or (kind.channels in _KINDS and kind.colour in ("grey", "rgb"))
        for kind in kinds
    )
    if not plain:
        named = {f"{count} channel{'s' * (count > 1)}": files for count, files in channels.items()}
        raise DataError(
            f"the pictures differ in their number of channels:\n{_listed(named)}\n"
            "Save them with the same channels, or leave out those that do not belong here."
        )
    common = 1 if channels.keys() <= {1, 2} else 3
    return dtype, common, _converted(channels, common)


def _converted(channels: Mapping[int, Some[Path]], common: int) -> str:
    """The warning that pictures of other channels are converted."""
    named = {_KINDS[count]: files for count, files in channels.items()}
    changes = ["alpha is dropped"] if channels.keys() & {2, 4} else []
    if common == 3 and channels.keys() & {1, 2}:
        changes.append("grey becomes three equal channels")
    return (
        f"WARNING: the pictures differ in their channels, all are read as {_KINDS[common]} "
        f"({', '.join(changes)}):\n{_listed(named)}"
    )


def _listed(kinds: Mapping[str, Some[Path]]) -> str:
    """A line for each kind, the commonest first: how many files, and which of the others."""
    lines: list[str] = []
    for kind, files in sorted(kinds.items(), key=lambda item: -item[1].count):
        shown = files.first[: MAX_LISTED if lines else 1]
        more = ", ..." if len(shown) < files.count else ""
        names = ", ".join(map(str, shown)) + more
        lines.append(f"  {kind}: {counted(files.count, 'file')}, for example {names}")
    return "\n".join(lines)
