"""DCGAN: deep convolutional generative adversarial networks (Radford et al. 2016).

Under their own names, the same networks play other games: LSGAN, WGAN, WGAN-GP, WGAN-div and f-GAN
differ from DCGAN in a loss, an optimizer and a few numbers, which are `PRESETS`.
"""

from typing import Literal

from torch import Tensor

from img2img.data.spec import DataSpec
from img2img.models.base import Batch, Model, Terms
from img2img.models.convolutional import (
    ConvolutionalOptions,
    Weights,
    build_game,
    build_networks,
)
from img2img.models.latents import Latents

# Sec. 4: mini-batches of 128, Adam with a learning rate of 0.0002 and beta1 of 0.5 (the defaults).
DCGAN_TRAINING = {
    "training.batch_size": 128,
    "training.epochs": 100,
    "training.decay_epochs": 0,
}
PRESETS = {
    "dcgan": DCGAN_TRAINING,
    # Mao et al. 2017, Eq. 9.
    "lsgan": DCGAN_TRAINING | {"model.adversarial": "lsgan"},
    # Arjovsky et al. 2017, Algorithm 1: c = 0.01, m = 64, n_critic = 5, RMSprop with 0.00005;
    # 0.99 is the decay of PyTorch's RMSprop, which its published code leaves as it is.
    "wgan": DCGAN_TRAINING
    | {
        "model.adversarial": "wasserstein",
        "model.clip": 0.01,
        "model.critic_steps": 5,
        "training.batch_size": 64,
        "training.optimizer": "rmsprop",
        "training.lr": 5e-5,
        "training.beta2": 0.99,
    },
    # Gulrajani et al. 2017, Algorithm 1: lambda = 10, n_critic = 5, m = 64, Adam with 0.0001, 0 and
    # 0.9; no batch norm in the critic (Sec. 4).
    "wgan_gp": DCGAN_TRAINING
    | {
        "model.adversarial": "wasserstein",
        "model.penalty": "gradient",
        "model.weights.penalty": 10.0,
        "model.d_norm": "none",
        "model.critic_steps": 5,
        "training.batch_size": 64,
        "training.lr": 1e-4,
        "training.beta1": 0.0,
        "training.beta2": 0.9,
    },
    # Wu et al. 2018, Sec. 4: k = 2, p = 6, and the rest as WGAN-GP.
    "wgan_div": DCGAN_TRAINING
    | {
        "model.adversarial": "wasserstein",
        "model.penalty": "divergence",
        "model.weights.penalty": 2.0,
        "model.d_norm": "none",
        "model.critic_steps": 5,
        "training.batch_size": 64,
        "training.lr": 1e-4,
        "training.beta1": 0.0,
        "training.beta2": 0.9,
    },
    # Nowozin et al. 2016, Tables 1 and 2; the divergence that comes closest to GAN's own.
    "fgan": DCGAN_TRAINING | {"model.adversarial": "jensen_shannon"},
}


class Options(ConvolutionalOptions):
    """Settings of DCGAN, and of LSGAN, WGAN, WGAN-GP, WGAN-div and f-GAN with its networks."""

    presets = PRESETS

    name: Literal["dcgan", "lsgan", "wgan", "wgan_gp", "wgan_div", "fgan"] = "dcgan"
    """The model."""
    weights: Weights = Weights()


class DCGAN(Model):
    """z is projected, reshaped and enlarged to a picture, which a convolutional network judges."""

    Options = Options
    takes = "pictures"

    def __init__(self, options: Options, spec: DataSpec):
        super().__init__(options, spec)
        self.game = build_game(options)
        self.updates = self.game.updates
        self.latents = Latents(options.latent, options.noise)
        self.generator, self.discriminator = build_networks(options, spec)

    def generate(self, batch: Batch) -> dict[str, Tensor]:
        real = batch["target"]
        return {"fake": self.translate(self.latents.draw(len(real), real.device))}

    def losses(self, update: str, batch: Batch, out: dict[str, Tensor]) -> Terms:
        if update == "g":
            return self.game.generator(self.discriminator(out["fake"]))
        real, fake = batch["target"], out["fake"].detach()
        terms = self.game.discriminator(self.discriminator(real), self.discriminator(fake), out)
        return terms | self.game.penalty(self.discriminator, real, fake)

    def after(self, update: str, out: dict[str, Tensor]) -> None:
        if update == "d":
            self.game.clip(self.discriminator)

    def observe(self, batch: Batch, out: dict[str, Tensor]) -> Terms:
        return self.game.observe(out)

    def translate(self, batch: Batch) -> Tensor:
        return self.generator(batch["z"])
