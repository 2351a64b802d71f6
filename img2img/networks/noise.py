"""Instance noise: the discriminator sees real and generated pictures through the same noise."""

import torch
from torch import Tensor, nn


class InstanceNoise(nn.Module):
    """Adds N(0, std^2) noise while training; the deviation falls in a line to 0.

    Distributions that do not overlap do so behind noise, which keeps the divergence finite
    (Sønderby et al. 2017; Arjovsky & Bottou 2017, Sec. 3).

    Args:
        std: at the beginning, in units of the pictures; 0: no noise.
        steps: calls of `advance` after which there is no noise left; None: it stays as it is.

    >>> noise = InstanceNoise(0.1, steps=1000)
    >>> seen = noise(torch.zeros(1, 3, 8, 8))  # by the discriminator, real or generated
    >>> noise.advance()
    >>> float(noise.deviation()) < 0.1
    True
    """

    step: Tensor

    def __init__(self, std: float, *, steps: int | None = None):
        super().__init__()
        self.std, self.steps = std, steps
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def advance(self) -> None:
        """To be called once a step of the training; the count is stored with the weights."""
        self.step += 1

    def deviation(self) -> Tensor:
        """The present standard deviation, a scalar."""
        if self.steps is None:
            return torch.full((), self.std, device=self.step.device)
        return self.std * (1 - self.step / self.steps).clamp(min=0)

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and self.std):
            return x
        return x + self.deviation().to(x.dtype) * torch.randn_like(x)
