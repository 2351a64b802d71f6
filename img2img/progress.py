"""How far long work is: a bar on a terminal, now and then a line where stderr is a file.

A bar that is redrawn into a file fills it with copies of itself.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

from tqdm import tqdm

from img2img.text import showable

EVERY = 10.0  # seconds between two lines in a file
DELAY = 1.0  # seconds that work takes at least to be worth a bar

T = TypeVar("T")


class Meter:
    """Counts work up to a total, on stderr.

    Args:
        done: how much of the total was done before.
        what: what is counted, for example "step".
        keep: leave the full bar on the terminal.
        shown: False counts in silence, as all processes but one do.
    """

    def __init__(
        self, total: int, *, what: str, done: int = 0, keep: bool = False, shown: bool = True
    ):
        self.total, self.done, self.what = total, done, what
        self.note = ""
        live = shown and sys.stderr.isatty()
        self._lines = shown and not live
        self._bar = tqdm(
            total=total,
            initial=done,
            desc=what,
            unit="",
            delay=0 if keep else DELAY,
            leave=keep,
            disable=not live,
        )
        self._first, self._began = done, time.monotonic()
        self._last_line = self._began

    def advance(self, count: int = 1) -> None:
        """So much more is done; `note` is shown with it."""
        self.done += count
        self._bar.set_postfix_str(self.note, refresh=False)
        self._bar.update(count)
        now = time.monotonic()
        due = now - self._last_line >= EVERY
        if self._lines and due and self.done > self._first and now > self._began:
            self._last_line = now
            print(self._line(now - self._began), file=sys.stderr, flush=True)

    def _line(self, seconds: float) -> str:
        rate = (self.done - self._first) / seconds
        pace = f"{rate:.3g} a second" if rate >= 1 else f"{1 / rate:.3g} s each"
        left = tqdm.format_interval(max(0, self.total - self.done) / rate)
        note = f": {self.note}" if self.note else ""
        return f"{self.what} {self.done}/{self.total}, {pace}, {left} left{note}"

    def close(self) -> None:
        self._bar.close()


def say(text: str, *, file: TextIO | None = None) -> None:
    """`print` of what may hold names of files, above a bar where there is one."""
    tqdm.write(showable(text), file=file or sys.stdout)


def counting(
    items: Iterable[T], total: int, what: str, *, keep: bool = False, shown: bool = True
) -> Iterator[T]:
    """The items, counted while they are used; arguments are as of `Meter`."""
    meter = Meter(total, what=what, keep=keep, shown=shown)
    try:
        for item in items:
            yield item
            meter.advance()
    finally:
        meter.close()
