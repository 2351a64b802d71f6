"""Published weights, found in torch.hub's cache or brought there.

pooch brings them: unlike torch.hub's own function, it gives up on a server that stays silent, and
unlike huggingface_hub it takes any address.
"""

import hashlib
import sys
import time
import urllib.parse
from pathlib import Path

import torch

from img2img.progress import Meter

ANSWER_LIMIT = 10.0  # seconds until the server has answered; also the longest pause
TOTAL_LIMIT = 600.0  # seconds for the whole file
CHUNK = 1 << 14  # small: the limit of the whole is looked at after each
MEGABYTE = 1_000_000


def cached_file(url: str) -> Path | None:
    """The file from this address in torch.hub's cache; None where it is not there."""
    path = _cache_path(url)
    return path if path is not None and path.is_file() else None


def fetch_file(url: str) -> tuple[Path | None, str]:
    """The file in torch.hub's cache, brought there where it is not; or None, and why.

    Processes that ask at the same time wait for the one that downloads. That a download begins is
    said on stderr when the server has answered.

    Args:
        url: one whose file name ends in the beginning of its SHA-256, as vgg19-dcbb9e9d.pth.
    """
    path = cached_file(url)
    if path is not None:
        return path, ""
    path, host = _cache_path(url), urllib.parse.urlsplit(url).hostname
    if path is None:
        return None, "you have no home folder to keep them in; set HOME or TORCH_HOME"
    import filelock
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    watch = _Watch(path.name)
    bring = pooch.HTTPDownloader(progressbar=watch, chunk_size=CHUNK, timeout=ANSWER_LIMIT)

    def bring_checked(url: str, part: str, registry: object) -> None:
        """pooch itself knows whole hashes alone; what is raised here leaves no file."""
        bring(url, part, registry)
        with open(part, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if not digest.startswith(path.stem.rpartition("-")[2]):
            raise OSError(f"{url} is not the file that was expected (its checksum differs)")

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(path.with_name(f".{path.name}.lock"), timeout=TOTAL_LIMIT):
            pooch.retrieve(url, None, path.name, path.parent, downloader=bring_checked)
    except requests.Timeout:
        return None, f"nothing came from {host} for {ANSWER_LIMIT:g} s"
    except requests.exceptions.ChunkedEncodingError:
        return None, "the connection broke off"
    except requests.ConnectionError as error:
        # The reason is the last of several errors, each quoted by the next.
        reason = getattr(error.args[0], "reason", None) or error
        return None, f"{host}: {str(reason).rpartition(': ')[2]}"
    except OSError as error:  # those of requests, too
        return None, str(error)
    finally:
        watch.close()
    return path, ""


class _Watch:
    """What pooch takes for a progress bar: says what is coming, and ends what takes too long."""

    def __init__(self, name: str):
        self.name, self.total = name, 0
        self.began = time.monotonic()
        self.meter: Meter | None = None
        self.received = 0

    def update(self, count: int) -> None:
        if self.meter is None:
            size = self.total // MEGABYTE
            print(f"downloading {self.name}{f', {size} MB' * bool(size)}", file=sys.stderr)
            self.meter = Meter(size, what="MB", shown=bool(size))
        self.received += count
        self.meter.advance(self.received // MEGABYTE - self.meter.done)
        if time.monotonic() - self.began > TOTAL_LIMIT:
            raise OSError(f"{self.name} takes longer than {TOTAL_LIMIT / 60:g} minutes")

    def reset(self) -> None:
        """Before pooch's last update, which names the whole."""
        self.received = 0

    def close(self) -> None:
        if self.meter is not None:
            self.meter.close()


def _cache_path(url: str) -> Path | None:
    folder = torch.hub.get_dir()
    # Without a home torch would take `~` for a folder's name.
    return None if folder.startswith("~") else Path(folder) / "checkpoints" / Path(url).name
