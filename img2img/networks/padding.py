"""Run a network on any image size: pad by reflection to what it needs, crop back."""

import math

import torch
from torch import Tensor, nn


class AnySize(nn.Module):
    """A network that `run_padded` runs on pictures of any size.

    Attributes:
        size_multiple: the network takes sides, in pixels, that are a multiple of it,
        size_minimum: and no smaller ones.

    >>> class Twice(AnySize):
    ...     size_multiple, size_minimum = 8, 8
    ...
    ...     def forward(self, x):
    ...         return 2 * x
    >>> run_padded(Twice(), torch.ones(1, 1, 3, 5)).sum()
    tensor(30.)
    """

    size_multiple: int
    size_minimum: int

    def __init__(self) -> None:
        super().__init__()


def mirror(length: int, before: int, after: int, device: torch.device) -> Tensor:
    """Indices of a row of `length` pixels continued by mirroring, as often as needed."""
    position = torch.arange(-before, length + after, device=device)
    if length == 1:
        return torch.zeros_like(position)
    period = 2 * (length - 1)
    position = position % period
    return torch.minimum(position, period - position)


def padded_size(size: int, *, multiple: int, minimum: int) -> int:
    """The next size that is a multiple of `multiple` and at least `minimum`."""
    return max(math.ceil(size / multiple) * multiple, math.ceil(minimum / multiple) * multiple)


def run_padded(network: AnySize, x: Tensor) -> Tensor:
    """`network(x)` at any size (N, C, H, W), the output cropped to the size of `x`.

    Unlike `F.pad`, the mirror works for pictures smaller than the padding, and its gradient is
    deterministic on a GPU.

    >>> from img2img.networks import UNet
    >>> generator = UNet(in_channels=3, out_channels=3, width=8, depth=4)
    >>> run_padded(generator, torch.zeros(1, 3, 29, 50)).shape
    torch.Size([1, 3, 29, 50])
    """
    height, width = x.shape[-2:]
    need = {"multiple": network.size_multiple, "minimum": network.size_minimum}
    extra_y = padded_size(height, **need) - height
    extra_x = padded_size(width, **need) - width
    if not extra_y and not extra_x:
        return network(x)
    top, left = extra_y // 2, extra_x // 2
    x = x.index_select(-2, mirror(height, top, extra_y - top, x.device))
    x = x.index_select(-1, mirror(width, left, extra_x - left, x.device))
    return network(x)[..., top : top + height, left : left + width]
