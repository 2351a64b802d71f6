"""DCGAN and CGAN: from a latent vector to an image and back to a verdict.

Radford et al. 2016; the conditional forms join a one-hot class (Mirza & Osindero 2014).
"""

import math

import torch
from torch import Tensor, nn

from img2img.networks.layers import (
    ConvBlock,
    Norm,
    UpBlock,
    Upsampling,
    concat_condition,
    init_weights,
)

MIN_SIZE = 4  # side of the first feature map, Radford et al. 2016, Fig. 1


def _levels(size: int) -> int:
    levels = int(math.log2(size / MIN_SIZE)) if size >= 2 * MIN_SIZE else 0
    if levels < 1 or MIN_SIZE * 2**levels != size:
        raise ValueError(f"size must be a power of two from {2 * MIN_SIZE} on, got {size}")
    return levels


class DCGANGenerator(nn.Module):
    """Projects a latent vector to 4x4 and doubles it to the image.

    z (N, latent), optional one-hot class (N, classes) -> image (N, channels, size, size)
    in [-1, 1].

    Args:
        width: channels before the last layer; doubled towards the 4x4 map.
        classes: number of classes that condition it; 0 for none.
    """

    def __init__(
        self,
        *,
        latent: int = 100,
        channels: int = 3,
        size: int = 64,
        width: int = 64,
        classes: int = 0,
        norm: Norm = "batch",
        up: Upsampling = "transposed",
    ):
        super().__init__()
        levels = _levels(size)
        top = width * 2 ** (levels - 1)
        self.project = nn.Linear(latent + classes, top * MIN_SIZE**2)
        self.start = ConvBlock(top, top, kernel=1, norm=norm, bias=False)
        self.up = nn.Sequential(
            *(
                UpBlock(top >> i, top >> (i + 1), mode=up, kernel=4, norm=norm, bias=False)
                for i in range(levels - 1)
            ),
            UpBlock(width, channels, mode=up, kernel=4, norm="none", activation="tanh"),
        )
        init_weights(self)

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        z = z if condition is None else torch.cat([condition, z], dim=1)
        x = self.project(z).unflatten(1, (-1, MIN_SIZE, MIN_SIZE))
        return self.up(self.start(x))


class DCGANDiscriminator(nn.Module):
    """Halves the image to 4x4 and judges it.

    image (N, channels, size, size), optional one-hot class (N, classes) -> logits (N, 1).
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        size: int = 64,
        width: int = 64,
        classes: int = 0,
        norm: Norm = "batch",
    ):
        super().__init__()
        levels = _levels(size)
        down = [
            ConvBlock(
                channels + classes,
                width,
                kernel=4,
                stride=2,
                padding=1,
                norm="none",
                activation="leaky_relu",
            )
        ]
        down += (
            ConvBlock(
                width << i,
                width << (i + 1),
                kernel=4,
                stride=2,
                padding=1,
                norm=norm,
                activation="leaky_relu",
                bias=False,
            )
            for i in range(levels - 1)
        )
        self.down = nn.Sequential(*down)
        self.judge = nn.Conv2d(width << (levels - 1), 1, MIN_SIZE)
        init_weights(self)

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        x = image if condition is None else concat_condition(image, condition)
        return self.judge(self.down(x)).flatten(1)
