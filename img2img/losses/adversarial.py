"""Adversarial losses: what the discriminator and the generator make of a prediction map.

A prediction is the discriminator's raw output (N, 1, h, w), or a list of them, one for
each scale. All losses are computed in float32 whatever the network's precision.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Adversarial = Literal["lsgan", "vanilla"]
Reduction = Literal["mean", "sum"]


def lsgan(prediction: Tensor, real: bool) -> Tensor:
    """Mean squared distance to 1 (real) or 0 (fake): Mao et al. 2017, Eq. 9 without the 1/2."""
    prediction = prediction.float()
    return F.mse_loss(prediction, torch.full_like(prediction, float(real)))


def vanilla(prediction: Tensor, real: bool) -> Tensor:
    """Cross-entropy on logits: Goodfellow et al. 2014, Eq. 1, non-saturating for the generator."""
    prediction = prediction.float()
    return F.binary_cross_entropy_with_logits(prediction, torch.full_like(prediction, float(real)))


LOSSES = {"lsgan": lsgan, "vanilla": vanilla}


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
        scales: how the scales of a multi-scale discriminator combine; the published
            pix2pixHD sums.
    """
    if isinstance(predictions, Tensor):
        predictions = [predictions]
    losses = torch.stack([LOSSES[kind](prediction, real) for prediction in predictions])
    return losses.mean() if scales == "mean" else losses.sum()
