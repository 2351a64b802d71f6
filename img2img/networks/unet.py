"""The U-Net generator of pix2pix (Isola et al. 2017, Sec. 6.1.1)."""

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img.networks.layers import (
    ConvBlock,
    Norm,
    UpBlock,
    Upsampling,
    init_weights,
    make_norm,
)
from img2img.networks.padding import AnySize

WIDEST = 8  # channels stop growing at 8 x width
DROPOUT_FROM = 4  # levels below this one drop out (the paper's three of eight)
DEFAULT_DEPTH = 8  # for 256x256
LEAST_DEPTH = 3


def default_depth(size: tuple[int, int] | None) -> int:
    """Eight downsamplings, or as many as the shorter side of the pictures allows (at least 3)."""
    if size is None:
        return DEFAULT_DEPTH
    return max(LEAST_DEPTH, min(DEFAULT_DEPTH, int(math.log2(min(size)))))


class UNet(AnySize):
    """Encoder-decoder with skip connections: (N, in, H, W) -> (N, out, H, W).

    pix2pix's generator (Isola et al. 2017, Sec. 6.1.1). The output is in [-1, 1] with the default tanh. H and W must be multiples of
    `size_multiple` = 2**depth; `padding.run_padded` takes care of other sizes.

    The skips carry activated features and are rectified again in the decoder. The
    published code does this by an in-place side effect, and its weights rely on it.

    Args:
        out_channels: None leaves out the last convolution and tanh, so that the output is the
            feature map (N, width, H, W) that an enhancer builds on.
        width: channels after the first convolution, doubled four times at most.
        depth: number of downsamplings by 2, at least 2.
        dropout: probability in the deeper decoder levels (pix2pix's only noise).
        bias: whether the convolutions before a norm have a bias.

    Raises:
        ValueError: a depth below 2.

    >>> import torch
    >>> generator = UNet(in_channels=3, out_channels=3, width=8, depth=4)
    >>> generator(torch.zeros(1, 3, 32, 48)).shape
    torch.Size([1, 3, 32, 48])
    """

    def __init__(
        self,
        *,
        in_channels: int,
        out_channels: int | None,
        width: int = 64,
        depth: int = 8,
        norm: Norm = "instance",
        up: Upsampling = "resize",
        dropout: float = 0.5,
        bias: bool = True,
    ):
        super().__init__()
        if depth < 2:
            raise ValueError(f"depth must be at least 2, got {depth}")
        norm = partial(make_norm, norm, condition=in_channels)
        channels = [width * min(2**level, WIDEST) for level in range(depth)]
        innermost = depth - 1
        self.size_multiple = self.size_minimum = 2**depth
        self.down = nn.ModuleList(
            ConvBlock(
                channels[level - 1] if level else in_channels,
                channels[level],
                kernel=4,
                stride=2,
                padding=1,
                norm="none" if level in (0, innermost) else norm,
                activation="relu" if level == innermost else "leaky_relu",
                bias=bias,
            )
            for level in range(depth)
        )
        self.up = nn.ModuleList(
            UpBlock(
                channels[level] * (1 if level == innermost else 2),
                channels[level - 1],
                mode=up,
                kernel=4,
                norm=norm,
                bias=bias,
                dropout=dropout if DROPOUT_FROM <= level < innermost else 0.0,
            )
            for level in range(innermost, 0, -1)
        )
        self.head: UpBlock | FullResolutionHead
        if up == "resize":
            self.head = FullResolutionHead(
                2 * channels[0], in_channels, width, out_channels, norm=norm, bias=bias
            )
        elif out_channels is None:
            self.head = UpBlock(2 * channels[0], width, mode=up, kernel=4, norm=norm, bias=bias)
        else:
            self.head = UpBlock(
                2 * channels[0], out_channels, mode=up, kernel=4, norm="none", activation="tanh"
            )
        init_weights(self)

    def forward(self, x: Tensor) -> Tensor:
        condition, skips = x, []
        for down in self.down:
            x = down(x, condition)
            skips.append(x)
        x = skips.pop()
        for up in self.up:
            x = torch.cat([F.relu(skips.pop()), up(x, condition)], dim=1)
        return self.head(x, condition)


class FullResolutionHead(nn.Module):
    """The last doubling of a U-Net that enlarges: features (N, in, H/2, W/2), input -> (N, out, H, W).

    A transposed convolution draws the finest detail by its kernel's four phases. Enlarging
    repeats pixels instead, so detail has to come from a skip at full resolution: the input's own.
    """

    def __init__(
        self,
        features: int,
        in_channels: int,
        width: int,
        out_channels: int | None,
        *,
        norm: Norm,
        bias: bool,
    ):
        super().__init__()
        self.up = UpBlock(features, width, mode="resize", norm=norm, bias=bias)
        self.mix = ConvBlock(width + in_channels, width, reflect=True, norm=norm, bias=bias)
        self.out: nn.Module = nn.Identity()
        if out_channels is not None:
            self.out = ConvBlock(width, out_channels, reflect=True, norm="none", activation="tanh")

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        x = torch.cat([self.up(x, condition), condition], dim=1)
        return self.out(self.mix(x, condition))
