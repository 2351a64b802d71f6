"""Places that a user's words name: `~`, and the folder for what is kept between calls."""

import os
from pathlib import Path

from img2img.errors import DataError


def expand(path: Path | str) -> Path:
    """A path with `~` and `~user` as the folders that they stand for.

    Raises:
        DataError: there is no such user, or this one has no home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        name = Path(path).parts[0]
        whose = f"there is no user {name[1:]!r} here" if name != "~" else "you have no home folder"
        raise DataError(f"{path}: {whose}; write the whole path instead of {name}") from error


def cache_folder() -> Path | None:
    """Where programs keep what they can find again; None where the user has no home folder."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(named):
        return Path(named)
    try:
        return Path.home() / ".cache"
    except RuntimeError:
        return None
