"""What some models can do beside the base: small protocols, each asked for in one place.

A model has an ability by having its parts, and declares nothing.
"""

from typing import Protocol, runtime_checkable

from torch import Tensor

from img2img.errors import ConfigError
from img2img.models.base import Batch, Model
from img2img.models.latents import Latents


@runtime_checkable
class DrawsFromNoise(Protocol):
    """Makes pictures of noise: a batch of latents takes the place of a pair's inputs.

    Attributes:
        latents: what pictures are drawn from, with a class or codes beside the noise.
    """

    latents: Latents


@runtime_checkable
class HasStyles(Protocol):
    """Translates object by object, each in a style.

    Attributes:
        style_input: the input whose ids carry styles, one feature vector each; None: as configured,
            there are no styles.
    """

    style_input: str | None

    def encode(self, batch: Batch) -> Tensor:
        """The styles of the target (N, C, H, W), alike at all pixels of an id of `style_input`."""
        ...


@runtime_checkable
class Classifies(Protocol):
    """Learns to name classes."""

    def classify(self, batch: Batch) -> Tensor:
        """The logits of the classes (N, K) of held-out pictures."""
        ...


@runtime_checkable
class KeepsReferences(Protocol):
    """Holds against a batch of training samples that stays."""

    @property
    def references(self) -> int:
        """How many samples it wants, as configured; 0: none."""
        ...

    def keep_reference(self, batch: Batch) -> None:
        """Called before a run's first step with `references` training samples, where it wants any.

        What it keeps of them are buffers of its networks, which checkpoints hold.
        """
        ...


def require_styles(model: Model, source: str) -> tuple[HasStyles, str]:
    """A model with styles, and the input whose ids carry them.

    Args:
        source: where the model comes from, for the message.

    Raises:
        ConfigError: it was trained without styles.
    """
    if isinstance(model, HasStyles) and model.style_input is not None:
        return model, model.style_input
    raise ConfigError(
        f"{source}: this model has no styles; train one with `img2img train --model "
        "pix2pixHD model.features=true`"
    )


def style_input_of(model: Model) -> str | None:
    """The input whose ids carry styles; None: the model has none."""
    return model.style_input if isinstance(model, HasStyles) else None


def latents_of(model: Model) -> Latents:
    """What a model draws from.

    Raises:
        ConfigError: it draws nothing.
    """
    if not isinstance(model, DrawsFromNoise):
        raise ConfigError(f"{model.options.name} translates pictures and draws none from noise")
    return model.latents
