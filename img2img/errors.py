"""Errors that are the user's to mend: the command line prints their message alone and exits with code 2.

A message says what is wrong, where, and what to do about it. Everything else that is
raised is a bug of ours and keeps its traceback.
"""

import difflib
from collections.abc import Iterable

_LISTED = 40  # valid names in a message
ALIKE = 0.5  # likeness from which a name may be a slip for another


class UserError(ValueError):
    """Base of every error that one clear message explains."""


class ConfigError(UserError):
    """A configuration that cannot be used: unknown keys, wrong types, impossible combinations."""


class DataError(UserError):
    """A file or folder of the user's that cannot be used: missing, damaged, or not what the settings say."""


class DamagedError(DataError):
    """A file whose bytes make no sense to whoever reads its kind."""


class CheckpointError(UserError):
    """A run or checkpoint that cannot be read, or that does not fit."""


class TrainingError(UserError):
    """A training that went wrong in a way that only other settings mend."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """'did you mean X?' for the nearest valid name, else the list of all of them."""
    valid = sorted(valid, key=lambda own: (len(own) if own.isdecimal() else 0, own))
    likeness, match = best_match(name, valid)
    # Numbers that share digits are no slips for one another.
    if likeness >= ALIKE and not name.isdecimal():
        return f"did you mean {match!r}?"
    more = f", ... and {len(valid) - _LISTED} more" if len(valid) > _LISTED else ""
    return f"valid: {', '.join(valid[:_LISTED])}{more}"


def best_match(name: str, valid: Iterable[str]) -> tuple[float, str]:
    """How alike the nearest valid name is, from 0 to 1 but for case, and that name."""
    matcher = difflib.SequenceMatcher(b=name.lower())
    scores = []
    for candidate in valid:
        matcher.set_seq1(candidate.lower())
        scores.append((matcher.ratio(), candidate))
    return max(scores, default=(0.0, ""), key=lambda score: score[0])


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 pair`, `2 pairs`, or with a plural of its own: `3 classes`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
