"""Files of JSON lines, `{"step": ...}` each: read whatever a full disk, a kill or an editor left."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from img2img.foreign import parse_json

LONGEST = 1 << 20  # bytes: a longer line is none of ours, and is not parsed


def read_lines(path: Path) -> Iterator[tuple[bytes, dict[str, Any] | None]]:
    """Every line with its values; None for one that is not an object with a step.

    A step is a finite number from 0. Empty lines are left out.

    Raises:
        OSError: the file cannot be opened or read.
    """
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                yield line, _parse(line)


def _parse(line: bytes) -> dict[str, Any] | None:
    if len(line) > LONGEST:
        return None
    try:
        entry = parse_json(line, finite=False)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and _is_step(entry.get("step")) else None


def _is_step(value: object) -> bool:
    """Whether it counts steps: a finite number from 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value < math.inf  # NaN is not
