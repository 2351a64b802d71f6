"""What a run wrote down while it trained, as far as it can still be read."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from img2img.errors import CheckpointError, DataError
from img2img.fields.files import read_image
from img2img.runs.checkpoint import read_checkpoint, step_files
from img2img.runs.folder import CHECKPOINTS, CONFIG, HEALTH, METRICS, SAMPLES
from img2img.runs.lines import read_lines
from img2img.runs.records import UNTOLD_ROLES

MOST_SAMPLES = 8  # sheets: a page stays small enough to send
WIDEST, TALLEST = 1100, 2400  # pixels of a sheet as shown; of very many rows the first are kept
LARGEST = float(np.finfo(np.float32).max)  # beyond it, float32 training has overflowed

Points = list[tuple[int, float]]  # (step, value), in the order of the steps
Entry = dict[str, Any]


@dataclass(frozen=True)
class TrainingLog:
    """A run's log; what is missing is empty, or None where empty would mean something.

    Attributes:
        curves: finite values by name, such as `g/l1`.
        roles: what the networks of each update are for, by its name.
        samples: sheets, uint8 RGB (H, W, 3), by step: the first, the last, some in between.
        health: `step`, `message` and perhaps `rule`, in the order of the file; None if the run was
            not watched.
        config: YAML.
        broken: for each file the lines that could not be read.
    """

    curves: Mapping[str, Points]
    roles: Mapping[str, str]
    samples: Mapping[int, np.ndarray]
    health: list[Entry] | None
    config: str | None
    broken: Mapping[str, int]

    @property
    def last(self) -> int:
        """The last step that was written down."""
        return max((points[-1][0] for points in self.curves.values()), default=0)


def read_log(run: Path) -> TrainingLog:
    """Reads a run folder. Whatever is missing or damaged is left out; nothing is raised."""
    metrics, broken_metrics = _lines(run / METRICS)
    health, broken_health = _lines(run / HEALTH, text="message")
    broken = {METRICS: broken_metrics, HEALTH: broken_health}
    config = None
    with contextlib.suppress(OSError):
        config = (run / CONFIG).read_text(encoding="utf-8", errors="replace")
    return TrainingLog(
        curves=_curves(metrics or []),
        roles=_roles(run),
        samples=dict(_samples(run / SAMPLES)),
        health=health,
        config=config,
        broken={name: count for name, count in broken.items() if count},
    )


def _roles(run: Path) -> Mapping[str, str]:
    """As the newest checkpoint that can be read says."""
    for path in reversed(step_files(run / CHECKPOINTS)):
        with contextlib.suppress(CheckpointError):
            return read_checkpoint(path).meta.get("roles", UNTOLD_ROLES)
    return UNTOLD_ROLES


def _lines(path: Path, *, text: str | None = None) -> tuple[list[Entry] | None, int]:
    """The lines that are JSON objects with a step, and how many are not; None without a file.

    Args:
        text: a key of which each must have a text.
    """
    try:
        lines = [entry for _, entry in read_lines(path)]
    except OSError:
        return None, 0
    good = [e for e in lines if e and (text is None or isinstance(e.get(text), str))]
    return [{**entry, "step": int(entry["step"])} for entry in good], len(lines) - len(good)


def _finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -LARGEST <= value <= LARGEST  # NaN is not


def _curves(entries: list[Entry]) -> dict[str, Points]:
    """Later lines of the same step count: they are of the run that went on from there."""
    curves: dict[str, dict[int, float]] = {}
    for entry in entries:
        for name, value in entry.items():
            if name != "step" and _finite(value):
                curves.setdefault(name, {})[entry["step"]] = float(value)
    return {name: sorted(values.items()) for name, values in curves.items()}


def _samples(folder: Path) -> Iterator[tuple[int, np.ndarray]]:
    found = {}
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if match := re.fullmatch(r"step-([0-9]{1,18})\.png", path.name):
                found[int(match[1])] = path
    steps = sorted(found)
    # Evenly spaced, with both ends.
    places = np.linspace(0, len(steps) - 1, MOST_SAMPLES) if steps else np.empty(0)
    for place in np.unique(places.round().astype(int)):
        with contextlib.suppress(DataError):  # gone or damaged since
            sheet = read_image(found[steps[place]])
            if sheet.dtype == np.uint8 and sheet.shape[2] == 3:
                yield steps[place], sheet[: round(TALLEST * max(1, sheet.shape[1] / WIDEST))]
