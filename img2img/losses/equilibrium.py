"""BEGAN: a discriminator that reconstructs pictures, and the balance of the two errors.

Berthelot et al. 2017, Sec. 3. In float32 whatever the networks' precision.
"""

from torch import Tensor

from img2img.lazy import renamed

__getattr__ = renamed(__name__, {"rebuilding_loss": "reconstruction_loss"})

K_RATE = 0.001  # lambda_k, the paper's


def reconstruction_loss(picture: Tensor, rebuilt: Tensor) -> Tensor:
    """L(v) = |v - D(v)| (Sec. 3.1, with eta = 1 of 1 and 2), the mean over all values, a scalar.

    The discriminator minimises L(x) - k_t L(G(z_D)), the generator L(G(z_G)) (Sec. 3.4).

    Args:
        picture, rebuilt: (N, C, H, W), the autoencoder's input and output.

    >>> import torch
    >>> float(reconstruction_loss(torch.zeros(2, 3, 8, 8), torch.ones(2, 3, 8, 8)))
    1.0
    """
    return (picture.float() - rebuilt.float()).abs().mean()


def next_k(
    k: Tensor, on_real: Tensor, on_fake: Tensor, *, gamma: float, rate: float = K_RATE
) -> Tensor:
    """k_(t+1) = k_t + lambda_k (gamma L(x) - L(G(z_G))), held in [0, 1] (Sec. 3.4); k_0 is 0.

    Args:
        on_real, on_fake: L(x) and L(G(z_G)), scalars; they receive no gradient.
        gamma: the diversity ratio E[L(G(z))] / E[L(x)] that is aimed at, in [0, 1].
    """
    return (k + rate * (gamma * on_real.detach() - on_fake.detach())).clamp(0, 1)


def convergence(on_real: Tensor, on_fake: Tensor, *, gamma: float) -> Tensor:
    """M = L(x) + |gamma L(x) - L(G(z_G))| (Sec. 3.4.1): falls as the training converges."""
    return on_real + (gamma * on_real - on_fake).abs()
