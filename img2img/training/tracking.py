"""What a run writes down: metrics.jsonl, TensorBoard events, sample sheets. No service needed."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from img2img.data.images import write_image
from img2img.training.checkpoint import write_text
from img2img.training.runs import METRICS, SAMPLES


class Tracker:
    """Writes numbers and pictures of a run; one per run, in the main process.

    Args:
        step: where the run stands. Lines and events of later steps, left by a process that
            died after its last checkpoint, are dropped.
    """

    def __init__(self, run: Path, *, step: int = 0):
        from torch.utils.tensorboard import SummaryWriter  # 3 s

        self.run = run
        self._file = run / METRICS
        self._keep_until(step)
        self._lines = self._file.open("a", encoding="utf-8")
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1 if step else None)

    def _keep_until(self, step: int) -> None:
        if not self._file.is_file():
            return
        kept = []
        for line in self._file.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line + "\n")
            except (json.JSONDecodeError, KeyError):
                continue  # the last line of a process that was killed
        write_text(self._file, "".join(kept))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers by name, for example `g/l1` or `val/ssim`."""
        rounded = {name: float(f"{value:.6g}") for name, value in values.items()}
        self._lines.write(json.dumps({"step": step, **rounded}) + "\n")
        self._lines.flush()
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def sheet(self, step: int, picture: np.ndarray) -> None:
        """A sample sheet, uint8 (H, W, 3), as samples/step-N.png and in TensorBoard."""
        folder = self.run / SAMPLES
        folder.mkdir(exist_ok=True)
        write_image(folder / f"step-{step:08d}.png", picture)
        self._board.add_image("samples", picture, step, dataformats="HWC")

    def close(self) -> None:
        # On a full disk the last buffers are lost; the cause has already been reported.
        for stream in (self._lines, self._board):
            with contextlib.suppress(OSError):
                stream.close()


class RunningMeans:
    """Means of named scalars since the last reading, summed on the device they are on.

    Reading them is the only moment at which the training loop waits for a GPU.
    """

    def __init__(self):
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, name: str, value: Tensor) -> None:
        value = value.detach()
        self._sums[name] = self._sums[name] + value if name in self._sums else value.clone()
        self._counts[name] = self._counts.get(name, 0) + 1

    def peek(self) -> dict[str, float]:
        """The means by name."""
        return {name: float(total) / self._counts[name] for name, total in self._sums.items()}

    def read(self) -> dict[str, float]:
        """The means by name; starts anew."""
        means = self.peek()
        self._sums, self._counts = {}, {}
        return means
