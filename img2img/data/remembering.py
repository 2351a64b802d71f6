"""What earlier scans found, so that a start looks only at files that are new or changed.

The pairs, in their order, are cut into blocks of about a thousand, at names whose hash says so: a pair
more or less changes its own block alone. A block is known by the names, sizes and times of
change of all its files. What was found in it is a line of a file in the user's cache.
"""

import contextlib
import hashlib
import json
import os
import time
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from img2img import __version__
from img2img.data.pairing.records import PairIndex
from img2img.data.pairing.table import Records
from img2img.data.parallel import in_parallel
from img2img.errors import counted
from img2img.places import cache_folder

FORMAT = 2  # counts up when a scan finds something else in the same file
BLOCK = 1024  # pairs in a block on average, at most four times as many
# A file may be written twice within the clock's grain: what is younger is looked at again.
SETTLED = 2.0  # seconds

T = TypeVar("T")


class Tally(Protocol):
    """What a scan counts.

    `dump` gives all of it as JSON, with places among `items` for files, and `recall` adds what was
    dumped, `at` a place being an item. What is not `whole` has faults and is never dumped.
    """

    @property
    def whole(self) -> bool: ...

    def add(self, place: int, item: Any, found: Any) -> None: ...

    def join(self, other: Any) -> None: ...

    def dump(self, items: Sequence[Any]) -> Any: ...

    def recall(self, saved: Any, places: range, at: Callable[[int], Any]) -> None: ...


F = TypeVar("F", bound=Tally)


@dataclass(frozen=True)
class Block:
    """Pairs `start` to `stop`; `key` is None where a file is missing, or too young."""

    start: int
    stop: int
    key: str | None


class Memory:
    """The blocks of a data set, and what is known of them.

    Args:
        file: the lines; it need not be there.
        parts: those whose files are looked at.
    """

    def __init__(self, file: Path, index: PairIndex, parts: Sequence[str]):
        self.file, self.total = file, len(index.records)
        self.problem = ""  # why nothing can be written
        self.recalled: Counter[str] = Counter()  # pairs that each scan did not look at
        self._lines = _read(file)
        self._used: dict[str, bytes] = {}
        numbers = [index.records.parts.index(part) for part in dict.fromkeys(parts)]

        def identify(bounds: tuple[int, int]) -> Block:
            return Block(*bounds, _identity(index.records, *bounds, numbers))

        bounds = [*_bounds(index.records, 0, index.cut)]
        bounds += _bounds(index.records, index.cut, self.total)
        self.blocks = list(in_parallel(identify, bounds, "blocks of pairs compared"))

    def get(self, block: Block, what: str) -> Any | None:
        """What was found in a block, None where that is not known."""
        key = _key(block, what)
        line = self._lines.get(key)
        if line is None:
            return None
        self._used[key] = line
        return json.loads(line)

    def keep(self, block: Block, what: str, found: Any) -> None:
        """Remembers what was found, for this start's successors."""
        key = _key(block, what)
        if block.key is None or self.problem:
            return
        self._used[key] = line = json.dumps(found, separators=(",", ":")).encode()
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with open(self.file, "ab", buffering=0) as file:
                file.write(_sealed(key, line))
        except OSError as error:
            self.problem = f"{self.file} cannot be written ({error.strerror})"

    def remark(self) -> str | None:
        """A sentence for the log."""
        if self.problem:
            return f"not remembered for the next start: {self.problem}"
        if not self.recalled:
            return None
        return (
            f"not looked at again: the files of {min(self.recalled.values())} of "
            f"{counted(self.total, 'pair')}, whose sizes and times are those of an earlier start "
            "(data.scan_cache=false looks at all)"
        )

    def tidy(self) -> None:
        """Leaves out lines that nothing asked for, where they are most of the file."""
        if self.problem or len(self._lines.keys() - self._used.keys()) <= len(self._used):
            return
        new = self.file.with_name(f"{self.file.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            new.write_bytes(b"".join(_sealed(*item) for item in self._used.items()))
            new.replace(self.file)


def scan(
    items: Sequence[T],
    scan_one: Callable[[T], Any],
    make: Callable[[], F],
    word: str,
    *,
    memory: Memory | None,
    what: str,
) -> F:
    """Looks at all items, but for blocks of which it is remembered what was found.

    Args:
        items: one for each pair of the data set, or of its training part.
        make: a tally of nothing.
        word: for the progress bar.
        what: names the scan and all that it depends on but the files.
    """
    total = make()
    blocks = memory.blocks if memory else [Block(0, len(items), None)]
    blocks = [block for block in blocks if block.stop <= len(items)]
    known = [memory.get(block, what) if memory else None for block in blocks]
    places = array("q")
    for block, saved in zip(blocks, known, strict=True):
        if saved is None:
            places.extend(range(block.start, block.stop))
    scans = in_parallel(lambda place: scan_one(items[place]), places, word)
    for block, saved in zip(blocks, known, strict=True):
        inside = range(block.start, block.stop)
        if saved is not None:

            def at(place: int, first: int = block.start) -> T:
                return items[first + place]

            total.recall(saved, inside, at)
            assert memory is not None  # which it was recalled from
            memory.recalled[what] += len(inside)
            continue
        part = make() if memory else total
        for place, found in zip(inside, scans, strict=False):
            part.add(place, items[place], found)
        if memory:
            if part.whole:
                memory.keep(block, what, part.dump([items[place] for place in inside]))
            total.join(part)
    return total


def recollect(index: PairIndex, parts: Sequence[str]) -> Memory | None:
    """What is remembered of a data set."""
    file = cache_file(index.root)
    return None if file is None else Memory(file, index, parts)


def cache_file(root: Path) -> Path | None:
    """Where a data set's findings are remembered: in the user's cache, never beside the data.

    None where the user has no cache.
    """
    cache = cache_folder()
    if cache is None:
        return None
    place = hashlib.blake2b(os.fsencode(root.resolve()), digest_size=8).hexdigest()
    return cache / "img2img" / "scans" / f"{root.resolve().name}-{place}.lines"


def _bounds(records: Records, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Cuts a range where the hash of a pair's names says so."""
    first = start
    for place in range(start, stop):
        cut = zlib.crc32(records.packed(place, place + 1)) % BLOCK == 0
        if cut or place + 1 - first == 4 * BLOCK or place + 1 == stop:
            yield first, place + 1
            first = place + 1


def _identity(records: Records, start: int, stop: int, parts: Sequence[int]) -> str | None:
    """A hash of all names, sizes and times of change, None where one cannot be relied on."""
    settled = time.time_ns() - int(SETTLED * 1e9)
    stamps = array("q")
    root = os.path.join(records.root, "")
    for place in range(start, stop):
        _, paths = records.row(place)
        for part in parts:
            path = paths[part]
            try:
                status = os.stat(path if os.path.isabs(path) else root + path)
            except OSError:
                return None  # the scan says more
            # Renaming changes the time of change alone.
            stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            if max(stamp[1:]) > settled:
                return None
            stamps.extend(stamp)
    digest = hashlib.blake2b(records.packed(start, stop), digest_size=16)
    digest.update(stamps.tobytes())
    return digest.hexdigest()


def _key(block: Block, what: str) -> str:
    text = f"{FORMAT} {__version__} {block.key} {what}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _sealed(key: str, found: bytes) -> bytes:
    """A line with a checksum; the break before it ends one that another start did not finish."""
    line = key.encode() + b" " + found
    return b"\n%08x %s\n" % (zlib.crc32(line), line)


def _read(file: Path) -> dict[str, bytes]:
    """The lines of a file by their key; damaged ones, or a file, are passed over."""
    lines = {}
    with contextlib.suppress(OSError):
        for line in file.read_bytes().splitlines():
            seal, _, rest = line.partition(b" ")
            if seal == b"%08x" % zlib.crc32(rest):
                key, _, found = rest.partition(b" ")
                lines[key.decode("ascii", "replace")] = found
    return lines
