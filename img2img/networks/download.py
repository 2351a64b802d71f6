"""Downloading one file: within a time that somebody would wait, and whole or not at all."""

import contextlib
import hashlib
import http.client
import os
import sys
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

from img2img.progress import Meter

ANSWER_LIMIT = 10.0  # seconds until the server has answered; also the longest pause
TOTAL_LIMIT = 600.0  # seconds for the whole file
CHUNK = 1 << 20
MEGABYTE = 1_000_000


def download(url: str, path: Path, *, sha256: str) -> str:
    """Brings a file from the network; says so only when the server has answered.

    Args:
        sha256: how the file's hash begins.

    Returns:
        Why there is no such file now; "" where it is there.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    transfer = _Transfer(url, part)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        problem = _wait(transfer, path.name)
        if not problem and not transfer.hash.hexdigest().startswith(sha256):
            problem = f"{url} is not the file that was expected (its checksum differs)"
        if not problem:
            part.replace(path)
        return problem
    except OSError as error:
        return str(error)
    finally:
        transfer.abandoned = True
        with contextlib.suppress(OSError):  # where it is open, the transfer removes it
            part.unlink(missing_ok=True)


def _wait(transfer: "_Transfer", name: str) -> str:
    """Waits for the transfer's end, or its limits; what went wrong."""
    began = time.monotonic()
    transfer.start()
    if not transfer.answered.wait(ANSWER_LIMIT):
        return transfer.silence()
    size = transfer.size // MEGABYTE
    if not transfer.problem:
        print(f"downloading {name}{f', {size} MB' * bool(size)}", file=sys.stderr)
    meter = Meter(size, what="MB", shown=bool(size))
    try:
        while transfer.is_alive():
            transfer.join(0.2)
            meter.advance(transfer.received // MEGABYTE - meter.done)
            if time.monotonic() - began > TOTAL_LIMIT:
                return f"{transfer.host} takes longer than {TOTAL_LIMIT / 60:g} minutes"
    finally:
        meter.close()
    return transfer.problem


class _Transfer(threading.Thread):
    """The download itself, in a thread of its own.

    Looking up a name and trying a host's addresses one after the other know no common time
    limit, so that only somebody outside can watch the clock.
    """

    def __init__(self, url: str, path: Path):
        super().__init__(daemon=True)
        self.url, self.path = url, path
        self.host = urllib.parse.urlsplit(url).hostname
        self.answered = threading.Event()
        self.abandoned = False
        self.size = self.received = 0
        self.hash = hashlib.sha256()
        self.problem = ""

    def run(self) -> None:
        try:
            # Not `urlopen`, which keeps the proxies of its first use.
            opener = urllib.request.build_opener()
            with opener.open(self.url, timeout=ANSWER_LIMIT) as answer:
                self.size = int(answer.headers.get("Content-Length") or 0)
                self.answered.set()
                self._receive(answer)
            if self.received < self.size:
                self.problem = "the connection broke off"
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            late = isinstance(reason, TimeoutError)
            self.problem = self.silence() if late else f"{self.host}: {reason}"
        finally:
            self.answered.set()
            if self.abandoned:
                self.path.unlink(missing_ok=True)

    def silence(self) -> str:
        return f"nothing came from {self.host} for {ANSWER_LIMIT:g} s"

    def _receive(self, answer: http.client.HTTPResponse) -> None:
        with self.path.open("wb") as file:
            while not self.abandoned and (chunk := answer.read1(CHUNK)):
                file.write(chunk)
                self.hash.update(chunk)
                self.received += len(chunk)
