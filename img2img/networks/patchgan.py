"""PatchGAN discriminators: Isola et al. 2017, Sec. 3.2.2, and on several scales Wang et al. 2018, Sec. 3.2.

A discriminator returns its features layer by layer, the last being the prediction map;
feature matching needs the others.
"""

from torch import Tensor, nn

from img2img.networks.layers import ConvBlock, Norm, halve, init_weights

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


class PatchGAN(nn.Module):
    """Judges overlapping patches: (N, in, H, W) -> list of feature maps, last (N, 1, h, w) logits.

    Args:
        n_layers: strided convolutions; 0 judges single pixels by 1x1 convolutions.
        padding: zero padding of the 4x4 convolutions: 1 in pix2pix, 2 in pix2pixHD.
        max_channels: where doubling stops; None: 8 x width.
        bias: whether the convolutions before a norm have a bias.
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
        shape = {"kernel": 4, "padding": padding} if n_layers else {"kernel": 1, "padding": 0}
        leaky = {"activation": "leaky_relu", **shape}
        layers = [ConvBlock(in_channels, width, stride=2 if n_layers else 1, norm="none", **leaky)]
        channels = width
        for stride in [2] * (n_layers - 1) + [1]:
            before, channels = channels, min(2 * channels, limit)
            layers.append(ConvBlock(before, channels, stride=stride, norm=norm, bias=bias, **leaky))
        # The published pixel discriminator gives its last layer a bias only with instance norm.
        last_bias = bias or n_layers > 0
        layers.append(
            ConvBlock(channels, 1, norm="none", activation="none", bias=last_bias, **shape)
        )
        self.layers = nn.ModuleList(layers)
        init_weights(self)

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return features


class MultiscaleDiscriminator(nn.Module):
    """The same PatchGAN on an image pyramid: (N, in, H, W) -> one feature list per scale.

    The first scale is the full resolution, every further one is halved by average pooling.
    Keyword arguments are PatchGAN's.
    """

    def __init__(self, *, scales: int = 3, **patchgan):
        super().__init__()
        self.scales = nn.ModuleList(PatchGAN(**patchgan) for _ in range(scales))

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        outputs = []
        for level, discriminator in enumerate(self.scales):
            x = halve(x) if level else x
            outputs.append(discriminator(x))
        return outputs
