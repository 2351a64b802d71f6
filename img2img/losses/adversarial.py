"""Adversarial losses: what the discriminator and the generator make of a prediction map.

A prediction is the discriminator's raw output (N, 1, h, w), or a list of them, one for
each scale. All losses are computed in float32 whatever the network's precision.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img.lazy import renamed

__getattr__ = renamed(__name__, {"vanilla": "cross_entropy"})

Adversarial = Literal["lsgan", "non_saturating"]
Reduction = Literal["mean", "sum"]
FORMER_KINDS: dict[str, Adversarial] = {"vanilla": "non_saturating"}  # which still serve


def lsgan(prediction: Tensor, label: float) -> Tensor:
    """Mean squared distance to 1 (real) or 0 (fake): Mao et al. 2017, Eq. 9 without the 1/2."""
    prediction = prediction.float()
    return F.mse_loss(prediction, torch.full_like(prediction, float(label)))


def cross_entropy(prediction: Tensor, label: float) -> Tensor:
    """Cross-entropy on logits: Goodfellow et al. 2014, Eq. 1, non-saturating for the generator."""
    prediction = prediction.float()
    return F.binary_cross_entropy_with_logits(prediction, torch.full_like(prediction, float(label)))


LOSSES = {"lsgan": lsgan, "non_saturating": cross_entropy}
# Above it a prediction says "real": half-way between the targets, or probability 1/2.
THRESHOLDS = {"lsgan": 0.5, "non_saturating": 0.0}
# The loss of answering that threshold to everything.
GUESSES = {"lsgan": 0.25, "non_saturating": math.log(2)}


def adversarial_loss(
    predictions: Tensor | list[Tensor],
    real: bool,
    *,
    kind: Adversarial = "lsgan",
    scales: Reduction = "mean",
) -> Tensor:
    """The loss of calling `predictions` real (or fake), a scalar.

    The discriminator asks it of real pictures with True and of generated ones with False,
    the generator of its own pictures with True.

    Args:
        predictions: (N, 1, h, w), raw outputs, or one such map for each scale.
        kind: `lsgan` (Mao et al. 2017) or `non_saturating`, cross-entropy (Goodfellow et al. 2014,
            Sec. 3); its former name `vanilla` serves, too.
        scales: how the scales of a multi-scale discriminator combine; the published
            pix2pixHD sums.

    >>> wrong = torch.zeros(1, 1, 6, 6)  # "generated", says an LSGAN discriminator
    >>> float(adversarial_loss(wrong, False)), float(adversarial_loss(wrong, True))
    (0.0, 1.0)
    """
    if isinstance(predictions, Tensor):
        predictions = [predictions]
    kind = FORMER_KINDS.get(kind, kind)
    losses = torch.stack([LOSSES[kind](prediction, real) for prediction in predictions])
    return losses.mean() if scales == "mean" else losses.sum()


def verdict(
    on_real: list[Tensor], on_fake: list[Tensor], *, kind: Adversarial
) -> dict[str, Tensor]:
    """How a discriminator does, as scalars, real and fake weighing the same.

    Args:
        on_real, on_fake: prediction maps (N, 1, h, w), one for each scale.

    Returns:
        `accuracy`, the share of patches on the right side, and `gain`, one minus its loss as a share
        of the loss of guessing: 1 is perfect, 0 no better than a constant answer, below it worse.
    """
    kind = FORMER_KINDS.get(kind, kind)
    threshold = THRESHOLDS[kind]
    right_real = torch.cat([(p > threshold).float().flatten() for p in on_real]).mean()
    right_fake = torch.cat([(p <= threshold).float().flatten() for p in on_fake]).mean()
    loss = adversarial_loss(on_real, True, kind=kind) + adversarial_loss(on_fake, False, kind=kind)
    return {"accuracy": (right_real + right_fake) / 2, "gain": 1 - loss / (2 * GUESSES[kind])}
