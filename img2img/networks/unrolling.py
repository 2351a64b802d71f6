"""A discriminator some steps ahead, as a function of the pictures that it would learn from.

Metz et al. 2017, "Unrolled Generative Adversarial Networks", Sec. 2.2.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

Judge = Callable[..., Tensor]
Tensors = list[Tensor]


def unroll(
    network: nn.Module,
    loss: Callable[[Judge], Tensor],
    *,
    steps: int,
    lr: float,
    optimizer: Literal["sgd", "adam"] = "sgd",
    betas: tuple[float, float] = (0.5, 0.999),
) -> Judge:
    """The network after `steps` steps on `loss`; its own weights stay as they are.

    Gradients pass through the steps: a generator that minimises its loss under the returned judge
    knows how the discriminator would answer.

    Args:
        network: the discriminator. Its running statistics, if any, are not moved.
        loss: what the discriminator minimises, a scalar, given a judge to call in its place; not
            detached from the generator.
        optimizer: adam starts without memory, unlike the one that really trains the network.
        betas: of adam.

    Returns:
        A function with the network's inputs and outputs.
    """
    names = [name for name, _ in network.named_parameters()]
    weights: Tensors = [parameter for _, parameter in network.named_parameters()]

    def judge_by(weights: Tensors) -> Judge:
        buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
        state = dict(zip(names, weights, strict=True)) | buffers
        return lambda *inputs: functional_call(network, state, inputs)

    means = squares = [torch.zeros_like(weight) for weight in weights]
    with torch.enable_grad():
        for step in range(1, steps + 1):
            moves = torch.autograd.grad(loss(judge_by(weights)), weights, create_graph=True)
            if optimizer == "adam":
                means = _mixed(means, moves, betas[0])
                squares = _mixed(squares, [move**2 for move in moves], betas[1])
                moves = _adam(means, squares, betas, step)
            weights = [weight - lr * move for weight, move in zip(weights, moves, strict=True)]
    return judge_by(weights)


def _mixed(old: Tensors, new: Tensors, beta: float) -> Tensors:
    return [beta * a + (1 - beta) * b for a, b in zip(old, new, strict=True)]


def _adam(means: Tensors, squares: Tensors, betas: tuple[float, float], step: int) -> Tensors:
    """Kingma & Ba 2015, Algorithm 1, but for epsilon: the root of 0 has no gradient."""
    first, second = (1 - beta**step for beta in betas)
    return [
        mean / first / (square / second + 1e-16).sqrt()
        for mean, square in zip(means, squares, strict=True)
    ]
