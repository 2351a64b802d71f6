"""DCGAN's networks and game by a model's options: what DCGAN, CGAN, AC-GAN and InfoGAN share."""

from pydantic import Field

from img2img.data.spec import DataSpec
from img2img.errors import ConfigError
from img2img.losses.generative import Kind
from img2img.models import game
from img2img.models.game import Game, Penalty
from img2img.models.latents import Latents, Noise
from img2img.networks.dcgan import DCGANDiscriminator, DCGANGenerator, levels_of
from img2img.networks.layers import Norm, Upsampling
from img2img.schema import Section


class ConvolutionalOptions(Section):
    """Settings of networks that are convolutional all through."""

    latent: int = Field(100, ge=1)
    """Numbers of the noise z."""
    noise: Noise = "uniform"
    """Distribution of z: uniform in [-1, 1], or normal."""
    width: int = Field(128, ge=1)
    """Channels before the generator's last layer, doubled with every halving of the size."""
    d_width: int = Field(64, ge=1)
    """Channels of the discriminator's first layer, doubled with every halving of the size."""
    norm: Norm = "batch"
    """Norm layers of the generator."""
    d_norm: Norm = "batch"
    """Norm layers of the discriminator."""
    up: Upsampling = "transposed"
    """How the generator enlarges: resizing followed by a convolution, or a transposed convolution."""
    adversarial: Kind = "non_saturating"
    """Adversarial loss: a game of 2014, least squares, Wasserstein, or an f-divergence."""
    critic_steps: int = Field(1, ge=1)
    """Steps of the discriminator for one of the generator; all of them count as steps."""
    real_label: float = Field(1.0, gt=0, le=1)
    """Label of real pictures; 0.9 is one-sided label smoothing."""
    penalty: Penalty = "none"
    """Penalty on the discriminator's gradient: that of WGAN-GP, or that of WGAN-div."""
    clip: float = Field(0.0, ge=0)
    """Greatest absolute weight of the discriminator; 0: weights are not clipped."""


class Weights(game.Weights):
    """Loss weights; the adversarial terms stand in the papers' objectives as they are."""

    penalty: float = 10.0
    """Weight of the penalty on the discriminator's gradient."""


def build_game(options: ConvolutionalOptions) -> Game:
    """The game that the options name.

    Raises:
        ConfigError: settings that exclude each other.
    """
    if options.penalty != "none" and options.d_norm == "batch":
        raise ConfigError(
            f"model.penalty={options.penalty} is on the gradient of one picture's score, which batch "
            "norm mixes with the others': set model.d_norm=none or instance"
        )
    return Game(
        options.adversarial,
        k=options.critic_steps,
        real_label=options.real_label,
        penalty=options.penalty,
        clip=options.clip,
    )


def build_networks(
    options: ConvolutionalOptions,
    spec: DataSpec,
    latents: Latents,
    *,
    d_given: int = 0,
    outputs: int = 1,
) -> tuple[DCGANGenerator, DCGANDiscriminator]:
    """The generator and the discriminator for a run's pictures.

    Args:
        d_given: numbers that the discriminator takes beside the picture.
        outputs: numbers that the discriminator says of a picture.

    Raises:
        ConfigError: pictures of a size that these networks do not make.
    """
    shape = {"channels": spec.target.channels, "size": picture_side(spec)}
    generator = DCGANGenerator(
        latent=latents.size,
        classes=latents.given,
        width=options.width,
        norm=options.norm,
        up=options.up,
        **shape,
    )
    discriminator = DCGANDiscriminator(
        classes=d_given, outputs=outputs, width=options.d_width, norm=options.d_norm, **shape
    )
    return generator, discriminator


def picture_side(spec: DataSpec) -> int:
    """The side of the training pictures in pixels.

    Raises:
        ConfigError: they are not square, or cannot be halved down to 4 to 7 pixels.
    """
    height, width = spec.size
    try:
        if height != width:
            raise ValueError
        levels_of(height)
    except ValueError as error:
        raise ConfigError(
            f"the networks make squares of 4 to 7 times a power of two, such as 28, 32 or 64 pixels, "
            f"but the pictures are {width}x{height}; set data.resize=64, or data.resize_width and "
            "data.crop=64"
        ) from error
    return height
