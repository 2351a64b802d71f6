"""What makes a file the same file."""

import hashlib
from pathlib import Path

from img2img.places import expand


def fingerprint(path: Path) -> str:
    """A file's SHA-256 in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    with open(expand(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
