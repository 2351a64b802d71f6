"""Generators by a model's options, and what two of them share."""

import sys
from functools import cache
from typing import Annotated

from pydantic import BeforeValidator
from torch import nn

from img2img.data.spec import DataSpec
from img2img.losses.adversarial import FORMER_KINDS, Adversarial
from img2img.networks.layers import NORMS
from img2img.networks.pix2pixhd import GlobalGenerator, LocalEnhancer
from img2img.networks.unet import UNet, default_depth
from img2img.progress import say
from img2img.schema import OneOf, Section

NormName = Annotated[str, OneOf(NORMS)]


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


# The setting of pix2pix and pix2pixHD.
AdversarialKind = Annotated[Adversarial, BeforeValidator(_present)]


def build_generator(options: Section, spec: DataSpec, in_channels: int) -> nn.Module:
    """The generator that the options of pix2pix or pix2pixHD name.

    "unet" (Isola et al. 2017, Sec. 3.2), "resnet" (Johnson et al. 2016), which is "global" (Wang et al.
    2018, Sec. 3.1) with dropout, or "enhancer" (Sec. 3.2).
    """
    out_channels = spec.target.channels
    shared = {
        "in_channels": in_channels,
        "norm": options.norm,
        "up": options.up,
        "bias": options.bias,
    }
    depth = options.depth or default_depth(spec.size)
    unet = {"depth": depth, "dropout": options.dropout, **shared}
    residual = {"n_down": options.n_down, "n_blocks": options.n_blocks, **shared}
    if options.generator == "resnet":
        residual["dropout"] = options.dropout
    if options.generator in ("global", "resnet"):
        return GlobalGenerator(out_channels=out_channels, width=options.width, **residual)
    if options.generator == "unet":
        return UNet(out_channels=out_channels, width=options.width, **unet)
    # The coarse generator ends in the channels that the first stage adds to its own.
    coarse_width = options.width << options.n_enhancers
    if options.coarse == "global":
        coarse = GlobalGenerator(out_channels=None, width=coarse_width, **residual)
    else:
        coarse = UNet(out_channels=None, width=coarse_width, **unet)
    return LocalEnhancer(
        coarse,
        out_channels=out_channels,
        width=options.width,
        n_enhancers=options.n_enhancers,
        n_blocks=options.n_blocks_enhancer,
        **shared,
    )


def makes_image(name: str) -> bool:
    """Whether a parameter of a plain generator belongs to its last layer, which enhancers lack."""
    return name.startswith("head.") and not name.startswith(("head.up.", "head.mix."))
