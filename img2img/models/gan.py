"""GAN: generative adversarial nets (Goodfellow et al. 2014), fully connected as in the paper.

min_G max_D E[log D(x)] + E[log(1 - D(G(z)))] (Eq. 1), by k steps of D and one of G (Algorithm 1).
"""

from typing import Literal

from pydantic import Field
from torch import Tensor

from img2img.data.spec import DataSpec
from img2img.models.base import Batch, Model, Terms
from img2img.models.game import Game
from img2img.models.latents import Latents, Noise
from img2img.networks.mlp import MaxoutDiscriminator, MLPGenerator
from img2img.schema import Section


class Weights(Section):
    """Loss weights; the terms stand in Eq. 1 as they are."""

    real: float = 1.0
    """Weight of the discriminator's loss on real pictures."""
    fake: float = 1.0
    """Weight of the discriminator's loss on generated pictures."""
    adv: float = 1.0
    """Weight of the generator's adversarial loss."""


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


class GAN(Model):
    """Two perceptrons with two hidden layers each."""

    Options = Options
    takes = "pictures"

    def __init__(self, options: Options, spec: DataSpec):
        super().__init__(options, spec)
        self.game = Game(options.adversarial, k=options.critic_steps, real_label=options.real_label)
        self.updates = self.game.updates
        self.latents = Latents(options.latent, options.noise)
        shape = (spec.target.channels, *spec.size)
        self.generator = MLPGenerator(latent=options.latent, shape=shape, width=options.width)
        self.discriminator = MaxoutDiscriminator(shape=shape, width=options.d_width)

    def generate(self, batch: Batch) -> dict[str, Tensor]:
        real = batch["target"]
        return {"fake": self.translate(self.latents.draw(len(real), real.device))}

    def losses(self, update: str, batch: Batch, out: dict[str, Tensor]) -> Terms:
        if update == "g":
            return self.game.generator(self.discriminator(out["fake"]))
        on_real = self.discriminator(batch["target"])
        on_fake = self.discriminator(out["fake"].detach())
        return self.game.discriminator(on_real, on_fake, out)

    def observe(self, batch: Batch, out: dict[str, Tensor]) -> Terms:
        return self.game.observe(out)

    def translate(self, batch: Batch) -> Tensor:
        return self.generator(batch["z"])
