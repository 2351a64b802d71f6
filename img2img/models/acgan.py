"""AC-GAN: conditional image synthesis with auxiliary classifier GANs (Odena et al. 2017).

The discriminator is not told the class, but names it: L_S is the adversarial loss (Eq. 2), L_C the
log-likelihood of the right class of real and generated pictures (Eq. 3). D maximises L_S + L_C, G
maximises L_C - L_S (Sec. 3).
"""

from typing import Literal

from torch import Tensor

from img2img.data.spec import DataSpec
from img2img.keys import CLASS, TARGET
from img2img.losses.classes import class_loss
from img2img.models import regularizers
from img2img.models.base import Batch, Terms
from img2img.models.convolutional import ConvolutionalOptions, build_networks
from img2img.models.dcgan import DCGAN_TRAINING
from img2img.models.gan_base import Drawn, GANBase
from img2img.models.latents import Latents


class Weights(regularizers.Weights):
    """Loss weights; L_S and L_C weigh the same (Sec. 3)."""

    label: float = 1.0
    """Weight of naming the class, in the discriminator's loss and in the generator's."""
    label_fake: float = 1.0
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

    def losses(self, update: str, batch: Batch, out: Drawn) -> Terms:
        if update == "g":
            on_fake, class_of_fake = self._judge(out.fake, batch)
            return {
                **self.objective.generator(on_fake),
                "label": class_loss(class_of_fake, out.latents[CLASS]),
            }
        real, fake = batch[TARGET], out.fake
        on_real, class_of_real = self._judge(real, batch)
        on_fake, class_of_fake = self._judge(fake, batch)
        named = class_loss(class_of_fake, out.latents[CLASS]) * self.options.weights.label_fake
        return {
            **self.objective.discriminator(on_real, on_fake, out),
            **self.objective.penalty(lambda picture: self._judge(picture, batch)[0], real, fake),
            "label": class_loss(class_of_real, batch[CLASS]) + named,
        }

    def _judge(self, picture: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The verdict (N, 1), and the classes' logits."""
        outputs = self.judge(picture, batch)
        return outputs[:, :1], outputs[:, 1:]
