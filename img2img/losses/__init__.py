"""The losses, for training loops of your own.

>>> import torch
>>> from img2img.losses import adversarial_loss, l1_loss
>>> fake, real = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
>>> float(l1_loss(fake, real) + adversarial_loss(torch.ones(1, 1, 6, 6), True))
1.0

Functions of predictions and images, and scalars in float32; none knows a network. A name imports its
own file alone.
"""

from typing import TYPE_CHECKING

from img2img.lazy import lazily

if TYPE_CHECKING:
    from img2img.losses.adversarial import adversarial_loss
    from img2img.losses.classes import (
        categorical_information,
        class_loss,
        continuous_information,
        mean_feature_loss,
        realness,
    )
    from img2img.losses.equilibrium import reconstruction_loss
    from img2img.losses.generative import discriminator_loss, generator_loss
    from img2img.losses.matching import PerceptualLoss, feature_matching_loss, l1_loss
    from img2img.losses.penalties import divergence_penalty, gradient_penalty

__all__ = [
    "PerceptualLoss",
    "adversarial_loss",
    "categorical_information",
    "class_loss",
    "continuous_information",
    "discriminator_loss",
    "divergence_penalty",
    "feature_matching_loss",
    "generator_loss",
    "gradient_penalty",
    "l1_loss",
    "mean_feature_loss",
    "realness",
    "reconstruction_loss",
]

__getattr__ = lazily(
    __name__,
    {
        "PerceptualLoss": "matching",
        "adversarial_loss": "adversarial",
        "categorical_information": "classes",
        "class_loss": "classes",
        "continuous_information": "classes",
        "discriminator_loss": "generative",
        "divergence_penalty": "penalties",
        "feature_matching_loss": "matching",
        "generator_loss": "generative",
        "gradient_penalty": "penalties",
        "l1_loss": "matching",
        "mean_feature_loss": "classes",
        "realness": "classes",
        "reconstruction_loss": "equilibrium",
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
