"""`nn.Conv2d` that takes a shorter way where there is one: two of them, both for CPUs in float32.

Results equal the plain convolution's but for rounding. `training.reference_mode` switches
both off.
"""

from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img import shortcuts
from img2img.networks import winograd
from img2img.networks.channels_last import reflect_pad

FEW = 4  # outputs of a thin convolution


class Conv2d(nn.Conv2d):
    """(N, in, H, W) -> (N, out, H', W'), with the parameters of `nn.Conv2d`."""

    padding: tuple[int, int]  # numbers alone

    def forward(self, x: Tensor) -> Tensor:
        if not self._may_hurry(x):
            return super().forward(x)
        if self.out_channels <= FEW:
            return thin(self._pad(x), self.weight, self.bias)
        if self.kernel_size == (3, 3) and winograd.pays(self.weight):
            return winograd.conv3x3(self._pad(x), self.weight, self.bias)
        return super().forward(x)

    def _may_hurry(self, x: Tensor) -> bool:
        return (
            x.device.type == "cpu"
            and x.dtype == self.weight.dtype == torch.float32
            and type(x) is Tensor  # no stand-in that only knows its shape
            and self.stride == self.dilation == (1, 1)
            and self.kernel_size != (1, 1)
            and self.groups == 1
            and not torch.is_autocast_enabled("cpu")
            and not torch.compiler.is_compiling()
            and shortcuts.allowed()
        )

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.padding_mode != "reflect":
            return super()._conv_forward(x, weight, bias)
        rows, columns = self.padding
        x = reflect_pad(x, rows=rows, columns=columns)
        return F.conv2d(x, weight, bias, self.stride, 0, self.dilation, self.groups)

    def _pad(self, x: Tensor) -> Tensor:
        rows, columns = self.padding
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        return F.pad(x, (columns, columns, rows, rows), mode=mode)


def thin(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.conv2d(x, weight, bias)` at stride 1, for few outputs.

    Libraries fill their vectors with output channels, which three colours leave empty. Here every
    row of the filter has outputs of its own, and the rows are added afterwards, each shifted by
    its place: 7 times the channels, 1/7 of the filter.

    Args:
        x: (N, C, H + rows - 1, W + columns - 1).
        weight: (O, C, rows, columns).
    """
    out, channels, rows, columns = weight.shape
    by_row = weight.permute(2, 0, 1, 3).reshape(rows * out, channels, 1, columns)
    height = x.shape[2] - rows + 1
    parts = F.conv2d(x, by_row).chunk(rows, dim=1)
    y = reduce(torch.add, (part[:, :, row : row + height] for row, part in enumerate(parts)))
    return y if bias is None else y + bias.view(1, -1, 1, 1)
