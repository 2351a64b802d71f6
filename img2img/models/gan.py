"""GAN: generative adversarial nets (Goodfellow et al. 2014), fully connected as in the paper.

min_G max_D E[log D(x)] + E[log(1 - D(G(z)))] (Eq. 1), by k steps of D and one of G (Algorithm 1).
"""

from typing import Literal

from pydantic import Field

from img2img.data.spec import DataSpec
from img2img.models.game import Game, Players, Weights
from img2img.models.latents import Latents, Noise
from img2img.networks.mlp import MaxoutDiscriminator, MLPGenerator
from img2img.schema import Section


class Options(Section):
    """Settings of GAN."""

    # Batch 100 is the published experiment's, which trains by gradient descent with momentum; here
    # it is Adam as in DCGAN.
    presets = {
        "gan": {"training.batch_size": 100, "training.epochs": 100, "training.decay_epochs": 0}
    }

    name: Literal["gan"] = "gan"
    """The model."""
    latent: int = Field(100, ge=1)
    """Numbers of the noise z."""
    noise: Noise = "uniform"
    """Distribution of z: uniform in [-1, 1], or normal."""
    width: int = Field(1200, ge=1)
    """Rectifiers in each of the generator's two layers."""
    d_width: int = Field(240, ge=1)
    """Maxout units in each of the discriminator's two layers."""
    adversarial: Literal["minimax", "non_saturating", "max_likelihood"] = "non_saturating"
    """The generator's loss: that of Eq. 1; its gradient made strong early on (Sec. 3); or one that
    makes it maximum likelihood (Goodfellow 2016, Sec. 3.2.4)."""
    critic_steps: int = Field(1, ge=1)
    """k, steps of the discriminator for one of the generator; all of them count as steps."""
    real_label: float = Field(1.0, gt=0, le=1)
    """Label of real pictures; 0.9 is one-sided label smoothing."""
    weights: Weights = Weights()


class GAN(Players):
    """Two perceptrons with two hidden layers each."""

    Options = Options

    def __init__(self, options: Options, spec: DataSpec):
        game = Game(options.adversarial, k=options.critic_steps, real_label=options.real_label)
        super().__init__(options, spec, game, Latents(options.latent, options.noise))
        shape = (spec.target.channels, *spec.size)
        self.generator = MLPGenerator(latent=options.latent, shape=shape, width=options.width)
        self.discriminator = MaxoutDiscriminator(shape=shape, width=options.d_width)
