"""BEGAN's networks: Berthelot et al. 2017, Sec. 3.5 and Fig. 1.

3x3 convolutions, two at each size, with exponential linear units. The encoder downsamples by
strided convolutions, with as many more channels each time; the decoder doubles by nearest neighbour.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from img2img.networks.convolution import Conv2d
from img2img.networks.dcgan import levels_of


def _sizes(size: int) -> tuple[int, int]:
    """How many downsamplings a side takes, and what is left: 8 to 14 pixels, the paper's 8 for 32 and 64.

    Raises:
        ValueError: as `levels_of`.
    """
    levels = max(1, levels_of(size) - 1)
    return levels, size >> levels


def _convolutions(in_channels: int, out_channels: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        Conv2d(in_channels, in_channels, 3, padding=1),
        nn.ELU(),
        Conv2d(in_channels, out_channels, 3, stride=stride, padding=1),
        nn.ELU(),
    )


class Encoder(nn.Module):
    """image (N, channels, size, size) -> h (N, hidden): BEGAN's (Berthelot et al. 2017, Fig. 1).

    Args:
        channels: of the image.
        size: its side in pixels, 4 to 7 times a power of two.
        hidden: numbers of the code.
        width: channels at full resolution; as many more at every further one.

    >>> import torch
    >>> Encoder(channels=3, size=32, width=8)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 64])
    """

    def __init__(self, *, channels: int, size: int, hidden: int = 64, width: int = 64):
        super().__init__()
        levels, last = _sizes(size)
        self.stem = nn.Sequential(Conv2d(channels, width, 3, padding=1), nn.ELU())
        self.down = nn.Sequential(
            *(_convolutions(width * i, width * (i + 1), stride=2) for i in range(1, levels + 1))
        )
        top = width * (levels + 1)
        self.last = _convolutions(top, top)
        self.hide = nn.Linear(top * last**2, hidden)  # not followed by a nonlinearity

    def forward(self, image: Tensor) -> Tensor:
        return self.hide(self.last(self.down(self.stem(image))).flatten(1))


class Decoder(nn.Module):
    """h (N, hidden) -> image (N, channels, size, size); BEGAN's generator is one of z.

    The values have no bound: there is no tanh. Arguments are as of `Encoder`.

    >>> import torch
    >>> Decoder(channels=3, size=32, width=8)(torch.zeros(2, 64)).shape
    torch.Size([2, 3, 32, 32])
    """

    def __init__(self, *, channels: int, size: int, hidden: int = 64, width: int = 64):
        super().__init__()
        levels, first = _sizes(size)
        self.shape = (width, first, first)
        self.project = nn.Linear(hidden, width * first**2)
        self.levels = nn.ModuleList(_convolutions(width, width) for _ in range(levels + 1))
        self.head = Conv2d(width, channels, 3, padding=1)

    def forward(self, h: Tensor) -> Tensor:
        x = self.project(h).unflatten(1, self.shape)
        for number, level in enumerate(self.levels):
            x = level(F.interpolate(x, scale_factor=2) if number else x)
        return self.head(x)


class Autoencoder(nn.Module):
    """image (N, channels, size, size) -> its reconstruction: BEGAN's discriminator.

    Arguments are as of `Encoder`.

    >>> import torch
    >>> Autoencoder(channels=3, size=32, width=8)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 3, 32, 32])
    """

    def __init__(self, *, channels: int, size: int, hidden: int = 64, width: int = 64):
        super().__init__()
        self.encoder = Encoder(channels=channels, size=size, hidden=hidden, width=width)
        self.decoder = Decoder(channels=channels, size=size, hidden=hidden, width=width)

    def forward(self, image: Tensor) -> Tensor:
        return self.decoder(self.encoder(image))
