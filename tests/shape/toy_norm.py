"""A normalisation that reads the label map, as a stranger would add it: this file, and a line in `NORMS`."""

import torch.nn.functional as F
from torch import Tensor, nn

from img2img.networks.layers import ConditionalNorm, InstanceNorm

HIDDEN = 8  # channels between the condition and the two maps; 128 in the paper


class SpatiallyAdaptive(ConditionalNorm):
    """Instance norm, scaled and shifted pixel by pixel as the label map says: (N, C, H, W) -> the same.

    Park et al. 2019, "Semantic image synthesis with spatially-adaptive normalization", Sec. 3:
    gamma and beta are maps that convolutions make of the condition, resized to the features.

    Args:
        channels: C.
        condition: channels of the condition.
    """

    def __init__(self, channels: int, condition: int):
        super().__init__()
        self.plain = InstanceNorm(channels)
        self.shared = nn.Conv2d(condition, HIDDEN, 3, padding=1)
        self.gamma = nn.Conv2d(HIDDEN, channels, 3, padding=1)
        self.beta = nn.Conv2d(HIDDEN, channels, 3, padding=1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        maps = F.relu(self.shared(F.interpolate(condition, size=x.shape[2:], mode="nearest")))
        return self.plain(x) * (1 + self.gamma(maps)) + self.beta(maps)


def spatially_adaptive(channels: int, condition: int) -> nn.Module:
    """The line for the table; a network without a condition gets the plain norm in it."""
    return SpatiallyAdaptive(channels, condition) if condition else InstanceNorm(channels)
