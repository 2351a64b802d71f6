"""What pix2pix and pix2pixHD share: most of their settings, and generators by them."""

import sys
from functools import cache
from typing import Annotated

from pydantic import BeforeValidator, Field

from img2img.data.spec import DataSpec
from img2img.losses.adversarial import FORMER_KINDS, Adversarial
from img2img.networks.layers import NORMS, Upsampling
from img2img.networks.padding import AnySize
from img2img.networks.pix2pixhd import GlobalGenerator
from img2img.networks.unet import UNet, default_depth
from img2img.progress import say
from img2img.schema import ModelOptions, OneOf, Section, Weight


@cache
def _tell(former: str, now: str) -> None:
    """Once in a process: a run's config is read several times."""
    say(f"model.adversarial: {former} is called {now} now, and read as that", file=sys.stderr)


def _present(kind: object) -> object:
    """A kind of adversarial loss by its present name."""
    if isinstance(kind, str) and kind in FORMER_KINDS:
        _tell(kind, FORMER_KINDS[kind])
        return FORMER_KINDS[kind]
    return kind


class TranslationWeights(Section):
    """Loss weights: the discriminator's objective is halved, L1 weighs 100 (Isola et al. 2017, Sec. 3.3, 6.2)."""

    real: Weight = 0.5
    """Weight of the discriminator's loss on real pictures."""
    fake: Weight = 0.5
    """Weight of the discriminator's loss on generated pictures."""
    adv: Weight = 1.0
    """Weight of the generator's adversarial loss."""
    l1: Weight = 100.0
    """Weight of the mean absolute difference to the target."""


class TranslationOptions(ModelOptions):
    """Settings of pix2pix and pix2pixHD; what is not alike in both, each of them says again."""

    generator: str
    """The generator."""
    width: int = Field(64, ge=1)
    """Channels of the generator's first layer."""
    depth: int | None = Field(None, ge=2)
    """Downsamplings of a U-Net; null: 8, fewer for small pictures."""
    n_down: int = Field(2, ge=1)
    """Downsamplings of the ResNet."""
    n_blocks: int = Field(9, ge=0)
    """Residual blocks of the ResNet."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout of a U-Net."""
    boundary: bool = False
    """Join the boundary map of the instances, or else of the labels, to the input."""
    d_width: int = Field(64, ge=1)
    """Channels of the discriminator's first layer."""
    norm: Annotated[str, OneOf(NORMS)] = "instance"
    """Norm layers of all networks."""
    own_statistics: bool = True
    """Batch norm takes each picture's own statistics when translating."""
    bias: bool = True
    """Convolutions before a norm have a bias."""
    up: Upsampling = "resize"
    """How the generator enlarges: resizing followed by a convolution, or a transposed convolution."""
    adversarial: Annotated[Adversarial, BeforeValidator(_present)] = "lsgan"
    """Adversarial loss: least squares, or cross-entropy."""


def build_generator(
    options: TranslationOptions,
    spec: DataSpec,
    in_channels: int,
    *,
    kind: str,
    width: int,
    head: bool = True,
) -> AnySize:
    """A generator by the options of pix2pix or pix2pixHD.

    Args:
        kind: "unet" (Isola et al. 2017, Sec. 3.2), "resnet" (Johnson et al. 2016), or "global" (Wang
            et al. 2018, Sec. 3.1), which is the same without dropout.
        width: channels at its full resolution.
        head: False leaves out the last layer: an enhancer builds on the features.
    """
    out_channels = spec.target.channels if head else None
    if kind == "unet":
        return UNet(
            in_channels=in_channels,
            out_channels=out_channels,
            width=width,
            depth=options.depth or default_depth(spec.size),
            norm=options.norm,
            up=options.up,
            dropout=options.dropout,
            bias=options.bias,
        )
    return GlobalGenerator(
        in_channels=in_channels,
        out_channels=out_channels,
        width=width,
        n_down=options.n_down,
        n_blocks=options.n_blocks,
        norm=options.norm,
        up=options.up,
        bias=options.bias,
        dropout=options.dropout if kind == "resnet" else 0.0,
    )


def makes_image(name: str) -> bool:
    """Whether a parameter of a plain generator belongs to its last layer, which enhancers lack."""
    return name.startswith("head.") and not name.startswith(("head.up.", "head.mix."))
