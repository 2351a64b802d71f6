"""PatchGAN discriminators: Isola et al. 2017, Sec. 3.2.2, and on several scales Wang et al. 2018, Sec. 3.2.

A discriminator returns its features layer by layer, the last being the prediction map;
feature matching needs the others.
"""

from torch import Tensor, nn

from img2img.lazy import renamed
from img2img.networks.layers import Activation, ConvBlock, Norm, downsample, init_weights

__getattr__ = renamed(__name__, {"PatchGAN": "PatchDiscriminator"})

# Receptive field in pixels -> number of strided layers (Isola et al. 2017, Sec. 6.1.2).
PATCHES = {1: 0, 16: 1, 70: 3, 286: 5}


def smallest_input(n_layers: int, *, padding: int, scales: int = 1) -> int:
    """The least side, in pixels, at which every layer has an output and its norm two pixels.

    With padding 1 the last two 4x4 layers take a pixel each; with padding 2 nothing shrinks
    below two pixels, if the coarsest scale has two.
    """
    if n_layers == 0:
        return 1
    return 3 * 2**n_layers if padding == 1 else 2 ** (scales - 1) + 1


class PatchDiscriminator(nn.Module):
    """PatchGAN: (N, in, H, W) -> list of feature maps, the last (N, 1, h, w), logits of patches.

    Isola et al. 2017, Sec. 3.2.2. A conditional discriminator is given input and image joined along
    the channels. With 3 strided layers each logit sees 70x70 pixels.

    Args:
        in_channels: of image and condition together.
        width: channels after the first convolution, doubled by every further one.
        n_layers: strided convolutions; 0 judges single pixels by 1x1 convolutions.
        padding: zero padding of the 4x4 convolutions: 1 in pix2pix, 2 in pix2pixHD.
        max_channels: where doubling stops; None: 8 x width.
        bias: whether the convolutions before a norm have a bias.

    >>> import torch
    >>> discriminator = PatchDiscriminator(in_channels=6, width=8)
    >>> features = discriminator(torch.zeros(1, 6, 64, 64))
    >>> [tuple(layer.shape[1:]) for layer in features]
    [(8, 32, 32), (16, 16, 16), (32, 8, 8), (64, 7, 7), (1, 6, 6)]
    """

    def __init__(
        self,
        *,
        in_channels: int,
        width: int = 64,
        n_layers: int = 3,
        norm: Norm = "instance",
        padding: int = 1,
        max_channels: int | None = None,
        bias: bool = True,
    ):
        super().__init__()
        limit = 8 * width if max_channels is None else max_channels

        def layer(
            before: int,
            after: int,
            *,
            norm: Norm,
            stride: int = 1,
            activation: Activation = "leaky_relu",
            bias: bool = True,
        ) -> ConvBlock:
            return ConvBlock(
                before,
                after,
                kernel=4 if n_layers else 1,
                stride=stride,
                padding=padding if n_layers else 0,
                norm=norm,
                activation=activation,
                bias=bias,
            )

        layers = [layer(in_channels, width, stride=2 if n_layers else 1, norm="none")]
        channels = width
        for stride in [2] * (n_layers - 1) + [1]:
            before, channels = channels, min(2 * channels, limit)
            layers.append(layer(before, channels, stride=stride, norm=norm, bias=bias))
        # The published pixel discriminator gives its last layer a bias only with instance norm.
        last_bias = bias or n_layers > 0
        layers.append(layer(channels, 1, norm="none", activation="none", bias=last_bias))
        self.layers = nn.ModuleList(layers)
        init_weights(self)

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return features


class MultiscaleDiscriminator(nn.Module):
    """PatchGANs on an image pyramid: (N, in, H, W) -> one feature list per scale.

    pix2pixHD's (Wang et al. 2018, Sec. 3.2), with instance norm and `padding=2`. The first scale is
    the full resolution, every further one is downsampled by 2 with average pooling.

    Args:
        scales: number of discriminators, which share no weights.
        in_channels, width, n_layers, norm, padding, max_channels, bias: of each of them, as of
            `PatchDiscriminator`.

    >>> import torch
    >>> discriminator = MultiscaleDiscriminator(in_channels=6, scales=2, width=8)
    >>> outputs = discriminator(torch.zeros(1, 6, 64, 64))
    >>> [tuple(features[-1].shape) for features in outputs]
    [(1, 1, 6, 6), (1, 1, 2, 2)]
    """

    def __init__(
        self,
        *,
        in_channels: int,
        scales: int = 3,
        width: int = 64,
        n_layers: int = 3,
        norm: Norm = "instance",
        padding: int = 1,
        max_channels: int | None = None,
        bias: bool = True,
    ):
        super().__init__()
        self.scales = nn.ModuleList(
            PatchDiscriminator(
                in_channels=in_channels,
                width=width,
                n_layers=n_layers,
                norm=norm,
                padding=padding,
                max_channels=max_channels,
                bias=bias,
            )
            for _ in range(scales)
        )

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        outputs = []
        for level, discriminator in enumerate(self.scales):
            x = downsample(x) if level else x
            outputs.append(discriminator(x))
        return outputs
