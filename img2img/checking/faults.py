"""Every file that something is wrong with, a line each: messages name the first few alone."""

from pathlib import Path
from typing import TextIO

FAULTS = "files.txt"


class FaultList:
    """Written as the check goes on, so that nothing of it is held in memory.

    Args:
        path: the file; one of a former check is removed, and there is none where nothing is wrong.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path):
        self.path, self.lines = path, 0
        self._file: TextIO | None = None
        path.unlink(missing_ok=True)

    def add(self, line: str) -> None:
        """One more line; line breaks in it become blanks."""
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8", errors="backslashreplace")
        self.lines += 1
        self._file.write(" ".join(line.splitlines()) + "\n")

    def close(self) -> None:
        """Ends the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
