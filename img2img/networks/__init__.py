"""The networks, for training loops of your own.

>>> import torch
>>> from img2img.networks import MultiscaleDiscriminator, UNet
>>> generator = UNet(in_channels=3, out_channels=3, width=8, depth=4)
>>> discriminator = MultiscaleDiscriminator(in_channels=6, scales=2, width=8)
>>> photo = torch.zeros(1, 3, 64, 64)
>>> features = discriminator(torch.cat([photo, generator(photo)], dim=1))
>>> len(features)
2

Images are float32 (N, C, H, W) in [-1, 1]. All take keyword arguments, and know neither a config nor
a loss. A name imports its own file alone.
"""

from typing import TYPE_CHECKING

from img2img.lazy import lazily

if TYPE_CHECKING:
    from img2img.networks.autoencoder import Autoencoder, Decoder, Encoder
    from img2img.networks.dcgan import DCGANDiscriminator, DCGANGenerator
    from img2img.networks.layers import ConvBlock, UpBlock, init_weights
    from img2img.networks.minibatch import MinibatchDiscrimination
    from img2img.networks.mlp import MaxoutDiscriminator, MLPGenerator
    from img2img.networks.noise import InstanceNoise
    from img2img.networks.padding import AnySize, run_padded
    from img2img.networks.patchgan import MultiscaleDiscriminator, PatchDiscriminator
    from img2img.networks.pix2pixhd import GlobalGenerator, LocalEnhancer, ResidualBlock
    from img2img.networks.pretrained import load_vgg
    from img2img.networks.unet import UNet

__all__ = [
    "AnySize",
    "Autoencoder",
    "ConvBlock",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Decoder",
    "Encoder",
    "GlobalGenerator",
    "InstanceNoise",
    "LocalEnhancer",
    "MLPGenerator",
    "MaxoutDiscriminator",
    "MinibatchDiscrimination",
    "MultiscaleDiscriminator",
    "PatchDiscriminator",
    "ResidualBlock",
    "UNet",
    "UpBlock",
    "init_weights",
    "load_vgg",
    "run_padded",
]

__getattr__ = lazily(
    __name__,
    {
        "AnySize": "padding",
        "Autoencoder": "autoencoder",
        "ConvBlock": "layers",
        "DCGANDiscriminator": "dcgan",
        "DCGANGenerator": "dcgan",
        "Decoder": "autoencoder",
        "Encoder": "autoencoder",
        "GlobalGenerator": "pix2pixhd",
        "InstanceNoise": "noise",
        "LocalEnhancer": "pix2pixhd",
        "MLPGenerator": "mlp",
        "MaxoutDiscriminator": "mlp",
        "MinibatchDiscrimination": "minibatch",
        "MultiscaleDiscriminator": "patchgan",
        "PatchDiscriminator": "patchgan",
        "ResidualBlock": "pix2pixhd",
        "UNet": "unet",
        "UpBlock": "layers",
        "init_weights": "layers",
        "load_vgg": "pretrained",
        "run_padded": "padding",
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
