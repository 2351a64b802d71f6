"""The blocks of DCGAN that every network here is built from.

Strided and transposed convolutions, norm and activation, N(0, 0.02) weights and
LeakyReLU 0.2 are from Radford et al. 2016 (DCGAN); conditioning by concatenation from
Mirza & Osindero 2014 (CGAN). One place for padding, norm, activation and initialisation.
"""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img.lazy import renamed
from img2img.networks.channels_last import instance_norm
from img2img.networks.checkpointing import Recomputable
from img2img.networks.convolution import Conv2d

__getattr__ = renamed(__name__, {"halve": "downsample"})

# A name in `NORMS`, or what makes a norm layer for so many channels.
Norm = str | Callable[[int], nn.Module]
Upsampling = Literal["resize", "transposed"]
Activation = Literal["relu", "leaky_relu", "tanh", "none"]

LEAK = 0.2  # Radford et al. 2016, Sec. 3
INIT_STD = 0.02  # Radford et al. 2016, Sec. 4


class BatchNorm(nn.BatchNorm2d):
    """Batch norm that can normalise each picture by its own statistics when evaluating.

    The published pix2pix results are made that way (batch 1, never switched to running
    statistics); with `own_statistics` a batch then also equals its singles.
    """

    own_statistics = False

    def forward(self, x: Tensor) -> Tensor:
        if self.own_statistics and not self.training:
            return instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)
        return super().forward(x)


class InstanceNorm(nn.InstanceNorm2d):
    """Instance norm without parameters that keeps its input's memory format."""

    def forward(self, x: Tensor) -> Tensor:
        return instance_norm(x, eps=self.eps)


class ConditionalNorm(nn.Module):
    """Base of norm layers that read what their generator is shown."""

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Features (N, C, H, W), normalised.

        Args:
            condition: the generator's input (N, K, H', W') at its own size, such as label planes.
        """
        raise NotImplementedError


# Norm layers by name: made for so many channels, in a generator whose input has so many; 0 stands
# for a network without a condition, such as a discriminator, where a norm has nothing to read.
NORMS: dict[str, Callable[[int, int], nn.Module]] = {
    "instance": lambda channels, _: InstanceNorm(channels),  # without parameters, as in pix2pixHD
    "batch": lambda channels, _: BatchNorm(channels),
    "none": lambda *_: nn.Identity(),
}


def make_norm(norm: Norm, channels: int, *, condition: int = 0) -> nn.Module:
    """A norm layer.

    Args:
        condition: channels of the condition that it may read; 0: there is none.

    Raises:
        ValueError: a name that is not in `NORMS`.
    """
    if not isinstance(norm, str):
        return norm(channels)
    if norm not in NORMS:
        raise ValueError(f"unknown norm {norm!r}; valid: {', '.join(NORMS)}")
    return NORMS[norm](channels, condition)


def normalise(norm: nn.Module, x: Tensor, condition: Tensor | None) -> Tensor:
    """`x` (N, C, H, W) normalised; the condition is for the norms that read it."""
    return norm(x, condition) if isinstance(norm, ConditionalNorm) else norm(x)


def make_activation(name: Activation) -> nn.Module:
    """An activation layer by name."""
    if name == "relu":
        return nn.ReLU()
    if name == "leaky_relu":
        return nn.LeakyReLU(LEAK)
    if name == "tanh":
        return nn.Tanh()
    if name == "none":
        return nn.Identity()
    raise ValueError(f"unknown activation {name!r}; valid: relu, leaky_relu, tanh, none")


class ConvBlock(Recomputable):
    """Convolution, norm, dropout, activation: (N, in, H, W) -> (N, out, H', W').

    Args:
        padding: pixels on each side; None keeps the size at stride 1 (kernel // 2).
        reflect: pad by reflection instead of zeros.
        dropout: probability; 0 adds no layer.

    >>> import torch
    >>> ConvBlock(3, 8, stride=2)(torch.zeros(1, 3, 16, 16)).shape
    torch.Size([1, 8, 8, 8])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        padding: int | None = None,
        reflect: bool = False,
        norm: Norm = "instance",
        activation: Activation = "relu",
        bias: bool = True,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.conv = Conv2d(
            in_channels,
            out_channels,
            kernel,
            stride,
            padding=kernel // 2 if padding is None else padding,
            padding_mode="reflect" if reflect else "zeros",
            bias=bias,
        )
        self.norm = make_norm(norm, out_channels)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.activation = make_activation(activation)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        x = normalise(self.norm, self.conv(x), condition)
        return self.activation(self.dropout(x))


class UpBlock(Recomputable):
    """Upsampling by 2, norm, dropout, activation: (N, in, H, W) -> (N, out, 2H, 2W).

    `resize` enlarges by nearest neighbour and convolves (no checkerboard, Odena et al.
    2016); `transposed` is the published networks' transposed convolution, kernel 3 or 4.

    >>> import torch
    >>> UpBlock(8, 4)(torch.zeros(1, 8, 16, 16)).shape
    torch.Size([1, 4, 32, 32])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        mode: Upsampling = "resize",
        kernel: int = 3,
        norm: Norm = "instance",
        activation: Activation = "relu",
        bias: bool = True,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.conv: nn.Conv2d | nn.ConvTranspose2d
        if mode == "transposed":
            self.conv = nn.ConvTranspose2d(
                in_channels,
                out_channels,
                kernel,
                stride=2,
                padding=1,
                output_padding=kernel % 2,  # an odd kernel would give 2H - 1
                bias=bias,
            )
        elif mode == "resize":
            self.conv = Conv2d(
                in_channels, out_channels, 3, padding=1, padding_mode="reflect", bias=bias
            )
        else:
            raise ValueError(f"unknown upsampling {mode!r}; valid: resize, transposed")
        self.resize = mode == "resize"
        self.norm = make_norm(norm, out_channels)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.activation = make_activation(activation)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        if self.resize:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        x = normalise(self.norm, self.conv(x), condition)
        return self.activation(self.dropout(x))


class Chain(nn.Sequential):
    """Blocks one after the other, each of which is shown the condition beside the features."""

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        for block in self:
            x = block(x, condition)
        return x


def concat_condition(x: Tensor, condition: Tensor) -> Tensor:
    """`x` (N, C, H, W) with a condition as further channels.

    A map (N, K, H, W) is joined as it is; a vector (N, K), for example a one-hot class, is
    spread over all pixels.
    """
    if condition.dim() == 2:
        condition = condition[:, :, None, None].expand(-1, -1, *x.shape[2:])
    return torch.cat([condition, x], dim=1)


def downsample(x: Tensor) -> Tensor:
    """The next coarser level of an image pyramid: (N, C, H, W) -> (N, C, ceil(H/2), ceil(W/2)).

    pix2pixHD's average pooling, whose border does not count the padding.
    """
    return F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)


def init_weights(module: nn.Module) -> None:
    """N(0, 0.02) weights, N(1, 0.02) batch-norm scales, zero biases, in place.

    The initialisation of DCGAN (Radford et al. 2016, Sec. 4), which pix2pix and pix2pixHD share. The
    networks here call it themselves.

    Weights on the meta device stay as they are: a draw would load torch's compiler, which takes a
    second, and they have no values.

    >>> network = nn.Sequential(nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64))
    >>> init_weights(network)
    >>> bool(network[0].weight.detach().std() < 0.03), float(network[0].bias.detach().max())
    (True, 0.0)
    """
    if any(weight.is_meta for weight in module.parameters()):
        return
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, INIT_STD)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, INIT_STD)
            nn.init.zeros_(layer.bias)
