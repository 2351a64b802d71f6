"""3x3 convolutions of many channels by 2.25 times fewer multiplications, for CPUs.

Winograd's minimal filtering F(2x2, 3x3): Lavin & Gray 2016, "Fast algorithms for convolutional neural
networks", Sec. 4.1. A tile of 2x2 outputs is 16 products of transformed 4x4 inputs and transformed
filters instead of 36; over all tiles and channels these are 16 matrix products. As its transforms
only add and halve, the result is as accurate in float32 as the direct sum.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

# Below, transforming costs more than the products save (tools/benchmark.py, 2 x86 cores).
LEAST_CHANNELS = 512
PART = 256  # channels whose filters are transformed at a time: 16 MB at 1024 channels

# Lavin & Gray 2016, Eq. 7, as matrices on a flattened tile: B^T d B is kron(B^T, B^T) on d's 16 values.
_B = torch.tensor([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], dtype=torch.float32)
_G = torch.tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_A = torch.tensor([[1, 1, 1, 0], [0, 1, -1, -1]], dtype=torch.float32)
INPUT, FILTER, OUTPUT = (torch.kron(m, m) for m in (_B, _G, _A))  # (16, 16), (16, 9), (4, 16)


def pays(weight: Tensor) -> bool:
    """Whether `conv3x3` is the faster way for filters (O, C, 3, 3)."""
    return min(weight.shape[:2]) >= LEAST_CHANNELS


def conv3x3(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.conv2d(x, weight, bias)` at stride 1 for x (N, C, H + 2, W + 2) and weight (O, C, 3, 3)."""
    height, width = x.shape[2] - 2, x.shape[3] - 2
    if height % 2 or width % 2:  # the last tile of an odd side reaches one pixel over it
        x = F.pad(x, (0, width % 2, 0, height % 2))
    y = _Winograd.apply(x, weight)[..., :height, :width]
    return y if bias is None else y + bias.view(1, -1, 1, 1)


class _Winograd(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        count, height, width = len(x), x.shape[2] - 2, x.shape[3] - 2
        inputs, room = _inputs(x), _room(weight)
        y = x.new_empty(count, len(weight), height, width)
        for part in _parts(len(weight)):
            products = torch.bmm(inputs, _filters(weight[part], room).transpose(1, 2))
            y[:, part] = _untile(OUTPUT @ products.flatten(1), count, height, width)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The transposed algorithm: every matrix product backwards, with the same transforms."""
        x, weight = ctx.saved_tensors
        products = (OUTPUT.T @ _tiles(gradient, 2)).view(16, -1, len(weight))
        room = _room(weight)
        to_x = to_weight = None
        if ctx.needs_input_grad[0]:
            to_x = torch.empty_like(x)
            for part in _parts(x.shape[1]):
                inputs = torch.bmm(products, _filters(weight[:, part], room))
                to_x[:, part] = _fold(INPUT.T @ inputs.flatten(1), to_x[:, part].shape)
        if ctx.needs_input_grad[1]:
            to_weight = torch.empty_like(weight, memory_format=torch.contiguous_format)
            inputs = _inputs(x)
            for part in _parts(len(weight)):
                filters = room(16, len(weight[part]), x.shape[1])
                torch.bmm(products[:, :, part].transpose(1, 2), inputs, out=filters)
                # Written by columns: the product with its factors exchanged takes four times as long.
                to_weight[part].view(-1, 9).T.copy_(FILTER.T @ filters.flatten(1))
        return to_x, to_weight


def _parts(channels: int) -> list[slice]:
    """Channels in turn, so few at a time that their transformed filters stay in the cache."""
    return [slice(first, first + PART) for first in range(0, channels, PART)]


def _room(weight: Tensor) -> Callable[..., Tensor]:
    """Memory for the filters of one part after the other, as a function of their shape."""
    memory = weight.new_empty(16 * PART * max(weight.shape[:2]))
    return lambda *shape: memory[: math.prod(shape)].view(shape)


def _filters(weight: Tensor, room: Callable[..., Tensor]) -> Tensor:
    """(O, C, 3, 3) -> (16, O, C)."""
    filters = room(16, *weight.shape[:2])
    torch.mm(FILTER, weight.reshape(-1, 9).T, out=filters.flatten(1))
    return filters


def _inputs(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (16, tiles, C)."""
    return (INPUT @ _tiles(x, 4)).view(16, -1, x.shape[1])


def _tiles(x: Tensor, side: int) -> Tensor:
    """Tiles every 2 pixels, (N, C, H, W) -> (side * side, N * rows * columns * C)."""
    tiles = x.unfold(2, side, 2).unfold(3, side, 2)  # (N, C, rows, columns, side, side)
    return tiles.permute(4, 5, 0, 2, 3, 1).reshape(side * side, -1)


def _untile(tiles: Tensor, count: int, height: int, width: int) -> Tensor:
    """2x2 tiles side by side: the reverse of `_tiles(x, 2)`, (4, N * rows * columns * C) -> (N, C, H, W)."""
    tiles = tiles.view(2, 2, count, height // 2, width // 2, -1)
    return tiles.permute(2, 5, 3, 0, 4, 1).reshape(count, -1, height, width)


def _fold(tiles: Tensor, shape: torch.Size) -> Tensor:
    """The sum of overlapping 4x4 tiles as (N, C, H, W): the transpose of `_tiles(x, 4)`."""
    count, channels, height, width = shape
    rows, columns = height // 2 - 1, width // 2 - 1
    tiles = tiles.view(2, 2, 2, 2, count, rows, columns, channels)  # y: half, pixel; x: half, pixel
    total = tiles.new_zeros(count, rows + 1, 2, columns + 1, 2, channels)
    for half_y in range(2):
        for half_x in range(2):
            part = tiles[half_y, :, half_x].permute(2, 3, 0, 4, 1, 5)
            total[:, half_y : half_y + rows, :, half_x : half_x + columns] += part
    return total.permute(0, 5, 1, 2, 3, 4).reshape(shape)
