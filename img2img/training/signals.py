"""Ctrl-C, SIGTERM and a closed terminal end the training after the running step, not in it."""

import contextlib
import os
import signal
import stat
import threading
import time
from types import FrameType
from typing import Any

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
if hasattr(signal, "SIGHUP"):  # not on Windows
    EXIT_CODES[signal.SIGHUP] = 129
REPEAT = 1.0  # seconds: `timeout` and launchers send one signal to process and group


def _leave_terminal() -> None:
    """What is printed goes nowhere where the terminal is gone: writing to it is an error."""
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            if stat.S_ISCHR(os.fstat(descriptor).st_mode):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, descriptor)
                os.close(null)


class StopSignals:
    """Context in which signals to end are only noted; one that comes later again kills.

    What is ignored stays so: `nohup` ignores SIGHUP.

    Python lets the main thread alone handle signals: in another one they are left as they are.

    Attributes:
        received: the first signal, None as long as there is none.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._former: dict[signal.Signals, Any] = {}
        self._since = 0.0

    def __enter__(self) -> "StopSignals":
        for number in EXIT_CODES if threading.current_thread() is threading.main_thread() else ():
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == getattr(signal, "SIGHUP", None):
            _leave_terminal()
        if self.received is None:
            self.received, self._since = signal.Signals(number), time.monotonic()
        elif time.monotonic() - self._since > REPEAT:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    @property
    def exit_code(self) -> int:
        """128 + the signal's number, as shells report it; 0 without one."""
        return EXIT_CODES[self.received] if self.received else 0
