"""Means of losses between two lines of the log."""

import math

import torch
from torch import Tensor

from img2img.runs.checkpoint import Groups


class RunningMeans:
    """Means of named scalars since the last reading, summed on the device they are on.

    Values that are not finite are counted, and left out of the means. Reading is the only moment
    at which the training loop waits for a GPU.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._finite: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, name: str, value: Tensor) -> None:
        value = value.detach()
        finite = value.isfinite()
        value = torch.where(finite, value, torch.zeros_like(value))
        self._sums[name] = self._sums.get(name, 0) + value
        self._finite[name] = self._finite.get(name, 0) + finite
        self._counts[name] = self._counts.get(name, 0) + 1

    def state(self) -> Groups:
        """What is summed since the last reading, for a checkpoint."""
        counts = {name: torch.tensor(count) for name, count in self._counts.items()}
        return {"sum": self._sums, "finite": self._finite, "count": counts}

    def restore(self, state: Groups, device: torch.device) -> None:
        """Goes on from a `state`; from nothing where it is not there."""
        self._sums = {name: value.to(device) for name, value in state.get("sum", {}).items()}
        self._finite = {name: value.to(device) for name, value in state.get("finite", {}).items()}
        self._counts = {name: int(value) for name, value in state.get("count", {}).items()}

    def read(self) -> tuple[dict[str, float], dict[str, int]]:
        """The means, sorted by name, and how many values were not finite, where any were; starts anew.

        The mean of values of which none is finite is NaN.
        """
        finite = {name: int(count) for name, count in self._finite.items()}
        means = {
            name: float(total) / finite[name] if finite[name] else math.nan
            for name, total in sorted(self._sums.items())
        }
        bad = {name: count - finite[name] for name, count in self._counts.items()}
        self._sums, self._finite, self._counts = {}, {}, {}
        return means, {name: count for name, count in bad.items() if count}
