"""DCGAN: deep convolutional generative adversarial networks (Radford et al. 2016).

Under their own names, the same networks have other objectives: LSGAN, WGAN, WGAN-GP, WGAN-div and f-GAN
differ from DCGAN in a loss, an optimizer and a few numbers, which are `PRESETS`.
"""

from typing import Any, Literal

from img2img.data.spec import DataSpec
from img2img.models.convolutional import ConvolutionalOptions, build_networks
from img2img.models.gan_base import GANBase
from img2img.models.latents import Latents
from img2img.models.regularizers import Weights

# Sec. 4: mini-batches of 128, Adam with a learning rate of 0.0002 and beta1 of 0.5 (the defaults).
DCGAN_TRAINING: dict[str, Any] = {
    "training.batch_size": 128,
    "training.epochs": 100,
    "training.decay_epochs": 0,
}
# Gulrajani et al. 2017, Algorithm 1: lambda = 10, n_critic = 5, Adam with 0.0001, 0 and 0.9; no batch
# norm in the critic (Sec. 4). Batches are WGAN's.
PENALISED = DCGAN_TRAINING | {
    "model.adversarial": "wasserstein",
    "model.d_norm": "none",
    "model.critic_steps": 5,
    "training.batch_size": 64,
    "training.lr": 1e-4,
    "training.beta1": 0.0,
    "training.beta2": 0.9,
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
    "wgan_gp": PENALISED | {"model.penalty": "gradient", "model.weights.penalty": 10.0},
    # Wu et al. 2018, Sec. 4: k = 2, p = 6. All else is WGAN-GP's.
    "wgan_div": PENALISED | {"model.penalty": "divergence", "model.weights.penalty": 2.0},
    # Nowozin et al. 2016, Tables 1 and 2; the divergence that comes closest to GAN's own.
    "fgan": DCGAN_TRAINING | {"model.adversarial": "jensen_shannon"},
}


class DCGANOptions(ConvolutionalOptions):
    """Settings of DCGAN, and of LSGAN, WGAN, WGAN-GP, WGAN-div and f-GAN with its networks."""

    presets = PRESETS

    name: Literal["dcgan", "lsgan", "wgan", "wgan_gp", "wgan_div", "fgan"] = "dcgan"
    """The model."""
    weights: Weights = Weights()


class DCGAN(GANBase[DCGANOptions]):
    """z is projected, reshaped and enlarged to a picture, which a convolutional network judges."""

    Options = DCGANOptions

    def __init__(self, options: DCGANOptions, spec: DataSpec):
        super().__init__(options, spec, Latents(options.latent, options.noise))
        self.generator, self.discriminator = build_networks(options, spec, self.latents)
