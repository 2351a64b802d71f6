"""GAN: generative adversarial nets (Goodfellow et al. 2014), fully connected as in the paper.

min_G max_D E[log D(x)] + E[log(1 - D(G(z)))] (Eq. 1), by k steps of D and one of G (Algorithm 1).
"""

from typing import Literal

from pydantic import Field

from img2img.data.spec import DataSpec
from img2img.models.gan_base import GANBase
from img2img.models.latents import Latents
from img2img.models.regularizers import GANOptions, Weights
from img2img.networks.mlp import MaxoutDiscriminator, MLPGenerator


class PerceptronOptions(GANOptions):
    """Settings of GAN."""

    # The published experiment's (mnist.yaml of github.com/goodfeli/adversarial): batches of 100, and
    # gradient descent with 0.1 and momentum, which it raises from 0.5 to 0.7 in 250 epochs; here it
    # stays. Its pictures are in [0, 1]. The discriminator of ours, in [-1, 1], diverges with 0.1
    # within 400 steps, so its rate is a fifth (docs/gan-core.md).
    presets = {
        "gan": {
            "training.batch_size": 100,
            "training.epochs": 100,
            "training.decay_epochs": 0,
            "training.optimizer": "sgd",
            "training.lr": 0.1,
            "training.d_lr": 0.02,
            "training.momentum": 0.5,
        }
    }

    name: Literal["gan"] = "gan"
    """The model."""
    width: int = Field(1200, ge=1)
    """Rectifiers in each of the generator's two layers."""
    d_width: int = Field(240, ge=1)
    """Maxout units in each of the discriminator's two layers."""
    d_dropout: bool = True
    """Dropout in the discriminator, as in the published experiment."""
    weights: Weights = Weights()


class GAN(GANBase[PerceptronOptions]):
    """Two perceptrons with two hidden layers each."""

    Options = PerceptronOptions

    def __init__(self, options: PerceptronOptions, spec: DataSpec):
        super().__init__(options, spec, Latents(options.latent, options.noise))
        shape = (spec.target.channels, *spec.one_size)
        self.generator = MLPGenerator(latent=options.latent, shape=shape, width=options.width)
        self.discriminator = MaxoutDiscriminator(
            shape=shape,
            width=options.d_width,
            dropout=options.d_dropout,
            minibatch=options.regularizers.minibatch_discrimination,
        )
