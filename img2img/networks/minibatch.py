"""Minibatch discrimination: a discriminator that sees how alike the pictures of a batch are."""

from functools import reduce

import torch
from torch import Tensor, nn

KERNELS, KERNEL_SIZE = 100, 5  # of Salimans et al.'s published code


class MinibatchDiscrimination(nn.Module):
    """Features (N, A) -> (N, A + kernels): joined by o(x_i), Salimans et al. 2016, Sec. 3.2.

    o(x_i)_b = mean over j of exp(-||M_ib - M_jb||_1), M_i = f(x_i) T. The mean is over the batch, i
    itself included, so real and generated pictures must come in batches of their own. The paper has
    the sum; as large as the batch where pictures are alike, it would outweigh all features at first.

    Args:
        features: A.
        kernels, kernel_size: B and C, T being of A x B x C; 100 and 5 in the published code.

    Attributes:
        references: the first pictures, which are a reference batch and compared among themselves.

    >>> MinibatchDiscrimination(16, kernels=4)(torch.zeros(2, 16)).shape
    torch.Size([2, 20])
    """

    references = 0

    def __init__(self, features: int, *, kernels: int = KERNELS, kernel_size: int = KERNEL_SIZE):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(features, kernels, kernel_size))
        # Columns of length 1 or nearly so, as in the published code, which normalises them.
        nn.init.normal_(self.weight, 0.0, features**-0.5)

    def forward(self, features: Tensor) -> Tensor:
        weight = self.weight.float()
        with torch.autocast(features.device.type, enabled=False):
            projected = torch.einsum("na,abc->nbc", features.float(), weight)
        parts = projected.split([self.references, len(features) - self.references])
        alike = torch.cat([_closeness(part) for part in parts])
        return torch.cat([features, alike.to(features.dtype)], dim=1)


def _closeness(projected: Tensor) -> Tensor:
    """(N, B, C) -> (N, B). Not by torch.cdist, which has no double-backward.

    One of the C after the other, since N x N x B x C numbers at once would leave a CPU's cache.
    """
    distances = reduce(
        torch.add, ((part[:, None] - part[None]).abs() for part in projected.unbind(2))
    )
    return (-distances).exp().mean(1)
