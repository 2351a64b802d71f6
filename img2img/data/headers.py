"""What the headers of all files say before training: sizes, channels and types; and their ends."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from img2img.data.images import ImageInfo, check_whole, read_info
from img2img.data.pairing.records import Record
from img2img.data.scan import MAX_LISTED, in_parallel
from img2img.data.spec import DTYPE_RANGES
from img2img.errors import DataError, counted

_KINDS = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGB with alpha"}


@dataclass(frozen=True)
class Headers:
    """The headers of a data set's files.

    Attributes:
        infos: by file.
        sizes: (height, width) -> how many pairs.
    """

    infos: Mapping[Path, ImageInfo]
    sizes: Counter[tuple[int, int]]


def scan_headers(
    records: Sequence[Record], parts: Sequence[str], halves: Mapping[str, str]
) -> Headers:
    """Looks at the header and the end of every file.

    Raises:
        DataError: files that cannot be read or were cut off, or pairs whose pictures differ in
            size, all of them counted and the first ones named.
    """
    parts = list(dict.fromkeys(parts))

    def look(record: Record) -> dict[Path, ImageInfo] | DataError:
        try:
            return {path: _look(path) for path in dict.fromkeys(record.files[p] for p in parts)}
        except DataError as error:
            return error

    infos: dict[Path, ImageInfo] = {}
    sizes: Counter[tuple[int, int]] = Counter()
    damaged, unequal = [], []
    for record, found in zip(records, in_parallel(look, records, "files"), strict=True):
        if isinstance(found, DataError):
            damaged.append(found)
            continue
        infos |= found
        own = {part: _size(found[record.files[part]], halves[part]) for part in parts}
        sizes[own[parts[-1]]] += 1
        if len(set(own.values())) > 1:
            listed = ", ".join(f"{part} {w}x{h}" for part, (h, w) in own.items())
            unequal.append(f"  {record.name}: {listed}")
    _check(damaged, unequal)
    return Headers(infos, sizes)


def _look(path: Path) -> ImageInfo:
    info = read_info(path)
    check_whole(path)
    return info


def _size(info: ImageInfo, half: str) -> tuple[int, int]:
    return info.height, info.width // 2 if half else info.width


def _check(damaged: Sequence[DataError], unequal: Sequence[str]) -> None:
    """Raises a DataError where there are such pairs."""
    if len(damaged) == 1:
        raise damaged[0]
    if damaged:
        lines = _first([f"  {error}" for error in damaged])
        raise DataError(f"{len(damaged)} pairs have files that cannot be used:\n{lines}")
    if unequal:
        raise DataError(
            f"pictures of different size in {counted(len(unequal), 'pair')}:\n{_first(unequal)}\n"
            "Make the pictures of each pair the same size, or leave the pair out."
        )


def _first(lines: Sequence[str]) -> str:
    more = [f"  and {len(lines) - MAX_LISTED} more"] if len(lines) > MAX_LISTED else []
    return "\n".join([*lines[:MAX_LISTED], *more])


def common_type(files: Sequence[Path], headers: Headers) -> tuple[str, int, str | None]:
    """The type and number of channels in which all pictures are read.

    Returns:
        The type, the channels, and a warning where pictures are converted for that.

    Raises:
        DataError: types that differ or are none for pictures, or channels without a common
            meaning.
    """
    dtypes: dict[str, list[Path]] = {}
    channels: dict[int, list[Path]] = {}
    for path in dict.fromkeys(files):
        info = headers.infos[path]
        dtypes.setdefault(info.dtype, []).append(path)
        channels.setdefault(info.channels, []).append(path)
    if len(dtypes) > 1:
        raise DataError(
            f"the pictures differ in bit depth:\n{_listed(dtypes)}\n"
            "Convert them to one: as they are, equal values do not mean equal brightness."
        )
    [(dtype, [path, *_])] = dtypes.items()
    if dtype not in DTYPE_RANGES:
        raise DataError(
            f"{path}: {dtype} is no type for pictures; save them as {', '.join(DTYPE_RANGES)}"
        )
    if len(channels) == 1:
        return dtype, next(iter(channels)), None
    # Two or four channels may as well be bands of which none is transparency.
    plain = all(
        count in (1, 3) or (count in _KINDS and headers.infos[path].colour in ("grey", "rgb"))
        for count, paths in channels.items()
        for path in paths
    )
    if not plain:
        named = {f"{count} channel{'s' * (count > 1)}": paths for count, paths in channels.items()}
        raise DataError(
            f"the pictures differ in their number of channels:\n{_listed(named)}\n"
            "Save them with the same channels, or leave out those that do not belong here."
        )
    common = 1 if channels.keys() <= {1, 2} else 3
    return dtype, common, _converted(channels, common)


def _converted(channels: Mapping[int, Sequence[Path]], common: int) -> str:
    """The warning that pictures of other channels are converted."""
    named = {_KINDS[count]: paths for count, paths in channels.items()}
    changes = ["alpha is dropped"] if channels.keys() & {2, 4} else []
    if common == 3 and channels.keys() & {1, 2}:
        changes.append("grey becomes three equal channels")
    return (
        f"WARNING: the pictures differ in their channels, all are read as {_KINDS[common]} "
        f"({', '.join(changes)}):\n{_listed(named)}"
    )


def _listed(kinds: Mapping[str, Sequence[Path]]) -> str:
    """A line for each kind, the commonest first: how many files, and which of the others."""
    lines = []
    for kind, paths in sorted(kinds.items(), key=lambda item: -len(item[1])):
        shown = paths[: MAX_LISTED if lines else 1]
        more = ", ..." if len(shown) < len(paths) else ""
        names = ", ".join(map(str, shown)) + more
        lines.append(f"  {kind}: {len(paths)} file{'s' * (len(paths) > 1)}, for example {names}")
    return "\n".join(lines)
