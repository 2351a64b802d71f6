"""Activation checkpointing: a block keeps its input alone and computes the rest again (Chen et al. 2016).

Less memory for more time: the backward pass runs every block forward once more.
"""

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class Recomputable(nn.Module):
    """A block whose activations the backward pass can compute again instead of finding them stored.

    Values and gradients are the same: dropout draws the same numbers again, and the running
    statistics of batch norm are not moved a second time. Parameters must not change between the
    forward pass and any backward pass through the block. In compiled networks, blocks with batch norm
    are not computed again; nor are blocks under weights that are lent for a call (functional_call),
    which would be gone.
    """

    recompute = False

    def __call__(self, *inputs):
        if not (self.recompute and torch.is_grad_enabled() and self._has_its_own_weights()):
            return super().__call__(*inputs)
        how: dict[str, Any] = {"context_fn": lambda: (nullcontext(), _StatisticsKept(self))}
        if torch.compiler.is_compiling():
            if self._has(nn.BatchNorm2d):  # it would keep the statistics that the next pass moves
                return super().__call__(*inputs)
            how = {}  # it computes again by itself, without a second forward pass
        return checkpoint(
            super().__call__,
            *inputs,
            use_reentrant=False,
            preserve_rng_state=self._has(nn.Dropout),
            **how,
        )

    def _has_its_own_weights(self) -> bool:
        return all(isinstance(weight, nn.Parameter) for weight in self.parameters())

    def _has(self, kind: type[nn.Module]) -> bool:
        return any(isinstance(layer, kind) for layer in self.modules())


def recompute_activations(module: nn.Module) -> None:
    """Turns recomputation on in the outermost recomputable blocks below `module`."""
    if isinstance(module, Recomputable):
        module.recompute = True
        return
    for child in module.children():
        recompute_activations(child)


class _StatisticsKept:
    """A context in which batch norms move copies of their running statistics.

    It is entered once for every backward pass through the block.
    """

    def __init__(self, block: nn.Module):
        self.norms = [layer for layer in block.modules() if isinstance(layer, nn.BatchNorm2d)]

    def __enter__(self) -> None:
        self.kept = [dict(norm.named_buffers()) for norm in self.norms]
        for norm, buffers in zip(self.norms, self.kept, strict=True):
            _set_buffers(norm, {name: value.clone() for name, value in buffers.items()})

    def __exit__(self, *_: object) -> None:
        for norm, buffers in zip(self.norms, self.kept, strict=True):
            _set_buffers(norm, buffers)


def _set_buffers(module: nn.Module, buffers: dict[str, Tensor]) -> None:
    for name, value in buffers.items():
        setattr(module, name, value)
