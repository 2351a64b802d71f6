"""A segmenter that is trained where it is needed: a U-Net that names the class of every pixel."""

from torch import Tensor, nn

from img2img.networks.padding import run_padded
from img2img.networks.unet import UNet

WIDTH, DEPTH = 16, 5


class PhotoSegmenter(nn.Module):
    """Images (N, in, H, W) in [-1, 1] of any size -> logits (N, classes, H, W).

    Batch norm learns faster than instance norm here, which takes away how bright a picture is.
    """

    def __init__(self, *, in_channels: int, classes: int, width: int = WIDTH, depth: int = DEPTH):
        super().__init__()
        self.unet = UNet(
            in_channels=in_channels,
            out_channels=None,
            width=width,
            depth=depth,
            norm="batch",
            dropout=0.0,
        )
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(run_padded(self.unet, images))
