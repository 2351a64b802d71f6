"""A classifier of small pictures that is trained where it is needed, and its features."""

from torch import Tensor, nn

from img2img.networks.layers import ConvBlock

FEATURES = 128


class PictureClassifier(nn.Module):
    """Images (N, in, H, W) in [-1, 1] of any size -> logits (N, classes).

    Three downsamplings by strided convolution, an average over what is left, and a linear layer.
    """

    def __init__(self, *, in_channels: int, classes: int, width: int = 32):
        super().__init__()
        self.body = nn.Sequential(
            ConvBlock(in_channels, width, norm="batch", bias=False),
            ConvBlock(width, width, stride=2, norm="batch", bias=False),
            ConvBlock(width, 2 * width, stride=2, norm="batch", bias=False),
            ConvBlock(2 * width, 2 * width, norm="batch", bias=False),
            ConvBlock(2 * width, FEATURES, stride=2, norm="batch", bias=False),
        )
        self.head = nn.Linear(FEATURES, classes)

    def features(self, images: Tensor) -> Tensor:
        """(N, 128), the averages that the last layer sees."""
        return self.body(images).mean((2, 3))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))
