"""InfoGAN: interpretable representation learning by information maximizing GANs (Chen et al. 2016).

Beside z, the generator is given codes c, of which the discriminator's layers, with a head of their
own, Q(c | x), must find out what they were: min_{G,Q} max_D V(D, G) - lambda L_I(G, Q) (Eq. 6).
"""

from typing import Literal

from pydantic import Field
from torch import Tensor

from img2img.data.spec import DataSpec
from img2img.errors import ConfigError
from img2img.keys import CATEGORY, CODES
from img2img.losses.classes import categorical_information, continuous_information
from img2img.models import regularizers
from img2img.models.base import Batch, Terms
from img2img.models.convolutional import ConvolutionalOptions, build_networks
from img2img.models.dcgan import DCGAN_TRAINING
from img2img.models.gan_base import Drawn, GANBase
from img2img.models.latents import Latents
from img2img.schema import Weight


class Weights(regularizers.Weights):
    """Loss weights; lambda is 1 (Sec. 6), in the published code for continuous codes too."""

    category: Weight = 1.0
    """Weight of the information on the categorical code."""
    codes: Weight = 1.0
    """Weight of the information on the continuous codes."""


class InfoGANOptions(ConvolutionalOptions):
    """Settings of InfoGAN."""

    # Appendix C.1: 62 numbers of noise, one code of 10 values, two continuous ones; Adam with 0.0002
    # for D and 0.001 for G.
    presets = {"infogan": DCGAN_TRAINING | {"training.lr": 1e-3, "training.d_lr": 2e-4}}

    name: Literal["infogan"] = "infogan"
    """The model."""
    latent: int = Field(62, ge=1)
    """Numbers of the noise z, beside the codes."""
    categories: int = Field(10, ge=0)
    """Values of the categorical code, which is code 1; 0: there is none."""
    codes: int = Field(2, ge=0)
    """Number of continuous codes, uniform in [-1, 1]; they are the codes after the categorical one."""
    weights: Weights = Weights()


class InfoGAN(GANBase[InfoGANOptions]):
    """D and Q are one network but for their heads, and both are trained by the update of D."""

    Options = InfoGANOptions

    def __init__(self, options: InfoGANOptions, spec: DataSpec):
        latents = Latents(
            options.latent, options.noise, categories=options.categories, codes=options.codes
        )
        if not latents.given:
            raise ConfigError(
                "model.categories and model.codes are 0: there is no code to inform of"
            )
        super().__init__(options, spec, latents)
        self.generator, self.discriminator = build_networks(
            options, spec, latents, recognised=latents.given
        )

    def categories(self, picture: Tensor) -> Tensor:
        """The categorical code that Q finds likeliest of pictures (N, C, H, W): (N,) int64."""
        return self.discriminator(picture)[:, 1 : 1 + self.options.categories].argmax(1)

    def naming(self, of_real: Tensor | None, of_fake: Tensor, batch: Batch, out: Drawn) -> Terms:
        """-L_I of the codes that the pictures were drawn with (Eq. 5)."""
        logits, means = of_fake.split([self.options.categories, self.options.codes], dim=1)
        terms: Terms = {}
        if self.options.categories:
            terms["category"] = -categorical_information(logits, out.latents[CATEGORY])
        if self.options.codes:
            terms["codes"] = -continuous_information(means, out.latents[CODES])
        return terms
