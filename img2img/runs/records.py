"""What a run writes down: metrics.jsonl, health.jsonl, TensorBoard events, sample sheets. No service needed."""

import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from img2img.errors import CheckpointError, counted
from img2img.fields.files import write_image
from img2img.progress import say
from img2img.runs.folder import HEALTH, METRICS, SAMPLES
from img2img.runs.lines import read_lines
from img2img.runs.writing import replacing

# Roles of updates, by name, in runs whose checkpoints do not say: all of them had these two.
UNTOLD_ROLES = {"g": "generator", "d": "discriminator"}


class Tracker:
    """Writes numbers and pictures of a run; one per run, in the main process.

    Args:
        step: where the run stands. Lines and events of later steps, left by a process that
            died after its last checkpoint, are dropped.
    """

    def __init__(self, run: Path, *, step: int = 0):
        from torch.utils.tensorboard import SummaryWriter  # 3 s

        self.run = run
        (self._metrics, lines), (self._health, _) = (
            _open_until(run / name, step) for name in (METRICS, HEALTH)
        )
        self._validated = {e["step"] for e in lines if any(key.startswith("val/") for key in e)}
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1 if step else None)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers by name, for example `g/l1` or `val/ssim`."""
        rounded = {name: float(f"{value:.6g}") for name, value in values.items()}
        _write_line(self._metrics, {"step": step, **rounded})
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def finding(self, step: int, rule: str, message: str) -> None:
        """What is wrong with the training, as a line of health.jsonl and in TensorBoard."""
        _write_line(self._health, {"step": step, "rule": rule, "message": message})
        self._board.add_text("health", message, step)

    def sheet(self, step: int, picture: np.ndarray) -> None:
        """A sample sheet, uint8 (H, W, 3), as samples/step-N.png and in TensorBoard."""
        folder = self.run / SAMPLES
        folder.mkdir(exist_ok=True)
        write_image(folder / _sheet(step), picture)
        self._board.add_image("samples", picture, step, dataformats="HWC")

    def has_validation(self, step: int, *, scored: bool) -> bool:
        """Whether a step's validation was written down: its scores, or a sheet where it has none."""
        return step in self._validated if scored else (self.run / SAMPLES / _sheet(step)).is_file()

    def close(self) -> None:
        # On a full disk the last buffers are lost; the cause has already been reported.
        for stream in (self._metrics, self._health, self._board):
            with contextlib.suppress(OSError):
                stream.close()


def _sheet(step: int) -> str:
    return f"step-{step:08d}.png"


def _open_until(path: Path, step: int) -> tuple[TextIO, list[dict[str, Any]]]:
    """A file of JSON lines to write on, without the lines of later steps, and the others.

    Raises:
        CheckpointError: it cannot be read or written.
    """
    try:
        kept: list[dict[str, Any]] = []
        if path.is_file():
            found = list(read_lines(path))
            lines = [(line, entry) for line, entry in found if entry and entry["step"] <= step]
            kept = [entry for _, entry in lines]
            with replacing(path) as new:
                new.write_bytes(b"".join(line.rstrip(b"\r\n") + b"\n" for line, _ in lines))
            if damaged := sum(entry is None for _, entry in found):
                say(
                    f"warning: {path}: {counted(damaged, 'damaged line')} left out", file=sys.stderr
                )
        return path.open("a", encoding="utf-8"), kept
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written on ({error.strerror})") from error


def _write_line(file: TextIO, values: Mapping[str, object]) -> None:
    file.write(json.dumps(values, ensure_ascii=False) + "\n")
    file.flush()
