"""The settings that all GANs share, regularizers among them."""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from img2img.losses.generative import Kind
from img2img.models.base import Model, Update
from img2img.models.latents import Noise
from img2img.networks.noise import InstanceNoise
from img2img.schema import ModelOptions, Section, Weight

Penalty = Literal["none", "gradient", "divergence"]


class Weights(Section):
    """Loss weights; in the papers' objectives all are 1 but the penalty's, and those of LSGAN's terms 1/2."""

    real: Weight = 1.0
    """Weight of the discriminator's loss on real pictures."""
    fake: Weight = 1.0
    """Weight of the discriminator's loss on generated pictures."""
    adv: Weight = 1.0
    """Weight of the generator's adversarial loss."""
    penalty: Weight = 10.0
    """Weight of the penalty on the discriminator's gradient."""


class Regularizers(Section):
    """What helps a training along, alone or together; what cannot be combined says so."""

    instance_noise: float = Field(0.0, ge=0)
    """Standard deviation of noise on the real and generated pictures that the discriminator judges in
    training, which span -1 to 1; 0: none. A reference batch has none."""
    instance_noise_steps: PositiveInt | None = None
    """Steps in which this noise falls in a line to 0; null: it stays."""
    minibatch_discrimination: bool = False
    """Let the discriminator see how alike the pictures of its batch are; not in began, nor with a
    penalty on the gradient."""
    unrolled: int = Field(0, ge=0)
    """Steps of the discriminator that the generator looks ahead, which takes the time of as many
    steps; 0: none. Weights are not clipped in these; not in fp16."""

    @model_validator(mode="after")
    def _noise_that_falls(self) -> "Regularizers":
        if self.instance_noise_steps and not self.instance_noise:
            raise ValueError(
                "instance_noise_steps without instance_noise: set how strong it is, such as 0.1"
            )
        return self


class GANOptions(ModelOptions):
    """Settings of GANs that draw from noise, whatever the networks are."""

    latent: int = Field(100, ge=1)
    """Numbers of the noise z."""
    noise: Noise = "uniform"
    """Distribution of z: uniform in [-1, 1], or normal."""
    adversarial: Kind = "non_saturating"
    """Adversarial loss: an objective of 2014 (minimax; non_saturating, whose gradient is strong early on;
    or max_likelihood), least squares, Wasserstein, or an f-divergence."""
    critic_steps: int = Field(1, ge=1)
    """Steps of the discriminator for one of the generator; all of them count as steps."""
    real_label: float = Field(1.0, gt=0, le=1)
    """Label of real pictures; 0.9 is one-sided label smoothing. For losses that have labels: those of
    2014 and least squares."""
    penalty: Penalty = "none"
    """Penalty on the discriminator's gradient: that of WGAN-GP, or that of WGAN-div."""
    clip: float = Field(0.0, ge=0)
    """Greatest absolute weight of the discriminator; 0: weights are not clipped."""
    regularizers: Regularizers = Regularizers()


def add_regularizers(model: Model, chosen: Regularizers, *, k: int = 1) -> None:
    """Gives a model of a `generator` and a `discriminator` its updates, `noise` and least batch.

    The discriminator is stepped first, the generator every k steps, looking ahead where asked to.
    """
    ahead = ("d", chosen.unrolled) if chosen.unrolled else None
    model.updates = (
        Update("d", ("discriminator",), "discriminator"),
        Update("g", ("generator",), "generator", every=k, ahead=ahead),
    )
    model.double_backward = ("discriminator",) if ahead else ()
    model.least_batch = 2 if chosen.minibatch_discrimination else 1
    model.noise = InstanceNoise(chosen.instance_noise, steps=chosen.instance_noise_steps)
    model.extra_state = ("noise",) if chosen.instance_noise else ()
