"""One process at a time writes a folder of a run; readers need no lock.

The system's own lock (flock) ends with its process, however that ends. Where the file system has
none, as some network mounts, a file that only one process can create stands for it.
"""

import contextlib
import datetime
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from img2img.errors import ConfigError
from img2img.foreign import parse_json

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

LOCK, OWNER = ".lock", ".owner"  # what is locked; what stands for it
_held: set[int] = set()


def _let_go() -> None:
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    # A loader's worker that outlives its killed training for a moment must not keep the lock.
    os.register_at_fork(after_in_child=_let_go)


@contextlib.contextmanager
def owning(folder: Path, what: str) -> Iterator[None]:
    """The folder's files are this process's to write.

    Args:
        what: what it does, as a second process is told, for example "a training".

    Raises:
        ConfigError: another process is writing; which one, since when, and what to do.
    """
    path = folder / LOCK
    try:
        descriptor = _lock(path) if fcntl else None
        if descriptor is None:
            path.unlink(missing_ok=True)  # nobody can lock it here
            path = folder / OWNER
            _create(path)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written ({error.strerror})") from error
    try:
        with contextlib.suppress(OSError):  # on a full disk it holds without words
            path.write_text(json.dumps(_self(what)), encoding="utf-8")
        yield
    finally:
        # Deleted first: who locks a deleted file notices that it is another one.
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        if descriptor is not None:
            _held.discard(descriptor)
            os.close(descriptor)


def _lock(path: Path) -> int | None:
    """A descriptor that holds the lock; None where the file system knows no locks."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise _refusal(path) from None
        except OSError:
            os.close(descriptor)
            return None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                _held.add(descriptor)
                return descriptor
        os.close(descriptor)  # its owner has deleted it in between


def _create(path: Path) -> None:
    """Creates the file, or takes it over from a process of this machine that is no more."""
    for _ in range(2):
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            return
        if not _is_stale(_owner(path)):
            break
        path.unlink(missing_ok=True)
    raise _refusal(path)


def _self(what: str) -> dict[str, object]:
    return {
        "what": what,
        "process": os.getpid(),
        "began": _beginning(os.getpid()),
        "machine": socket.gethostname(),
        "since": f"{datetime.datetime.now():%Y-%m-%d %H:%M}",
    }


def _owner(path: Path) -> dict[str, object]:
    """What the owner wrote down; empty where it had no time to."""
    with contextlib.suppress(OSError, ValueError):
        found = parse_json(path.read_bytes()[:4096])
        return found if isinstance(found, dict) else {}
    return {}


def _is_stale(owner: dict[str, object]) -> bool:
    """Whether the owner is known to be gone; of other machines nothing is known."""
    process = owner.get("process")
    if owner.get("machine") != socket.gethostname() or not isinstance(process, int):
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False  # another user's
    return owner.get("began") != _beginning(process)  # its number was given to another one


def _beginning(process: int) -> str | None:
    """When a process began, in ticks of the clock since the machine did; None if unknown."""
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[19]
    return None


def _refusal(path: Path) -> ConfigError:
    owner = _owner(path)
    who = (
        f"{owner.get('what')} (process {owner.get('process')} on {owner.get('machine')}, since "
        f"{owner.get('since')})"
        if owner
        else "another process"
    )
    text = f"{path.parent}: {who} is writing there; wait until it has ended, or stop it"
    if owner.get("machine") not in (None, socket.gethostname()):
        text += f". If that machine no longer runs it, delete {path}"
    return ConfigError(text)
