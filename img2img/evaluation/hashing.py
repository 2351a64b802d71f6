"""What makes a file the same file."""

import hashlib
from pathlib import Path


def fingerprint(path: Path) -> str:
    """A file's SHA-256 in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    with open(path.expanduser(), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
