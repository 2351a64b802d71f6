"""What one line of the log sums up: losses, skipped updates, and how far weights have moved."""

import torch
from torch import Tensor

from img2img.runs.checkpoint import LOG, Checkpoint, flatten, grouped
from img2img.schema import TrainingConfig
from img2img.training.history import Line
from img2img.training.observing import Movement
from img2img.training.state import Progress
from img2img.training.stepper import Stepper


class LogSums:
    """All that was summed since the last line. A checkpoint holds it, so that lines after a resume are
    those of an uninterrupted training.
    """

    def __init__(self, stepper: Stepper, settings: TrainingConfig):
        self._stepper, self._settings = stepper, settings
        self._movement = Movement(stepper.model)
        self._parts = (stepper.means, stepper.guard, self._movement)

    def tensors(self) -> dict[str, Tensor]:
        """As a checkpoint has them."""
        return {k: v for part in self._parts for k, v in flatten(part.state(), LOG).items()}

    def restore(self, checkpoint: Checkpoint, device: torch.device) -> None:
        """Goes on from a checkpoint; older ones have nothing of it."""
        state = grouped(checkpoint.tensors(LOG))
        for part in self._parts:
            part.restore(state, device)

    def read(self, progress: Progress) -> Line:
        """What is to be logged; the sums start anew. Waits for the device."""
        stepper = self._stepper
        means, bad = stepper.means.read()
        skipped = {name: what.count for name, what in stepper.guard.read().items()}
        seen = {**stepper.seen, **self._movement.read()}
        values = {
            **means,
            **{name: float(value) for name, value in seen.items()},
            **{f"{name}/skipped": float(count) for name, count in skipped.items()},
            "lr": self._settings.lr * stepper.factor,
            "epoch": float(progress.epoch),
        }
        stepper.seen = {}
        return Line(progress.step, values, skipped, bad)
