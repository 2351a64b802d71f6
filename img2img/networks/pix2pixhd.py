"""The generators of pix2pixHD (Wang et al. 2018, Sec. 3.1) and, with other sizes, CycleGAN's ResNet.

The global generator is Johnson et al.'s residual network; the enhancer wraps a coarse
generator that works at half the resolution and adds its features to its own.
"""

from functools import partial

from torch import Tensor, nn

from img2img.networks.checkpointing import Recomputable
from img2img.networks.layers import (
    Chain,
    ConvBlock,
    Norm,
    UpBlock,
    Upsampling,
    downsample,
    init_weights,
    make_norm,
)
from img2img.networks.padding import AnySize


class ResidualBlock(Recomputable):
    """x + two 3x3 convolutions of x; nothing after the sum: (N, C, H, W) -> (N, C, H, W).

    Johnson et al. 2016. H and W are 2 at least, for padding by reflection.

    Args:
        channels: C.
        bias: whether the convolutions have a bias.
        dropout: probability between the two.

    >>> import torch
    >>> ResidualBlock(8)(torch.zeros(1, 8, 4, 4)).shape
    torch.Size([1, 8, 4, 4])
    """

    def __init__(
        self, channels: int, *, norm: Norm = "instance", bias: bool = True, dropout: float = 0.0
    ):
        super().__init__()
        self.first = ConvBlock(
            channels, channels, reflect=True, norm=norm, bias=bias, dropout=dropout
        )
        self.second = ConvBlock(
            channels, channels, reflect=True, norm=norm, activation="none", bias=bias
        )

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return x + self.second(self.first(x, condition), condition)


def _stem(in_channels: int, out_channels: int, *, norm: Norm, bias: bool) -> ConvBlock:
    return ConvBlock(in_channels, out_channels, kernel=7, reflect=True, norm=norm, bias=bias)


def _head(in_channels: int, out_channels: int) -> ConvBlock:
    return ConvBlock(
        in_channels, out_channels, kernel=7, reflect=True, norm="none", activation="tanh"
    )


class GlobalGenerator(AnySize):
    """Down, residual blocks, up: (N, in, H, W) -> (N, out, H, W) in [-1, 1].

    pix2pixHD's G1 (Wang et al. 2018, Sec. 3.1); with `width=64, n_down=2` and 6 or 9 blocks the
    ResNet generator of CycleGAN.

    H and W must be multiples of `size_multiple` = 2**n_down.

    Args:
        out_channels: None leaves out the last convolution and tanh, so that the output is
            the feature map (N, width, H, W) that an enhancer builds on.
        width: channels at full resolution, doubled by every downsampling.
        n_down: number of downsamplings by 2.
        n_blocks: residual blocks at the coarsest resolution.
        bias: whether the convolutions before a norm have a bias.
        dropout: probability inside the residual blocks.

    >>> import torch
    >>> generator = GlobalGenerator(in_channels=5, out_channels=3, width=8, n_down=2, n_blocks=1)
    >>> generator(torch.zeros(1, 5, 32, 64)).shape
    torch.Size([1, 3, 32, 64])
    """

    def __init__(
        self,
        *,
        in_channels: int,
        out_channels: int | None,
        width: int = 64,
        n_down: int = 4,
        n_blocks: int = 9,
        norm: Norm = "instance",
        up: Upsampling = "resize",
        bias: bool = True,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.size_multiple = 2**n_down
        self.size_minimum = 2 * self.size_multiple  # reflection needs two pixels at the bottom
        norm = partial(make_norm, norm, condition=in_channels)
        self.stem = _stem(in_channels, width, norm=norm, bias=bias)
        self.down = Chain(
            *(
                ConvBlock(width << i, width << (i + 1), stride=2, norm=norm, bias=bias)
                for i in range(n_down)
            )
        )
        self.blocks = Chain(
            *(
                ResidualBlock(width << n_down, norm=norm, bias=bias, dropout=dropout)
                for _ in range(n_blocks)
            )
        )
        self.up = Chain(
            *(
                UpBlock(width << i, width << (i - 1), mode=up, norm=norm, bias=bias)
                for i in range(n_down, 0, -1)
            )
        )
        self.head = nn.Identity() if out_channels is None else _head(width, out_channels)
        init_weights(self)

    def forward(self, x: Tensor) -> Tensor:
        features = self.down(self.stem(x, x), x)
        return self.head(self.up(self.blocks(features, x), x))


class EnhancerStage(nn.Module):
    """One doubling of the resolution: front end, sum with the coarse features, back end.

    input (N, in, H, W), coarse features (N, 2 * width, H/2, W/2) -> (N, width, H, W), or
    the image in [-1, 1] where the stage has a head.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        out_channels: int | None,
        width: int,
        n_blocks: int,
        norm: Norm,
        up: Upsampling,
        bias: bool,
    ):
        super().__init__()
        norm = partial(make_norm, norm, condition=in_channels)
        self.stem = _stem(in_channels, width, norm=norm, bias=bias)
        self.down = ConvBlock(width, 2 * width, stride=2, norm=norm, bias=bias)
        self.blocks = Chain(
            *(ResidualBlock(2 * width, norm=norm, bias=bias) for _ in range(n_blocks))
        )
        self.up = UpBlock(2 * width, width, mode=up, norm=norm, bias=bias)
        self.head = nn.Identity() if out_channels is None else _head(width, out_channels)
        init_weights(self)

    def forward(self, x: Tensor, coarse: Tensor) -> Tensor:
        features = self.down(self.stem(x, x), x) + coarse
        return self.head(self.up(self.blocks(features, x), x))


class LocalEnhancer(AnySize):
    """Coarse-to-fine generator: (N, in, H, W) -> (N, out, H, W) in [-1, 1].

    pix2pixHD's G2 around any G1 (Wang et al. 2018, Sec. 3.1). H and W must be multiples of
    `size_multiple`, the coarse generator's times 2**n_enhancers.

    Args:
        coarse: a generator without its last layer, (N, in, h, w) -> (N, width * 2**n_enhancers,
            h, w), run on the input downsampled `n_enhancers` times by 2.
        width: channels at full resolution.
        n_enhancers: number of doublings.
        n_blocks: residual blocks of each stage.

    >>> import torch
    >>> coarse = GlobalGenerator(in_channels=5, out_channels=None, width=16, n_down=2, n_blocks=1)
    >>> generator = LocalEnhancer(coarse, in_channels=5, out_channels=3, width=8, n_blocks=1)
    >>> generator(torch.zeros(1, 5, 32, 64)).shape
    torch.Size([1, 3, 32, 64])
    """

    def __init__(
        self,
        coarse: AnySize,
        *,
        in_channels: int,
        out_channels: int,
        width: int = 32,
        n_enhancers: int = 1,
        n_blocks: int = 3,
        norm: Norm = "instance",
        up: Upsampling = "resize",
        bias: bool = True,
    ):
        super().__init__()
        self.coarse = coarse
        self.size_multiple = coarse.size_multiple << n_enhancers
        self.size_minimum = coarse.size_minimum << n_enhancers
        self.stages = nn.ModuleList(
            EnhancerStage(
                in_channels=in_channels,
                out_channels=out_channels if level == 0 else None,
                width=width << level,
                n_blocks=n_blocks,
                norm=norm,
                up=up,
                bias=bias,
            )
            for level in range(n_enhancers - 1, -1, -1)
        )

    def forward(self, x: Tensor) -> Tensor:
        pyramid = [x]
        for _ in self.stages:
            pyramid.append(downsample(pyramid[-1]))
        features = self.coarse(pyramid.pop())
        for stage in self.stages:
            features = stage(pyramid.pop(), features)
        return features
