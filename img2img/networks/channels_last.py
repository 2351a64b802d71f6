"""Pictures in memory pixel by pixel, the channels of each side by side (NHWC): what tensor cores take.

Some of PyTorch's layers return channels first (NCHW) whatever they are given: instance norm
(pytorch#72341) and, on CUDA, group norm and reflection padding. After each of them a convolution
would copy its input back. Those here return the layout that they are given.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img import shortcuts
from img2img.networks.padding import mirror


def wanted(name: str, device: torch.device) -> bool:
    """Whether a `training.memory_format` means channels last on a device: `auto`, on CUDA alone.

    On CPUs oneDNN has a layout of its own, and channels last is slower.
    """
    if name == "auto":
        return device.type == "cuda" and shortcuts.allowed()
    return name == "channels_last"


def use_channels_last(model: nn.Module) -> None:
    """Weights, and what goes in and out of the model's parts, are channels last from now on."""
    for part in model.children():
        part.to(memory_format=torch.channels_last)
        part.register_forward_pre_hook(_convert_inputs)
        part.register_forward_hook(_convert_output)


def as_channels_last(x: Tensor) -> Tensor:
    """A picture (N, C, H, W) in this layout; everything else as it is."""
    if not isinstance(x, Tensor) or x.dim() != 4:
        return x
    return x.contiguous(memory_format=torch.channels_last)


def _convert_inputs(_: nn.Module, inputs: tuple) -> tuple:
    return tuple(as_channels_last(x) for x in inputs)


def _convert_output(_: nn.Module, __: tuple, output: Any) -> Any:
    return as_channels_last(output)


def is_channels_last(x: Tensor) -> bool:
    """Whether pictures (N, C, H, W) have this layout, and not the other one as well."""
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


def instance_norm(
    x: Tensor, *, weight: Tensor | None = None, bias: Tensor | None = None, eps: float
) -> Tensor:
    """`F.instance_norm` that keeps the layout of (N, C, H, W); weight and bias (C)."""
    if not is_channels_last(x):
        return F.instance_norm(x, weight=weight, bias=bias, eps=eps)
    # Batch norm over one picture is instance norm, and has kernels for either layout.
    pictures = [
        F.batch_norm(picture, None, None, weight, bias, training=True, eps=eps)
        for picture in x.split(1)
    ]
    return pictures[0] if len(pictures) == 1 else torch.cat(pictures)


def reflect_pad(x: Tensor, *, rows: int, columns: int) -> Tensor:
    """(N, C, H, W) mirrored by so many pixels at each edge, in the layout that it has."""
    if not is_channels_last(x) or torch.compiler.is_compiling():
        return F.pad(x, (columns, columns, rows, rows), mode="reflect")
    height, width = x.shape[2:]
    pixels = x.permute(0, 2, 3, 1)  # `index_select` returns its dimensions in order
    pixels = pixels.index_select(1, mirror(height, rows, rows, x.device))
    pixels = pixels.index_select(2, mirror(width, columns, columns, x.device))
    return pixels.permute(0, 3, 1, 2)
