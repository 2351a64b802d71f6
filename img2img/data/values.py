"""The values that pictures hold: which are the least and greatest, which are none, which lie apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from img2img.data.pairing.table import Files
from img2img.data.remembering import Memory, scan
from img2img.data.tally import Some
from img2img.errors import DataError, counted
from img2img.fields.arrays import require_finite, without_data
from img2img.fields.base import halve_picture
from img2img.fields.files import read_values
from img2img.fields.image import DTYPE_RANGES
from img2img.schema import DataConfig

# Numbers that programs write where they have no value.
_NO_DATA = (-99999, -9999, -999, -32768, -32767, -(2**31), 1e20, -1e20)
# Of a type's range: 14 bits in 16; dark photos have more than 32 levels, class ids mostly fewer.
_LITTLE = {"uint8": 0.125, "uint16": 0.25}
_APART = 0.1  # of the range found: what all but a few values fill where the rest lies apart
_TELLING = 0.25  # of a picture's values: so many lie between its extremes
_APART_SIGN = 0.7  # the same where the extreme is such a number: -9999 below heights up to 20,000
_SAMPLE = 2**18  # values of a picture that quantiles are of
Bound = tuple[float, Path | None]  # a value, and a file that holds it


class FileValues(NamedTuple):
    """What a file holds: (least, greatest) of its values, and of all but its extremes and 0.2 %."""

    bounds: tuple[float, float]
    inner: tuple[float, float]
    missing: int


class Span(NamedTuple):
    """The least and the greatest value of several files."""

    low: Bound = (np.inf, None)
    high: Bound = (-np.inf, None)

    def joined(self, other: "Span") -> "Span":
        """Of these files and others."""
        return Span(
            min(self.low, other.low, key=lambda bound: bound[0]),
            max(self.high, other.high, key=lambda bound: bound[0]),
        )

    @property
    def values(self) -> tuple[float, float]:
        """Without the files."""
        return self.low[0], self.high[0]


_NOTHING = Span()


@dataclass
class Values:
    """The values of all pictures of a part.

    Attributes:
        cut: place of the first picture that is held out.
        train, held: of the pictures before and behind it.
        inner: between which all but lone extremes lie.
        missing: pixels' values that mean no data, in the files `without`.
        damaged: files with NaN or infinity, or that cannot be read.
    """

    cut: int
    train: Span = _NOTHING
    held: Span = _NOTHING
    inner: Span = _NOTHING
    missing: int = 0
    without: Some[Path] = field(default_factory=Some)
    damaged: Some[str] = field(default_factory=Some)

    @property
    def whole(self) -> bool:
        return not self.damaged

    def add(self, place: int, path: Path, found: FileValues | DataError) -> None:
        if isinstance(found, DataError):
            self.damaged.add(str(found))
            return
        self._add(place, Span(*((value, path) for value in found.bounds)))
        self.inner = self.inner.joined(Span(*((value, path) for value in found.inner)))
        self.missing += found.missing
        if found.missing:
            self.without.add(path)

    def _add(self, place: int, span: Span) -> None:
        if place < self.cut:
            self.train = self.train.joined(span)
        else:
            self.held = self.held.joined(span)

    def join(self, other: "Values") -> None:
        self.train, self.held = self.train.joined(other.train), self.held.joined(other.held)
        self.inner = self.inner.joined(other.inner)
        self.missing += other.missing
        self.without.join(other.without)
        self.damaged.join(other.damaged)

    def dump(self, items: Sequence[Path]) -> list:
        """Of a block, whose files are all on one side of the cut."""
        place = {path: number for number, path in enumerate(items)}
        spans = [
            [(value, None if path is None else place[path]) for value, path in span]
            for span in (self.train.joined(self.held), self.inner)
        ]
        return [spans, self.missing, self.without.count, [place[p] for p in self.without.first]]

    def recall(self, saved: list, places: range, at: Callable[[int], Path]) -> None:
        spans, missing, count, first = saved
        span, inner = (
            Span(*((value, None if place is None else at(place)) for value, place in bounds))
            for bounds in spans
        )
        self._add(places.start, span)
        self.inner = self.inner.joined(inner)
        self.missing += missing
        self.without.recall(count, first, at)

    @property
    def all(self) -> Span:
        """Of all pictures."""
        return self.train.joined(self.held)

    @property
    def extreme(self) -> Bound:
        """The value that is farthest from most of the others."""
        (low, high), (least, most) = self.all.values, self.inner.values
        return self.all.low if least - low > high - most else self.all.high

    @property
    def means_no_data(self) -> bool:
        """Whether the extreme is a usual sign for no data."""
        return self.extreme[0] in _NO_DATA or abs(self.extreme[0]) > 1e38

    @property
    def apart(self) -> bool:
        """Whether all but a few values fill a small part of the range of all."""
        (low, high), (least, most) = self.all.values, self.inner.values
        share = _APART_SIGN if self.means_no_data else _APART
        return least <= most and most - least < share * (high - low)


def scan_values(
    files: Sequence[Path],
    half: str,
    *,
    cut: int,
    nodata: float | None = None,
    memory: Memory | None = None,
) -> Values:
    """Reads all pictures.

    Args:
        half: "left" or "right" of side-by-side pictures, else "".
        cut: how many of them are trained on; they come first.
        nodata: the value that means no data, beside what files declare.
        memory: of earlier scans of the pairs that the files belong to.
    """

    def scan_one(path: Path) -> FileValues | DataError:
        try:
            return _values_of(path, half, nodata)
        except DataError as error:
            return error

    what = f"values {half} {nodata} in {files.part if isinstance(files, Files) else ''}"
    return scan(files, scan_one, lambda: Values(cut), "values", memory=memory, what=what)


def _values_of(path: Path, half: str, nodata: float | None) -> FileValues:
    array, declared = read_values(path)
    array = halve_picture(array, half)
    missing = without_data(array, nodata, declared)
    none, values = 0, array
    if missing is not None:
        none, values = int(missing.sum()), array[~missing]
        array = np.where(missing, np.zeros((), array.dtype), array)
    require_finite(array, path)
    if not values.size:
        return FileValues((np.inf, -np.inf), (np.inf, -np.inf), none)
    low, high = float(values.min()), float(values.max())
    sample = values.ravel()[:: max(1, values.size // _SAMPLE)]
    between = sample[(sample > low) & (sample < high)]
    # Of a mask or a sparse picture little is between, and tells nothing.
    telling = between.size >= _TELLING * sample.size and between.size > 0
    inner = np.quantile(between, [0.001, 0.999]).tolist() if telling else (np.inf, -np.inf)
    return FileValues((low, high), (inner[0], inner[1]), none)


def judge_range(
    config: DataConfig, name: str, dtype: str, stored: str, values: Values
) -> tuple[float, float, list[str]]:
    """The values that become -1 and 1, and remarks.

    Args:
        name: of the part.
        dtype, stored: the type in which its files are read, and in which they are.

    Raises:
        DataError: pictures with NaN or infinity, of one value, or whose range is that of a value
            that means no data.
    """
    if values.damaged:
        more = values.damaged.count - 1
        rest = f"\n({counted(more, 'more file')} cannot be used either)" if more else ""
        raise DataError(values.damaged.first[0] + rest)
    remarks = []
    if isinstance(config.range, tuple):
        low, high = config.range
        if low >= high:
            raise DataError("data.range: the first value, of -1, is not less than that of 1")
    elif config.range == "auto" or dtype == "float32":
        low, high = values.train.values
        if low >= high:
            example = values.all.low[1]
            raise DataError(f"all pictures hold the one value {low}, for example {example}")
        if values.apart:
            remarks.append(_apart(name, values))
    else:
        low, high = DTYPE_RANGES[dtype]
        remarks += _little_used(name, dtype, values)
    if (low, high) != DTYPE_RANGES[dtype] or dtype == "float32":
        remarks.append(f"{name}: {stored or dtype} values, {low:g} and {high:g} become -1 and 1")
    if values.without:
        remarks.append(
            f"WARNING: {name}: {counted(values.missing, 'value')} of pixels without data in "
            f"{counted(values.without.count, 'file')}, for example {values.without.first[0]}: read "
            f"as {low:g}, the least of the range"
        )
    return low, high, [*remarks, *_beyond(name, low, high, values)]


def _apart(name: str, values: Values) -> str:
    """The warning on lone extremes; raises where one of them is a usual sign for no data."""
    (low, high), (least, most) = values.all.values, values.inner.values
    extreme, path = values.extreme
    text = (
        f"{name}: the values reach from {low:g} to {high:g}, but nearly all lie between {least:g} "
        f"and {most:g}: these would have {100 * (most - least) / (high - low):.2g} % of the "
        f"contrast. The extreme {extreme:g} is for example in {path}. If it means no data, set "
        f"data.nodata={extreme:.9g}; otherwise data.range=[{least:g},{most:g}] clips it"
    )
    if values.means_no_data:
        raise DataError(f"{text}, and data.range=[{low:.9g},{high:.9g}] keeps it")
    return f"WARNING: {text}"


def _little_used(name: str, dtype: str, values: Values) -> list[str]:
    """The warning that a type's range is hardly used, as by 12 bits in 16."""
    if dtype == "float32":
        return []
    (low, high), (least, most) = values.all.values, values.inner.values
    whole = DTYPE_RANGES[dtype][1]
    if 0 < high - low < _LITTLE[dtype] * whole:
        how = "data.range=auto or "
    elif dtype != "uint8" and 0 < most - least < _LITTLE[dtype] * whole:
        low, high, how = least, most, ""
    else:
        return []
    full = 2 ** int(high).bit_length() - 1  # of so many bits
    wanted = f"[0,{full}]" if full < whole else f"[{low:g},{high:g}]"
    return [
        f"WARNING: {name}: {'nearly ' * (not how)}all values lie between {low:g} and {high:g}, "
        f"{100 * (high - low) / whole:.2g} % of the range of {dtype}, so the contrast is low; set "
        f"{how}data.range={wanted}"
    ]


def _beyond(name: str, low: float, high: float, values: Values) -> list[str]:
    """The warning that pictures hold values that are clipped."""
    found = []
    for whose, span in (("training", values.train), ("held-out", values.held)):
        least, most = span.values
        if least < low or most > high:
            path = span.high[1] if most > high else span.low[1]
            found.append(
                f"WARNING: {name}: {whose} pictures hold values from {least:g} to {most:g}, for "
                f"example {path}, beyond {low:g} to {high:g}: networks are shown them clipped, "
                "scores take them as they are; "
                f"data.range=[{min(least, low):.9g},{max(most, high):.9g}] clips none"
            )
    return found
