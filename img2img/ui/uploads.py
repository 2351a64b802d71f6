"""Files on their way between the page and the server: known to the page by ids, never by paths."""

import contextlib
import math
import secrets
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from img2img.errors import DataError

LARGEST = 64 * 2**20  # bytes of one file
ROOM = 512 * 2**20  # bytes of all that wait to be opened, of all sessions
MOST = 64  # files that wait
KEPT = 600  # seconds that a file waits to be opened

FULL = "too many files wait to be opened in the picker; try again later"


@dataclass
class _Upload:
    session: str
    path: Path
    since: float = math.inf  # when all of it was here
    size: int = 0


class Uploads:
    """Files that browsers have sent and that are not opened yet, in a folder that ends with this object.

    Args:
        largest, room: limits in bytes, of one file and of all together.
    """

    def __init__(self, *, largest: int = LARGEST, room: int = ROOM):
        self.largest, self.room = largest, room
        self._folder = TemporaryDirectory(prefix="img2img-uploads-")
        self._waiting: dict[str, _Upload] = {}
        self._lock = threading.Lock()  # files arrive in the server's loop and are opened in threads

    async def receive(self, session: str, parts: AsyncIterator[bytes]) -> str:
        """Stores a file for one session.

        Returns:
            Its id.

        Raises:
            DataError: it is larger than one file may be, or there is no room for it.
        """
        self._sweep()
        ident = secrets.token_urlsafe(16)
        upload = _Upload(session, Path(self._folder.name) / ident)
        with self._lock:
            if len(self._waiting) >= MOST:
                raise DataError(FULL)
            self._waiting[ident] = upload
        try:
            with open(upload.path, "xb") as file:
                async for part in parts:
                    self._grow(upload, len(part))
                    file.write(part)
            if not upload.size:
                raise DataError("the file is empty")
            upload.since = time.monotonic()
        except OSError as error:
            self._drop(ident)
            raise DataError(f"the file cannot be stored ({error.strerror})") from error
        except BaseException:  # a browser that has gone, too
            self._drop(ident)
            raise
        return ident

    def _grow(self, upload: _Upload, size: int) -> None:
        with self._lock:
            upload.size += size
            total = sum(one.size for one in self._waiting.values())
        if upload.size > self.largest:
            raise DataError(f"the file has more than {self.largest >> 20} MB")
        if total > self.room:
            raise DataError(FULL)

    @contextlib.contextmanager
    def taken(self, session: str, idents: Iterable[str | None]) -> Iterator[list[Path | None]]:
        """Files of one session by their ids, None for None; they are gone afterwards.

        Raises:
            DataError: one is not there, or another session's.
        """
        idents = list(idents)
        try:
            paths = []
            for ident in idents:
                upload = None if ident is None else self._waiting.get(str(ident))
                if ident is not None and (upload is None or upload.session != session):
                    raise DataError("the file is no longer here; choose it again")
                paths.append(upload.path if upload else None)
            yield paths
        finally:
            for ident in idents:
                upload = self._waiting.get(str(ident))
                if upload is not None and upload.session == session:
                    self._drop(str(ident))

    def close(self) -> None:
        """Deletes all of them, and the folder."""
        with self._lock:
            self._waiting.clear()
        self._folder.cleanup()

    def _sweep(self) -> None:
        now = time.monotonic()
        with self._lock:
            old = [ident for ident, one in self._waiting.items() if now - one.since > KEPT]
        for ident in old:
            self._drop(ident)

    def _drop(self, ident: str) -> None:
        with self._lock:
            upload = self._waiting.pop(ident, None)
        if upload is not None:
            upload.path.unlink(missing_ok=True)


class Downloads:
    """The files that this server saved, and no others, by ids."""

    def __init__(self) -> None:
        self._paths: dict[str, Path] = {}

    def offer(self, path: Path) -> str:
        """The address at which the page finds a file that was just saved."""
        ident = secrets.token_urlsafe(16)
        self._paths[ident] = path.resolve()
        return f"/saved/{ident}"

    def find(self, ident: str) -> Path | None:
        """The file, where it was offered and is still there."""
        path = self._paths.get(ident)
        return path if path is not None and path.is_file() else None
