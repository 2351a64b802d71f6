"""f-divergences and their variational bounds: Nowozin et al. 2016, "f-GAN".

D_f(P || Q) = E_Q[f(p / q)] >= E_P[T] - E_Q[f*(T)] (Eq. 4), with equality at T = f'(p / q) (Eq. 5).
The critic's raw output v, any real number, becomes T = g_f(v), which lies in the domain of f*.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

FDivergence = Literal["kl", "reverse_kl", "jensen_shannon", "squared_hellinger", "pearson"]
Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Divergence:
    """A line of Tables 1, 2 and 6. All functions are elementwise.

    Attributes:
        f: the generator function of u > 0; convex, f(1) = 0 (Table 1).
        activation: g_f, from the critic's raw output to the domain of f* (Table 2).
        conjugate: f*(t), the least upper bound of ut - f(u) over u > 0 (Table 2). Pearson's, as in
            the table, is that for t of -2 or more; below, where the bound is -1, it is greater.
        conjugate_of_raw: f*(g_f(v)), simplified: no logarithm of a difference that vanishes.
        threshold: the raw output where g_f(v) = f'(1): above it the critic says "real" (Sec. 3.2).
    """

    f: Function
    activation: Function
    conjugate: Function
    conjugate_of_raw: Function
    threshold: float


DIVERGENCES: dict[str, Divergence] = {  # by FDivergence
    "kl": Divergence(
        f=lambda u: u * u.log(),
        activation=lambda v: v,
        conjugate=lambda t: (t - 1).exp(),
        conjugate_of_raw=lambda v: (v - 1).exp(),
        threshold=1.0,
    ),
    "reverse_kl": Divergence(
        f=lambda u: -u.log(),
        activation=lambda v: -(-v).exp(),
        conjugate=lambda t: -1 - (-t).log(),
        conjugate_of_raw=lambda v: v - 1,
        threshold=0.0,
    ),
    # Twice the Jensen-Shannon divergence as it is usually defined.
    "jensen_shannon": Divergence(
        f=lambda u: u * u.log() - (u + 1) * ((u + 1) / 2).log(),
        activation=lambda v: math.log(2) - F.softplus(-v),
        conjugate=lambda t: -(2 - t.exp()).log(),
        conjugate_of_raw=lambda v: F.softplus(v) - math.log(2),
        threshold=0.0,
    ),
    "squared_hellinger": Divergence(
        f=lambda u: (u.sqrt() - 1) ** 2,
        activation=lambda v: -torch.expm1(-v),
        conjugate=lambda t: t / (1 - t),
        conjugate_of_raw=lambda v: torch.expm1(v),
        threshold=0.0,
    ),
    "pearson": Divergence(
        f=lambda u: (u - 1) ** 2,
        activation=lambda v: v,
        conjugate=lambda t: t**2 / 4 + t,
        conjugate_of_raw=lambda v: v**2 / 4 + v,
        threshold=0.0,
    ),
}
