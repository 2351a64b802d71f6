"""Losses of auxiliary heads, which predict the class or the latent code besides real or fake.

Class and code losses are means over the pictures, in nats, in float32 whatever the networks'
precision.
"""

import math

import torch.nn.functional as F
from torch import Tensor


def class_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """-E[log P(C = c | x)] (Odena et al. 2017, Eq. 3), a scalar.

    AC-GAN adds it for real and for generated pictures, to D's loss as to G's. It is L_supervised of
    the K + 1 classes too (Salimans et al. 2016, Sec. 5): -E[log p(y | x, y < K + 1)].

    Args:
        logits: (N, K).
        labels: (N,) int64.

    >>> import torch
    >>> round(float(class_loss(torch.zeros(2, 10), torch.tensor([3, 7]))), 3)  # log 10
    2.303
    """
    return F.cross_entropy(logits.float(), labels)


def realness(logits: Tensor) -> Tensor:
    """The logit of "real" of a classifier of K classes: (N, K) -> (N,).

    D(x) = Z / (Z + 1) with Z the sum of exp(l_k), the logit of the class "generated" being 0
    (Salimans et al. 2016, Sec. 5). `discriminator_loss` of it, kind non_saturating, is L_unsupervised.

    >>> import torch
    >>> realness(torch.zeros(2, 1))
    tensor([0., 0.])
    """
    return logits.float().logsumexp(dim=1)


def mean_feature_loss(on_real: Tensor, on_fake: Tensor) -> Tensor:
    """||E[f(x)] - E[f(G(z))]||^2, a scalar: feature matching (Salimans et al. 2016, Sec. 3.1).

    Args:
        on_real, on_fake: (N, ...), one layer of the discriminator; the former gets no gradient.

    >>> import torch
    >>> float(mean_feature_loss(torch.ones(8, 4), torch.zeros(8, 4)))
    4.0
    """
    real, fake = (features.float().flatten(1).mean(0) for features in (on_real.detach(), on_fake))
    return F.mse_loss(real, fake, reduction="sum")


def categorical_information(logits: Tensor, code: Tensor) -> Tensor:
    """L_I(G, Q) of a code drawn uniformly from K values, a scalar (Chen et al. 2016, Eq. 5).

    A lower bound on the mutual information of code and picture in nats: E[log Q(c | x)] + H(c), at
    most log K; 0 or less where Q knows nothing. G and Q maximise it.

    Args:
        logits: (N, K), of Q(c | x).
        code: (N,) int64, the values drawn.

    >>> import torch
    >>> abs(float(categorical_information(torch.zeros(2, 10), torch.tensor([3, 7])))) < 1e-6
    True
    """
    return math.log(logits.shape[1]) - F.cross_entropy(logits.float(), code)


def continuous_information(mean: Tensor, code: Tensor) -> Tensor:
    """L_I(G, Q) of codes drawn uniformly from [-1, 1], a scalar: the sum over codes, in nats.

    Q(c | x) is a Gaussian with diagonal covariance (Chen et al. 2016, Sec. 6), here of variance 1, as in
    the published MNIST experiment (`fix_std=True`); H(c) is log 2 a code. With that variance it is
    at most log 2 - log(2 pi) / 2 = -0.23 a code, and moves with the squared distance alone.

    Args:
        mean: (N, C), of Q(c | x).
        code: (N, C), the values drawn.

    >>> import torch
    >>> code = torch.zeros(2, 1)
    >>> round(float(continuous_information(code, code)), 2)
    -0.23
    """
    mean, code = mean.float(), code.float()
    each = (math.log(2 * math.pi) + (code - mean) ** 2) / 2
    return math.log(2) * mean.shape[1] - each.sum(1).mean()
