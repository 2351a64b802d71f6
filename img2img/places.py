"""Places that a user's words name: `~`, and the folder for what is kept between calls."""

import os
from pathlib import Path

from img2img.errors import ConfigError, DataError, nearest


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


def find_config(path: Path) -> Path:
    """A YAML file, or the one of that name among those that come with the package.

    Raises:
        ConfigError: there is neither.
    """
    path = expand(path)
    if path.exists() and not path.is_dir():  # a pipe, too
        return path
    # Installed, they lie in the package; in a checkout, at its top.
    own = Path(__file__).parent / "configs"
    folder = own if own.is_dir() else own.parents[1] / "configs"
    ours = {file.stem: file for file in sorted(folder.glob("*.yaml"))}
    if (
        path.parent in (Path("."), Path("configs"))
        and path.suffix in ("", ".yaml")
        and path.stem in ours
    ):
        return ours[path.stem]
    raise ConfigError(
        f"{path}: the config cannot be read: there is no such file, and none of that name comes with "
        f"img2img; {nearest(path.stem, ours)}"
    )
