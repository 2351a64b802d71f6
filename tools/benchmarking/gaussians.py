"""Mixtures of Gaussians in the plane, on which it shows what a generative network leaves out."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Mixture:
    """Round Gaussians of one weight.

    Attributes:
        centres: (K, 2).
        std: of each Gaussian along each axis.
    """

    centres: Tensor
    std: float

    def sample(self, count: int, *, generator: torch.Generator | None = None) -> Tensor:
        """`count` points (N, 2) float32, on the generator's device."""
        device = generator.device if generator else self.centres.device
        chosen = torch.randint(len(self.centres), (count,), generator=generator, device=device)
        noise = torch.randn(count, 2, generator=generator, device=device)
        return self.centres.to(device)[chosen] + self.std * noise


def ring(modes: int = 8, *, radius: float = 2.0, std: float = 0.02) -> Mixture:
    """Gaussians evenly on a circle; those of Metz et al. 2017, Appendix A."""
    angles = torch.arange(modes) * (2 * math.pi / modes)
    return Mixture(radius * torch.stack([angles.cos(), angles.sin()], dim=1), std)


def grid(side: int = 5, *, spacing: float = 2.0, std: float = 0.05) -> Mixture:
    """Gaussians on a square grid around 0; those of Lin et al. 2018 (PacGAN), Sec. 4.1."""
    places = (torch.arange(side) - (side - 1) / 2) * spacing
    return Mixture(torch.cartesian_prod(places, places), std)
