"""AC-GAN: conditional image synthesis with auxiliary classifier GANs (Odena et al. 2017).

The discriminator is not told the class, but names it: L_S is the adversarial loss (Eq. 2), L_C the
log-likelihood of the right class of real and generated pictures (Eq. 3). D maximises L_S + L_C, G
maximises L_C - L_S (Sec. 3).
"""

from typing import Literal

from torch import Tensor

from img2img.data.spec import DataSpec
from img2img.keys import CLASS
from img2img.losses.classes import class_loss
from img2img.models import regularizers
from img2img.models.base import Batch, Terms
from img2img.models.convolutional import ConvolutionalOptions, build_networks
from img2img.models.dcgan import DCGAN_TRAINING
from img2img.models.gan_base import Drawn, GANBase
from img2img.models.latents import Latents
from img2img.schema import Weight


class Weights(regularizers.Weights):
    """Loss weights; L_S and L_C weigh the same (Sec. 3)."""

    label: Weight = 1.0
    """Weight of naming the class, in the discriminator's loss and in the generator's."""
    label_fake: Weight = 1.0
    """What generated pictures count in that for the discriminator, beside real ones; with 0 it learns
    the classes from real pictures alone, and does not come to terms with the generator. What either
    does is measured in docs/gan-core.md."""


class ACGANOptions(ConvolutionalOptions):
    """Settings of AC-GAN."""

    presets = {"acgan": DCGAN_TRAINING}

    name: Literal["acgan"] = "acgan"
    """The model."""
    weights: Weights = Weights()


class ACGAN(GANBase[ACGANOptions]):
    """A discriminator with two heads: real or generated, and which class."""

    Options = ACGANOptions
    needs_classes = True

    def __init__(self, options: ACGANOptions, spec: DataSpec):
        latents = Latents(options.latent, options.noise, classes=spec.class_names)
        super().__init__(options, spec, latents)
        self.generator, self.discriminator = build_networks(
            options, spec, latents, outputs=1 + latents.given
        )

    def naming(self, of_real: Tensor | None, of_fake: Tensor, batch: Batch, out: Drawn) -> Terms:
        label = class_loss(of_fake, out.latents[CLASS])
        if of_real is not None:
            label = class_loss(of_real, batch[CLASS]) + label * self.options.weights.label_fake
        return {"label": label}
