"""An update some steps ahead, with gradients through the steps: unrolled GANs (Metz et al. 2017, Sec. 2.2).

A generator that minimises its loss under the discriminator of k steps later knows how it would
answer. Nothing that really trains moves: neither weights nor moments nor running statistics.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from img2img.models.base import Batch, Model, Output, Terms, Update
from img2img.training.optim import named_parameters

Tensors = list[Tensor]


def terms_of(
    model: Model,
    update: Update,
    batch: Batch,
    out: Output,
    optimizers: Mapping[str, Optimizer],
    autocast: Callable[[], AbstractContextManager],
    *,
    clip: float = 0.0,
) -> Terms:
    """The losses of an update; of one that looks ahead (`Update.ahead`), under the weights of later.

    The steps in between are those of the other update's own optimizer, from its present moments and
    on the same batch. What its model does after a step, such as to clip weights, is left out, and
    `training.clip` is not.
    """
    if update.ahead is None:
        with autocast():
            return model.losses(update.name, batch, out)
    name, steps = update.ahead
    other = next(each for each in model.updates if each.name == name)
    names = list(named_parameters(model, other))

    def terms(of: Update, weights: Tensors) -> Terms:
        state = dict(zip(names, weights, strict=True))
        for net in other.nets:
            buffers = getattr(model, net).named_buffers()
            state |= {f"{net}.{key}": buffer.clone() for key, buffer in buffers}
        # A copy: what is left in `out` was found under the present weights.
        return functional_call(model, state, (of.name, batch, replace(out)))

    def loss(weights: Tensors) -> Tensor:
        with autocast():
            return model.weigh(name, terms(other, weights))

    weights = look_ahead(optimizers[name], loss, steps=steps, clip=clip)
    with autocast():
        return terms(update, weights)


def look_ahead(
    optimizer: Optimizer, loss: Callable[[Tensors], Tensor], *, steps: int, clip: float = 0.0
) -> Tensors:
    """The weights after `steps` steps of an optimizer on `loss`, with graph.

    Args:
        optimizer: one of `optim.OPTIMIZERS`, of one group of parameters.
        loss: a scalar, of weights in the optimizer's order.
        clip: greatest norm of the gradient; 0: it is not clipped.
    """
    (group,) = optimizer.param_groups
    weights = group["params"]
    moments = [dict(optimizer.state.get(weight, {})) for weight in weights]
    step = STEPS[type(optimizer)]
    with torch.enable_grad():
        for _ in range(steps):
            gradients = torch.autograd.grad(
                loss(weights), weights, create_graph=True, allow_unused=True
            )
            share = _share(gradients, clip) if clip else 1
            # As in the training itself, what has no part in the loss is not stepped.
            weights = [
                weight
                if gradient is None
                else _decayed(weight, group) - group["lr"] * step(gradient * share, own, group)
                for weight, gradient, own in zip(weights, gradients, moments, strict=True)
            ]
    return weights


def _share(gradients: Sequence[Tensor | None], clip: float) -> Tensor:
    """By what `torch.nn.utils.clip_grad_norm_` multiplies gradients, with graph."""
    norms = [gradient.norm() for gradient in gradients if gradient is not None]
    return (clip / (torch.stack(norms).norm() + 1e-6)).clamp(max=1)


def _decayed(weight: Tensor, group: Mapping[str, Any]) -> Tensor:
    """Loshchilov & Hutter 2019, Algorithm 2, line 12: the weights' decay, which AdamW alone has."""
    decay = group["weight_decay"]
    return weight * (1 - group["lr"] * decay) if decay else weight


def _adam(gradient: Tensor, moments: dict[str, Any], group: Mapping[str, Any]) -> Tensor:
    """Kingma & Ba 2015, Algorithm 1; moves the moments."""
    first, second = group["betas"]
    moments["step"] = count = moments.get("step", 0) + 1
    mean = _mixed(moments, "exp_avg", gradient, first) / (1 - first**count)
    square = _mixed(moments, "exp_avg_sq", gradient**2, second) / (1 - second**count)
    return mean / _root(square, group["eps"])


def _rmsprop(gradient: Tensor, moments: dict[str, Any], group: Mapping[str, Any]) -> Tensor:
    """Tieleman & Hinton 2012, Lecture 6.5; moves the moments."""
    return gradient / _root(
        _mixed(moments, "square_avg", gradient**2, group["alpha"]), group["eps"]
    )


def _sgd(gradient: Tensor, moments: dict[str, Any], group: Mapping[str, Any]) -> Tensor:
    """Gradient descent with PyTorch's momentum; moves it."""
    former = moments.get("momentum_buffer")
    if former is not None:
        gradient = group["momentum"] * former + gradient
    moments["momentum_buffer"] = gradient if group["momentum"] else None
    return gradient


STEPS = {Adam: _adam, AdamW: _adam, RMSprop: _rmsprop, SGD: _sgd}


def _mixed(moments: dict[str, Any], name: str, new: Tensor, decay: float) -> Tensor:
    moments[name] = decay * moments.get(name, torch.zeros_like(new)) + (1 - decay) * new
    return moments[name]


def _root(square: Tensor, eps: float) -> Tensor:
    """About sqrt(square) + eps, whose gradient is finite at 0."""
    return (square + eps**2).sqrt()
