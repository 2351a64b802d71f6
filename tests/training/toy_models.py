"""A model as nobody has it yet, to hold what is written of models against: it is in no table."""

from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from img2img.data.spec import DataSpec
from img2img.fields import Image
from img2img.fields.image import ImageSpec
from img2img.models.base import Model, Output, Update
from img2img.schema import Config, Section, TrainingConfig
from img2img.training.state import TrainingState
from img2img.training.stepper import Stepper

SPEC = DataSpec(
    inputs=(Image(name="a", part="A", image=ImageSpec(channels=3)),),
    target=ImageSpec(channels=3),
    size=(8, 8),
    smallest=(8, 8),
)


class Weights(Section):
    adv: float = 1.0
    real: float = 0.5
    fake: float = 0.5


class Options(Section):
    weights: Weights = Weights()


@dataclass(kw_only=True)
class Both(Output):
    back: Tensor


class TwoWays(Model):
    """From A to B and from B to A, each with a generator and a discriminator, and updates of their own."""

    Options = Options
    updates = (
        Update("judge_b", ("critic_b",), "discriminator"),
        Update("judge_a", ("critic_a",), "discriminator"),
        Update("to_b", ("a_to_b",), "generator"),
        Update("to_a", ("b_to_a",), "generator"),
    )
    inference_nets = ("a_to_b",)

    def __init__(self, options=None, spec=SPEC):
        super().__init__(options or Options(), spec)
        for name in ("a_to_b", "b_to_a", "critic_a", "critic_b"):
            setattr(self, name, nn.Conv2d(3, 3 if "_to_" in name else 1, 1))

    def generate(self, batch):
        return Both(self.a_to_b(batch["a"]), batch["target"], back=self.b_to_a(batch["target"]))

    def losses(self, update, batch, out):
        way = update[-1]
        critic = getattr(self, f"critic_{way}")
        fake = out.fake if way == "b" else out.back
        if update.startswith("to"):
            return {"adv": (critic(fake) - 1).square().mean()}
        real = batch["target"] if way == "b" else batch["a"]
        return {
            "real": (critic(real) - 1).square().mean(),
            "fake": critic(fake.detach()).square().mean(),
        }

    def translate(self, batch, *, rng=None):
        return self.a_to_b(batch["a"])


def stepper_of(model, **training):
    """The stepper of a training of a toy, on the CPU."""
    config = Config(model=model.options, training=TrainingConfig(device="cpu", **training))
    engine = Accelerator(cpu=True)
    state = TrainingState(config, model.train(), engine, pairs=4, criterion="ssim")
    return Stepper(state, engine)


def batch_of(count=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.rand(count, 3, 8, 8, generator=generator) for name in ("a", "target")}
