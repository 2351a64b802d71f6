"""Updates whose gradients are not finite are skipped, counted, and end the training in the end."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from img2img.runs.checkpoint import Groups

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
    """Keeps weights finite without waiting for the device: counts stay on it until they are read.

    Args:
        clip: greatest norm of a gradient, as `training.clip`; 0: gradients are left as they are.
    """

    def __init__(self, clip: float = 0.0):
        self.clip = clip
        self._counts: dict[str, Tensor] = {}
        self._streaks: dict[str, Tensor] = {}

    def step(
        self, optimizer: torch.optim.Optimizer, trained: Sequence[nn.Parameter], loss: Tensor
    ) -> Tensor:
        """Steps an optimizer, or not, where the loss or a gradient is not finite.

        An infinite loss may have finite gradients: those of L1 are 1 everywhere. Only optimizers
        that are not fused wait for the device to know, but for RMSprop. Gradients that are made are
        clipped before.

        Returns:
            1 where there was no step, else 0: for `count`.
        """
        bad = self.judge(trained, loss)
        if optimizer.defaults.get("fused"):
            # How torch's own GradScaler tells a fused optimizer to leave everything as it is.
            vars(optimizer).update(grad_scale=None, found_inf=bad)
            optimizer.step()
        elif isinstance(optimizer, torch.optim.RMSprop):  # a gradient of 0 moves no weight
            for parameter in trained:
                if parameter.grad is not None:
                    parameter.grad = torch.where(bad > 0, 0.0, parameter.grad)
            optimizer.step()
        elif not bad:
            optimizer.step()
        return bad

    def judge(self, trained: Sequence[nn.Parameter], loss: Tensor | int = 0) -> Tensor:
        """1 where a gradient or the loss is not finite, else 0; clips gradients that are too long."""
        gradients = [p.grad for p in trained if p.grad is not None]
        # The norm is finite if all gradients are, and costs one pass over them.
        norm = torch.nn.utils.get_total_norm(gradients)
        if self.clip:
            torch.nn.utils.clip_grads_with_norm_(trained, self.clip, norm)
        return (~(norm + loss).isfinite()).float()

    def count(self, name: str, bad: Tensor) -> None:
        """Notes whether an update was made (0), or all or a part of it was not (1)."""
        count, streak = self._counts.get(name, 0), self._streaks.get(name, 0)
        self._counts[name], self._streaks[name] = count + bad, (streak + bad) * bad

    def longest(self) -> int:
        """The longest streak of skipped updates that still lasts."""
        return max((int(streak) for streak in self._streaks.values()), default=0)

    def state(self) -> Groups:
        """What is counted, for a checkpoint."""
        return {"skipped": self._counts, "streak": self._streaks}

    def restore(self, state: Groups, device: torch.device) -> None:
        """Goes on from a `state`; from nothing where it is not there."""
        self._counts = {name: value.to(device) for name, value in state.get("skipped", {}).items()}
        self._streaks = {name: value.to(device) for name, value in state.get("streak", {}).items()}

    def read(self) -> dict[str, Skipped]:
        """By update, those that were skipped since the last reading; waits for the device."""
        skipped = {n: Skipped(int(c), int(self._streaks[n])) for n, c in self._counts.items()}
        self._counts = {name: torch.zeros_like(count) for name, count in self._counts.items()}
        return {name: what for name, what in skipped.items() if what.count}
