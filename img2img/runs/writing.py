"""How every file of a run is written: whole or not at all, whenever the power goes or the disk fills."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from img2img.errors import CheckpointError

_UNFINISHED = ".*.tmp"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name to write a file under, which becomes `path` once all of it is on the disk.

    The file has the permissions of the user's umask, whatever writes it.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)  # of a process that was killed
    try:
        temporary.touch()
        mode = temporary.stat().st_mode
        yield temporary
        with open(temporary, "rb+") as file:  # Windows syncs only what may be written
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        # What cannot be deleted either must not hide why it could not be written.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replaces a text file as a whole: there is the former content or the new, never half of it.

    Raises:
        CheckpointError: it cannot be written.
    """
    try:
        with replacing(path) as new:
            new.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written ({error.strerror})") from error


def sweep(*folders: Path) -> int:
    """Deletes what killed processes had begun to write; only for who owns the folders.

    Returns:
        How many bytes became free.
    """
    freed = 0
    for folder in folders:
        for path in folder.glob(_UNFINISHED):
            with contextlib.suppress(OSError):
                size = path.stat().st_size
                path.unlink()
                freed += size
    return freed


def _sync_folder(folder: Path) -> None:
    """Makes the renaming itself survive a power cut, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
