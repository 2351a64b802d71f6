"""BEGAN: boundary equilibrium generative adversarial networks (Berthelot et al. 2017).

The discriminator is an autoencoder, L its error: it minimises L(x) - k_t L(G(z)), the generator
L(G(z)) (Sec. 3.4). k_t keeps L(G(z)) at the share gamma of L(x).
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from img2img.data.spec import DataSpec
from img2img.errors import ConfigError
from img2img.keys import TARGET, Z
from img2img.losses.equilibrium import K_RATE, convergence, next_k, reconstruction_loss
from img2img.models.base import Batch, Model, Output, Terms, judgement
from img2img.models.convolutional import picture_side
from img2img.models.latents import Latents, Noise
from img2img.models.regularizers import Regularizers, add_regularizers
from img2img.networks.autoencoder import Autoencoder, Decoder
from img2img.networks.noise import InstanceNoise
from img2img.schema import ModelOptions, Section, Weight


class Weights(Section):
    """Loss weights; the terms stand in the objective as they are, k_t included."""

    real: Weight = 1.0
    """Weight of the error on real pictures."""
    fake: Weight = 1.0
    """Weight of -k_t times the error on generated pictures, in the discriminator's loss."""
    adv: Weight = 1.0
    """Weight of the error on generated pictures, in the generator's loss."""


class BEGANOptions(ModelOptions):
    """Settings of BEGAN."""

    # Sec. 4.1: Adam with 0.0001, batches of 16.
    presets = {
        "began": {
            "training.batch_size": 16,
            "training.lr": 1e-4,
            "training.epochs": 100,
            "training.decay_epochs": 0,
        }
    }

    name: Literal["began"] = "began"
    """The model."""
    latent: int = Field(64, ge=1)
    """Numbers of the noise z, and of what the discriminator encodes a picture as."""
    noise: Noise = "uniform"
    """Distribution of z: uniform in [-1, 1], or normal."""
    width: int = Field(64, ge=1)
    """Channels of the generator's layers."""
    d_width: int = Field(64, ge=1)
    """Channels of the discriminator's layers; those of its encoder grow by as many at each size."""
    gamma: float = Field(0.5, gt=0, le=1)
    """Diversity: the aim for the error on generated pictures, as a share of that on real ones."""
    k_rate: float = Field(K_RATE, gt=0)
    """lambda_k, how fast k_t follows."""
    regularizers: Regularizers = Regularizers()
    weights: Weights = Weights()


class BEGAN(Model[BEGANOptions, Output]):
    """Two autoencoder halves against a whole one, kept in balance.

    k_t is kept with the discriminator's weights, so that a resumed run goes on in balance. With
    several processes, each follows the errors of its own batches.
    """

    Options = BEGANOptions
    task = "generative"
    noise: InstanceNoise

    def __init__(self, options: BEGANOptions, spec: DataSpec):
        super().__init__(options, spec)
        if options.regularizers.minibatch_discrimination:
            raise ConfigError(
                "model.regularizers.minibatch_discrimination: began's discriminator rebuilds pictures and has "
                "no verdict that features of a batch could be added to; leave it out"
            )
        add_regularizers(self, options.regularizers)
        self.latents = Latents(options.latent, options.noise)
        side, hidden = picture_side(spec), options.latent
        shape = {"channels": spec.target.channels, "size": side, "hidden": hidden}
        self.generator = Decoder(width=options.width, **shape)
        self.discriminator = Autoencoder(width=options.d_width, **shape)
        self.discriminator.register_buffer("k", torch.zeros(()))

    @property
    def k(self) -> Tensor:
        """k_t, a scalar."""
        return self.discriminator.get_buffer("k")

    def generate(self, batch: Batch) -> Output:
        real = batch[TARGET]
        return Output(self.translate(self.latents.draw(len(real), real.device)), real)

    def losses(self, update: str, batch: Batch, out: Output) -> Terms:
        if update == "g":
            on_fake = self._error(out.fake)
            # k_t follows the later one, unless it is of an unrolled D.
            out.on_fake = on_fake.detach()
            return {"adv": on_fake}
        on_real, on_fake = self._error(batch[TARGET]), self._error(out.fake)
        out.on_real, out.on_fake = on_real.detach(), on_fake.detach()
        return {"real": on_real, "fake": -self.k * on_fake}

    def _error(self, picture: Tensor) -> Tensor:
        picture = self.noise(picture)
        return reconstruction_loss(picture, self.discriminator(picture))

    def after(self, update: str, out: Output) -> None:
        if update == "d":
            self.noise.advance()
            return
        k, options = self.k, self.options
        new = next_k(k, *judgement(out), gamma=options.gamma, rate=options.k_rate)
        k.copy_(torch.where(new.isfinite(), new, k))  # an update that was skipped leaves k, too

    def observe(self, out: Output) -> Terms:
        measure = convergence(*judgement(out), gamma=self.options.gamma)
        return {"d/convergence": measure, "d/k": self.k.clone()}

    def translate(self, batch: Batch, *, rng: torch.Generator | None = None) -> Tensor:
        return self.generator(batch[Z])
