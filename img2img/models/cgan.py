"""CGAN: conditional generative adversarial nets (Mirza & Osindero 2014), with DCGAN's networks.

The class y, one-hot, is joined to z and to the picture (Sec. 3.2), there to all of its pixels:
min_G max_D E[log D(x | y)] + E[log(1 - D(G(z | y)))] (Eq. 2).
"""

from typing import Literal

from torch import Tensor

from img2img.data.spec import DataSpec
from img2img.keys import CLASS
from img2img.models.base import Batch
from img2img.models.convolutional import ConvolutionalOptions, build_networks
from img2img.models.dcgan import DCGAN_TRAINING
from img2img.models.gan_base import GANBase
from img2img.models.latents import Latents
from img2img.models.regularizers import Weights


class CGANOptions(ConvolutionalOptions):
    """Settings of CGAN."""

    presets = {"cgan": DCGAN_TRAINING}

    name: Literal["cgan"] = "cgan"
    """The model."""
    weights: Weights = Weights()


class CGAN(GANBase[CGANOptions]):
    """Generator and discriminator both know the class; generated pictures are of the real ones'."""

    Options = CGANOptions
    needs_classes = True

    def __init__(self, options: CGANOptions, spec: DataSpec):
        latents = Latents(options.latent, options.noise, classes=spec.class_names)
        super().__init__(options, spec, latents)
        self.generator, self.discriminator = build_networks(
            options, spec, latents, d_given=latents.given
        )

    def draw(self, batch: Batch) -> dict[str, Tensor]:
        return {**super().draw(batch), CLASS: batch[CLASS]}

    def told(self, batch: Batch) -> tuple[Tensor, ...]:
        return self.latents.beside(batch)
