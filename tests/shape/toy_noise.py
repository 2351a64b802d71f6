"""A conditional model with noise beside the label map: this file, and a line in `MODELS`."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from img2img.data.spec import DataSpec
from img2img.keys import TARGET
from img2img.losses.adversarial import adversarial_loss
from img2img.losses.matching import l1_loss
from img2img.models.base import Batch, Model, Output, Terms, Update
from img2img.models.conditioning import Condition
from img2img.networks.layers import concat_condition
from img2img.networks.padding import run_padded
from img2img.networks.patchgan import PatchDiscriminator
from img2img.networks.pix2pixhd import GlobalGenerator
from img2img.schema import ModelOptions, Section


class Weights(Section):
    """Loss weights."""

    real: float = 0.5
    """Weight of the discriminator's loss on real pictures."""
    fake: float = 0.5
    """Weight of the discriminator's loss on generated pictures."""
    adv: float = 1.0
    """Weight of the generator's adversarial loss."""
    l1: float = 10.0
    """Weight of the mean absolute difference to the target."""


class Options(ModelOptions):
    """Settings of the toy with noise."""

    name: Literal["toy_noise"] = "toy_noise"
    """The model."""
    z: int = Field(2, ge=1)
    """Channels of the noise."""
    width: int = Field(4, ge=1)
    """Channels of the first layer of both networks."""
    weights: Weights = Weights()


class NoisyTranslator(Model[Options, Output]):
    """z is a map beside the condition; a PatchGAN judges.

    One z for all pixels would be lost: instance norm takes out what is the same at all of them.
    """

    Options = Options
    updates = (
        Update("d", ("discriminator",), "discriminator"),
        Update("g", ("generator",), "generator"),
    )
    stochastic = True

    def __init__(self, options: Options, spec: DataSpec):
        super().__init__(options, spec)
        self.condition = Condition(spec, boundary=False)
        seen, shown = self.condition.channels, spec.target.channels
        self.generator = GlobalGenerator(
            in_channels=seen + options.z,
            out_channels=shown,
            width=options.width,
            n_down=1,
            n_blocks=1,
        )
        self.discriminator = PatchDiscriminator(
            in_channels=seen + shown, width=options.width, n_layers=1
        )

    def generate(self, batch: Batch) -> Output:
        condition = self.condition(batch)
        # In training from the device's own random state, which checkpoints hold.
        z = torch.randn(self._shape(condition), device=condition.device)
        return Output(self._draw(condition, z), batch[TARGET])

    def losses(self, update: str, batch: Batch, out: Output) -> Terms:
        condition = self.condition(batch)
        if update == "d":
            return {
                "real": adversarial_loss(self._judge(condition, batch[TARGET]), True),
                "fake": adversarial_loss(self._judge(condition, out.fake.detach()), False),
            }
        return {
            "adv": adversarial_loss(self._judge(condition, out.fake), True),
            "l1": l1_loss(out.fake, batch[TARGET], self.condition.valid(batch)),
        }

    def translate(self, batch: Batch, *, rng: torch.Generator | None = None) -> Tensor:
        condition = self.condition(batch)
        shape = self._shape(condition)
        # Drawn on the CPU, so that a seed means the same on every device; without noise, its mean.
        z = torch.zeros(shape) if rng is None else torch.randn(shape, generator=rng)
        return self._draw(condition, z.to(condition.device))

    def visuals(self, batch: Batch) -> dict[str, Tensor]:
        return self.condition.visuals(batch)

    def _shape(self, condition: Tensor) -> tuple[int, ...]:
        return len(condition), self.options.z, *condition.shape[2:]

    def _draw(self, condition: Tensor, z: Tensor) -> Tensor:
        return run_padded(self.generator, concat_condition(condition, z))

    def _judge(self, condition: Tensor, image: Tensor) -> Tensor:
        return self.discriminator(concat_condition(image, condition))[-1]
