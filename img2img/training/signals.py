"""Ctrl-C and SIGTERM end the training after the running step, not in it."""

import signal
from types import FrameType

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


class StopSignals:
    """Context in which SIGINT and SIGTERM are only noted; a second one takes effect at once.

    Attributes:
        received: the first signal, None as long as there is none.
    """

    def __init__(self):
        self.received: signal.Signals | None = None
        self._former = {}

    def __enter__(self) -> "StopSignals":
        for number in EXIT_CODES:
            self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
        signal.signal(number, signal.SIG_DFL)

    @property
    def exit_code(self) -> int:
        """128 + the signal's number, as shells report it; 0 without one."""
        return EXIT_CODES[self.received] if self.received else 0
