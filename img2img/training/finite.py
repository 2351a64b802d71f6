"""Updates whose gradients are not finite are skipped, counted, and end the training in the end."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

# fp16's first scale of 2^16 may be halved 16 times before gradients fit; 20 updates in a row are
# no such search, and weights that make every picture infinite do not heal.
BUDGET = 20


@dataclass(frozen=True)
class Skipped:
    """Updates that were not made, since this was last asked.

    Attributes:
        count: how many.
        streak: how many one after the other, up to now; counted over the whole training.
    """

    count: int
    streak: int


class FiniteGuard:
    """Keeps weights finite without waiting for the device: counts stay on it until they are read."""

    def __init__(self):
        self._counts: dict[str, Tensor] = {}
        self._streaks: dict[str, Tensor] = {}

    def step(
        self,
        name: str,
        optimizer: torch.optim.Optimizer,
        trained: Sequence[nn.Parameter],
        loss: Tensor,
    ) -> None:
        """Steps the optimizer of an update, or not, where its loss or a gradient is not finite.

        An infinite loss may have finite gradients: those of L1 are 1 everywhere.
        """
        bad = self._judge(name, trained, loss)
        if optimizer.defaults.get("fused"):
            # How torch's own GradScaler tells a fused optimizer to leave everything as it is.
            optimizer.grad_scale, optimizer.found_inf = None, bad
            optimizer.step()
        elif not bad:
            optimizer.step()

    def watch(self, name: str, trained: Sequence[nn.Parameter]) -> None:
        """Counts only: a gradient scaler skips by itself."""
        self._judge(name, trained, 0)

    def _judge(self, name: str, trained: Sequence[nn.Parameter], loss: Tensor | int) -> Tensor:
        """1 where the update must not be made, else 0; counted."""
        gradients = [p.grad for p in trained if p.grad is not None]
        # The norm is finite if all gradients are, and costs one pass over them.
        norm = torch.nn.utils.get_total_norm(gradients)
        bad = (~(norm + loss).isfinite()).float()
        count, streak = self._counts.get(name, 0), self._streaks.get(name, 0)
        self._counts[name], self._streaks[name] = count + bad, (streak + bad) * bad
        return bad

    def longest(self) -> int:
        """The longest streak of skipped updates that still lasts."""
        return max((int(streak) for streak in self._streaks.values()), default=0)

    def read(self) -> dict[str, Skipped]:
        """By update, those that were skipped since the last reading; waits for the device."""
        skipped = {n: Skipped(int(c), int(self._streaks[n])) for n, c in self._counts.items()}
        self._counts = {name: torch.zeros_like(count) for name, count in self._counts.items()}
        return {name: what for name, what in skipped.items() if what.count}
