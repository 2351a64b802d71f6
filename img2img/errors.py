"""Errors that are the user's to mend: the command line prints their message alone and exits with code 2.

A message says what is wrong, where, and what to do about it. Everything else that is
raised is a bug of ours and keeps its traceback.
"""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Base of every error that one clear message explains."""


class ConfigError(UserError):
    """A configuration that cannot be used: unknown keys, wrong types, impossible combinations."""


class DataError(UserError):
    """A file or folder of the user's that cannot be used: missing, damaged, or not what the settings say."""


class CheckpointError(UserError):
    """A run or checkpoint that cannot be read, or that does not fit."""


class TrainingError(UserError):
    """A training that went wrong in a way that only other settings mend."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """'did you mean X?' for the nearest valid name, else the list of all of them."""
    by_lower = {v.lower(): v for v in sorted(valid)}
    match = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    if match:
        return f"did you mean {by_lower[match[0]]!r}?"
    return f"valid: {', '.join(by_lower.values())}"
