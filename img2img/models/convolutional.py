"""DCGAN's networks and objective by a model's options: what DCGAN, CGAN, AC-GAN and InfoGAN share."""

from typing import Annotated

import torch
from pydantic import Field
from torch import nn

from img2img.data.spec import DataSpec
from img2img.errors import ConfigError
from img2img.keys import Z
from img2img.models.latents import Latents
from img2img.models.regularizers import GANOptions
from img2img.networks.dcgan import DCGANDiscriminator, DCGANGenerator, levels_of
from img2img.networks.layers import NORMS, Upsampling
from img2img.networks.reference import Referenced
from img2img.schema import OneOf

REFERENCED = ("reference", "virtual")  # batch norms by the statistics of a reference batch
AnyNorm = Annotated[str, OneOf(NORMS, REFERENCED)]


class ConvolutionalOptions(GANOptions):
    """Settings of networks that are convolutional all through."""

    width: int = Field(128, ge=1)
    """Channels before the generator's last layer, doubled with every halving of the size."""
    d_width: int = Field(64, ge=1)
    """Channels of the discriminator's first layer, doubled with every halving of the size."""
    norm: AnyNorm = "batch"
    """Norm layers of the generator; reference is batch norm by the statistics of a batch that is drawn
    once and kept, virtual by those of this batch and the picture itself together."""
    d_norm: AnyNorm = "batch"
    """Norm layers of the discriminator."""
    references: int = Field(64, ge=2)
    """Pictures in the batch that is kept for reference and virtual norms."""
    up: Upsampling = "transposed"
    """How the generator enlarges: resizing followed by a convolution, or a transposed convolution."""


def build_networks(
    options: ConvolutionalOptions,
    spec: DataSpec,
    latents: Latents,
    *,
    d_given: int = 0,
    outputs: int = 1,
    recognised: int = 0,
    features: bool = False,
) -> tuple[nn.Module, nn.Module]:
    """The generator and the discriminator for a run's pictures.

    Args:
        d_given: numbers that the discriminator takes beside the picture.
        outputs: numbers that the discriminator says of a picture.
        recognised: numbers that it finds by a head with a layer of its own.
        features: it shows its last feature map, too.

    Raises:
        ConfigError: pictures of a size that these networks do not make, or have no norm for.
    """
    shape = {"channels": spec.target.channels, "size": picture_side(spec)}
    generator: nn.Module = DCGANGenerator(
        latent=latents.size,
        classes=latents.given,
        width=options.width,
        norm=_built(options.norm),
        up=options.up,
        **shape,
    )
    discriminator: nn.Module = DCGANDiscriminator(
        classes=d_given,
        outputs=outputs,
        recognised=recognised,
        features=features,
        width=options.d_width,
        norm=_built(options.d_norm),
        minibatch=options.regularizers.minibatch_discrimination,
        **shape,
    )
    count = options.references
    if options.norm in REFERENCED:
        drawn = latents.draw(count, torch.get_default_device())
        generator = Referenced(
            generator, drawn[Z], *latents.beside(drawn), virtual=options.norm == "virtual"
        )
    if options.d_norm in REFERENCED:
        if levels_of(shape["size"]) < 2:
            raise ConfigError(
                f"model.d_norm={options.d_norm}: for pictures of under 16 pixels a side the "
                "discriminator has no norm layers; leave it out"
            )
        # The pictures are not known yet; see `abilities.KeepsReferences`.
        pictures = torch.zeros(count, shape["channels"], shape["size"], shape["size"])
        told = [torch.zeros(count, d_given)] if d_given else []
        discriminator = Referenced(
            discriminator, pictures, *told, virtual=options.d_norm == "virtual"
        )
    return generator, discriminator


def _built(norm: str) -> str:
    """The norm that a network is built with."""
    return "batch" if norm in REFERENCED else norm


def picture_side(spec: DataSpec) -> int:
    """The side of the training pictures in pixels.

    Raises:
        ConfigError: they are not square, or cannot be halved down to 4 to 7 pixels.
    """
    height, width = spec.one_size
    try:
        if height != width:
            raise ValueError
        levels_of(height)
    except ValueError as error:
        raise ConfigError(
            f"the networks make squares of 4 to 7 times a power of two, such as 28, 32 or 64 pixels, "
            f"but the pictures are {width}x{height}; set data.resize=64, or data.resize_width and "
            "data.crop=64"
        ) from error
    return height
