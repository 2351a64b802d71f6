"""CGAN: conditional generative adversarial nets (Mirza & Osindero 2014), with DCGAN's networks.

The class y, one-hot, is joined to z and to the picture (Sec. 3.2), there to all of its pixels:
min_G max_D E[log D(x | y)] + E[log(1 - D(G(z | y)))] (Eq. 2).
"""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from img2img.data.spec import DataSpec
from img2img.models.base import Batch, Model, Terms
from img2img.models.convolutional import (
    ConvolutionalOptions,
    Weights,
    build_game,
    build_networks,
)
from img2img.models.dcgan import DCGAN_TRAINING
from img2img.models.latents import Latents


class Options(ConvolutionalOptions):
    """Settings of CGAN."""

    presets = {"cgan": DCGAN_TRAINING}

    name: Literal["cgan"] = "cgan"
    """The model."""
    weights: Weights = Weights()


class CGAN(Model):
    """Generator and discriminator both know the class; generated pictures are of the real ones'."""

    Options = Options
    takes = "classes"

    def __init__(self, options: Options, spec: DataSpec):
        super().__init__(options, spec)
        self.game = build_game(options)
        self.updates = self.game.updates
        self.latents = Latents(options.latent, options.noise, classes=spec.class_names)
        classes = len(spec.class_names)
        self.generator, self.discriminator = build_networks(
            options, spec, given=classes, d_given=classes
        )

    def generate(self, batch: Batch) -> dict[str, Tensor]:
        latents = self.latents.draw(len(batch["target"]), batch["target"].device)
        return {"fake": self.translate({**latents, "class": batch["class"]})}

    def losses(self, update: str, batch: Batch, out: dict[str, Tensor]) -> Terms:
        condition = self._one_hot(batch)

        def judge(picture: Tensor) -> Tensor:
            return self.discriminator(picture, condition)

        if update == "g":
            return self.game.generator(judge(out["fake"]))
        real, fake = batch["target"], out["fake"].detach()
        terms = self.game.discriminator(judge(real), judge(fake), out)
        return terms | self.game.penalty(judge, real, fake)

    def after(self, update: str, out: dict[str, Tensor]) -> None:
        if update == "d":
            self.game.clip(self.discriminator)

    def observe(self, batch: Batch, out: dict[str, Tensor]) -> Terms:
        return self.game.observe(out)

    def translate(self, batch: Batch) -> Tensor:
        return self.generator(batch["z"], self._one_hot(batch))

    def _one_hot(self, batch: Batch) -> Tensor:
        return F.one_hot(batch["class"], len(self.spec.class_names)).float()
