"""The fully connected networks of the first GAN: Goodfellow et al. 2014, Sec. 5, on MNIST.

Sizes, initial weights and dropout are those of the published experiment (mnist.yaml of
github.com/goodfeli/adversarial).
"""

from torch import Tensor, nn

from img2img.networks.minibatch import KERNELS, MinibatchDiscrimination

RANGE, D_RANGE = 0.05, 0.005  # weights are uniform in [-0.05, 0.05], the discriminator's in a tenth
PIECES = 5  # of a maxout unit
KEEP_PICTURE, KEEP_HIDDEN = 0.8, 0.5  # shares of values that dropout keeps


class Maxout(nn.Module):
    """The greatest of several linear functions: (N, inputs) -> (N, units), Goodfellow et al. 2013."""

    def __init__(self, inputs: int, units: int, *, pieces: int = PIECES):
        super().__init__()
        self.linear = nn.Linear(inputs, units * pieces)
        self.shape = (units, pieces)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).unflatten(1, self.shape).amax(2)


class MLPGenerator(nn.Module):
    """z (N, latent) -> image (N, *shape) in [-1, 1], through two layers of rectifiers.

    The generator of the first GAN (Goodfellow et al. 2014, Sec. 5, MNIST).

    Args:
        latent: numbers of z.
        shape: (C, H, W) of the image.
        width: units of a layer.

    >>> import torch
    >>> MLPGenerator(shape=(1, 28, 28), width=32)(torch.zeros(2, 100)).shape
    torch.Size([2, 1, 28, 28])
    """

    def __init__(self, *, latent: int = 100, shape: tuple[int, int, int], width: int = 1200):
        super().__init__()
        channels, height, side = shape
        self.layers = nn.Sequential(
            nn.Linear(latent, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, channels * height * side),
            nn.Tanh(),  # the published sigmoid, for pictures in [-1, 1]
        )
        self.shape = shape
        _init(self, RANGE)

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z).unflatten(1, self.shape)


class MaxoutDiscriminator(nn.Module):
    """image (N, *shape) -> logits (N, 1), through two layers of maxout units with dropout.

    The discriminator of the first GAN (Goodfellow et al. 2014, Sec. 5, MNIST).

    Args:
        shape: (C, H, W) of the image.
        width: units of a layer.
        dropout: 0.2 of the image and 0.5 of the units, as published.
        minibatch: minibatch discrimination before the last layer.

    >>> import torch
    >>> MaxoutDiscriminator(shape=(1, 28, 28), width=32)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 1])
    """

    def __init__(
        self,
        *,
        shape: tuple[int, int, int],
        width: int = 240,
        dropout: bool = True,
        minibatch: bool = False,
    ):
        super().__init__()
        channels, height, side = shape
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Dropout((1 - KEEP_PICTURE) * dropout),
            Maxout(channels * height * side, width),
            nn.Dropout((1 - KEEP_HIDDEN) * dropout),
            Maxout(width, width),
            nn.Dropout((1 - KEEP_HIDDEN) * dropout),
            *([MinibatchDiscrimination(width)] if minibatch else []),
            nn.Linear(width + KERNELS * minibatch, 1),
        )
        _init(self, D_RANGE)

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image)


def _init(network: nn.Module, reach: float) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            nn.init.uniform_(layer.weight, -reach, reach)
            nn.init.zeros_(layer.bias)
