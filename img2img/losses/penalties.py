"""Penalties on the critic's gradient with regard to its input.

Each runs the critic once more, on points between real and generated pictures. The result has a
graph (double-backward): it can be differentiated by the critic's parameters.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Critic = Callable[[Tensor], Tensor]


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """E[(||grad f(x)|| - 1)^2], a scalar: WGAN-GP (Gulrajani et al. 2017, Eq. 3; weight 10).

    Args:
        critic: images -> scores, one or several a picture. One without batch norm: the gradient is
            to be of one picture's score alone (Sec. 4).
        real, fake: (N, ...) of one shape.

    Raises:
        ValueError: real and fake differ in shape.

    >>> real, fake = torch.ones(4, 3, 8, 8), torch.zeros(4, 3, 8, 8)
    >>> critic = lambda image: image[:, 0, 0, 0]  # a gradient of length 1
    >>> float(gradient_penalty(critic, real, fake))
    0.0
    """
    norms = torch.linalg.vector_norm(_gradients(critic, real, fake), dim=1)
    return ((norms - 1) ** 2).mean()


def divergence_penalty(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """E[||grad f(x)||^p] with p = 6, a scalar: WGAN-div (Wu et al. 2018, Algorithm 1; weight k = 2).

    Args:
        critic, real, fake: as for `gradient_penalty`.

    >>> real, fake = torch.ones(4, 3, 8, 8), torch.zeros(4, 3, 8, 8)
    >>> critic = lambda image: 2 * image[:, 0, 0, 0]
    >>> float(divergence_penalty(critic, real, fake))
    64.0
    """
    squares = _gradients(critic, real, fake).square().sum(1)
    return (squares**3).mean()


def _gradients(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """The gradients (N, numbers) at e x + (1 - e) G(z), with one e of U[0, 1] for each picture."""
    if real.shape != fake.shape:
        raise ValueError(f"real is {list(real.shape)} and fake {list(fake.shape)}; expected alike")
    precision = torch.promote_types(real.dtype, torch.float32)
    real, fake = real.to(precision), fake.to(precision)
    share = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device)
    points = torch.lerp(fake, real, share)
    points.requires_grad_()  # unless the generator has made it do so
    # Without autocast, since half precision has too few digits for the second derivative.
    with torch.autocast(real.device.type, enabled=False), torch.enable_grad():
        (gradients,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return gradients.flatten(1)
