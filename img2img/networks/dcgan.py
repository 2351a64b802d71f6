"""DCGAN and CGAN: from a latent vector to an image and back to a verdict.

Radford et al. 2016; the conditional forms join a one-hot class (Mirza & Osindero 2014).
"""

import torch
from torch import Tensor, nn

from img2img.networks.layers import (
    ConvBlock,
    Norm,
    UpBlock,
    Upsampling,
    concat_condition,
    init_weights,
    make_activation,
    make_norm,
)
from img2img.networks.minibatch import KERNELS, MinibatchDiscrimination

RECOGNISING = 128  # units of InfoGAN's Q before its last layer
FIRST = range(4, 8)  # sides of the first feature map; 4 in Radford et al. 2016, Fig. 1


def levels_of(size: int) -> int:
    """How many downsamplings lead from a side of `size` pixels to the first feature map.

    Raises:
        ValueError: it is none of 4 to 7 times a power of two, such as 28, 32 or 64.
    """
    levels = max(size, 1).bit_length() - FIRST.start.bit_length()
    if levels < 1 or size % 2**levels:
        raise ValueError(f"size must be 4 to 7 times a power of two from 2 on, got {size}")
    return levels


class DCGANGenerator(nn.Module):
    """Projects a latent vector to a small map and doubles it to the image.

    z (N, latent), optional one-hot class (N, classes) -> image (N, channels, size, size)
    in [-1, 1]. Radford et al. 2016, Fig. 1.

    Args:
        latent: numbers of z.
        channels: of the image.
        size: its side in pixels, 4 to 7 times a power of two; the first map has 4 to 7 pixels a side.
        width: channels before the last layer; doubled towards the first map.
        classes: number of classes that condition it; 0 for none.

    Raises:
        ValueError: another size.

    >>> generator = DCGANGenerator(size=32, width=8, classes=10)
    >>> generator(torch.zeros(2, 100), torch.eye(10)[:2]).shape
    torch.Size([2, 3, 32, 32])
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
        levels = levels_of(size)
        top = width << (levels - 1)
        first = size >> levels
        self.shape = (top, first, first)
        self.project = nn.Linear(latent + classes, top * first**2)
        self.start = nn.Sequential(make_norm(norm, top), make_activation("relu"))
        self.up = nn.Sequential(
            *(
                UpBlock(top >> i, top >> (i + 1), mode=up, kernel=4, norm=norm, bias=norm == "none")
                for i in range(levels - 1)
            ),
            UpBlock(width, channels, mode=up, kernel=4, norm="none", activation="tanh"),
        )
        init_weights(self)

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        z = z if condition is None else torch.cat([condition, z], dim=1)
        return self.up(self.start(self.project(z).unflatten(1, self.shape)))


class DCGANDiscriminator(nn.Module):
    """Downsamples the image to a small map and judges it.

    image (N, channels, size, size), optional one-hot class (N, classes) -> logits or scores
    (N, outputs). Radford et al. 2016.

    Args:
        channels, size: of the image, as of the generator.
        width: channels after the first convolution.
        classes: number of classes that condition it; 0 for none.
        outputs: numbers that it says of an image; the first is by custom the verdict.
        recognised: numbers behind these that a head with a layer of its own finds, as InfoGAN's Q
            (Chen et al. 2016, Appendix C.1, without its batch norm, which an epoch's last batch of
            a single picture could not pass).
        features: the result is (verdict, last feature map).
        minibatch: minibatch discrimination before the last layer.

    >>> discriminator = DCGANDiscriminator(size=32, width=8)
    >>> discriminator(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 1])
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        size: int = 64,
        width: int = 64,
        classes: int = 0,
        outputs: int = 1,
        recognised: int = 0,
        norm: Norm = "batch",
        features: bool = False,
        minibatch: bool = False,
    ):
        super().__init__()
        self.features = features
        levels = levels_of(size)
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
                bias=norm == "none",
            )
            for i in range(levels - 1)
        )
        self.down = nn.Sequential(*down)
        top, last = width << (levels - 1), size >> levels
        self.judge: nn.Module = nn.Conv2d(top, outputs, last)
        if minibatch:
            flat = top * last**2
            self.judge = nn.Sequential(
                nn.Flatten(),
                MinibatchDiscrimination(flat),
                nn.Linear(flat + KERNELS, outputs),
            )
        self.recognise = None
        if recognised:
            self.recognise = nn.Sequential(
                nn.Conv2d(top, RECOGNISING, last),
                make_activation("leaky_relu"),
                nn.Conv2d(RECOGNISING, recognised, 1),
            )
        init_weights(self)

    def forward(
        self, image: Tensor, condition: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        x = image if condition is None else concat_condition(image, condition)
        found = self.down(x)
        verdict = self.judge(found).flatten(1)
        if self.recognise is not None:
            verdict = torch.cat([verdict, self.recognise(found).flatten(1)], dim=1)
        return (verdict, found) if self.features else verdict
