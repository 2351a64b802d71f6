"""What a scan remembers: how many there are of something, and which the first ones are."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

MAX_LISTED = 5  # files or ids named in one message
KEPT = 20  # of them remembered, for a report that has more room than a message

T = TypeVar("T")


@dataclass
class Some(Generic[T]):
    """Counts everything and keeps the first few: it does not grow with the number of files.

    Attributes:
        tell: called with every one that is added, as to write all of them into a file.
    """

    count: int = 0
    first: list[T] = field(default_factory=list)
    tell: Callable[[T], object] | None = None

    def add(self, item: T) -> None:
        self.count += 1
        if len(self.first) < KEPT:
            self.first.append(item)
        if self.tell is not None:
            self.tell(item)

    def join(self, other: "Some[T]") -> None:
        """Adds all of another one."""
        self.count += other.count
        self.first = [*self.first, *other.first][:KEPT]

    def recall(self, count: int, places: Iterable[int], at: Callable[[int], T]) -> None:
        """Adds what was kept as places, and asks only for those that are kept again."""
        self.count += count
        self.first += [at(place) for place in islice(places, KEPT - len(self.first))]

    def __bool__(self) -> bool:
        return self.count > 0

    def lines(self) -> str:
        """The first ones, each on a line, and how many more there are."""
        return listed(self.first, self.count)


def listed(first: Iterable[object], count: int) -> str:
    """A line for each of the first few of `count` things, and how many more there are."""
    shown = [f"  {item}" for item in first][:MAX_LISTED]
    more = [f"  and {count - len(shown)} more"] if count > len(shown) else []
    return "\n".join([*shown, *more])
