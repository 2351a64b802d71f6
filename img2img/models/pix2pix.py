"""pix2pix: image-to-image translation with conditional adversarial networks (Isola et al. 2017)."""

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from img2img.data.spec import DataSpec
from img2img.keys import TARGET
from img2img.losses.adversarial import adversarial_loss, verdict
from img2img.losses.matching import l1_loss
from img2img.models.base import Batch, Model, Output, Terms, Update, judgement
from img2img.models.conditioning import Condition
from img2img.models.generators import TranslationOptions, TranslationWeights, build_generator
from img2img.networks.layers import concat_condition
from img2img.networks.padding import run_padded
from img2img.networks.patchgan import PATCHES, PatchDiscriminator, smallest_input


class Pix2PixOptions(TranslationOptions):
    """Settings of pix2pix."""

    name: Literal["pix2pix"] = "pix2pix"
    """The model."""
    generator: Literal["unet", "resnet"] = "unet"
    """The generator: a U-Net, or a ResNet."""
    dropout: float = Field(0.5, ge=0, lt=1)
    """Dropout of the generator, the noise z of the paper."""
    patch: Literal[1, 16, 70, 286] = 70
    """Receptive field of the discriminator in pixels."""
    weights: TranslationWeights = TranslationWeights()


@dataclass(kw_only=True)
class Conditioned(Output):
    """Pictures beside what they were made of. Attributes: `condition` (N, channels, H, W)."""

    condition: Tensor


class Pix2Pix(Model[Pix2PixOptions, Conditioned]):
    """U-Net against PatchGAN, LSGAN + 100 L1; the discriminator is stepped first."""

    Options = Pix2PixOptions
    updates = (
        Update("d", ("discriminator",), "discriminator"),
        Update("g", ("generator",), "generator"),
    )
    accumulation_remark = (
        "with accumulation, the generator's losses are those of the discriminator before the step, "
        "not after it"
    )

    def __init__(self, options: Pix2PixOptions, spec: DataSpec):
        super().__init__(options, spec)
        self.condition = Condition(spec, boundary=options.boundary)
        self.generator = build_generator(
            options, spec, self.condition.channels, kind=options.generator, width=options.width
        )
        n_layers = PATCHES[options.patch]
        self.require_size(smallest_input(n_layers, padding=1), "set model.patch=16 or 1")
        self.discriminator = PatchDiscriminator(
            in_channels=self.condition.channels + spec.target.channels,
            width=options.d_width,
            n_layers=n_layers,
            norm=options.norm,
            bias=options.bias,
        )

    def generate(self, batch: Batch) -> Conditioned:
        condition = self.condition(batch)
        return Conditioned(
            run_padded(self.generator, condition), batch[TARGET], condition=condition
        )

    def losses(self, update: str, batch: Batch, out: Conditioned) -> Terms:
        kind = self.options.adversarial
        if update == "d":
            on_real = self._judge(out.condition, batch[TARGET])
            on_fake = self._judge(out.condition, out.fake.detach())
            out.on_real, out.on_fake = on_real.detach(), on_fake.detach()
            return {
                "real": adversarial_loss(on_real, True, kind=kind),
                "fake": adversarial_loss(on_fake, False, kind=kind),
            }
        on_fake = self._judge(out.condition, out.fake)
        return {
            "adv": adversarial_loss(on_fake, True, kind=kind),
            "l1": l1_loss(out.fake, batch[TARGET], self.valid(batch)),
        }

    def observe(self, out: Conditioned) -> Terms:
        on_real, on_fake = judgement(out)
        found = verdict([on_real], [on_fake], kind=self.options.adversarial)
        return {f"d/{name}": value for name, value in found.items()}

    def _judge(self, condition: Tensor, image: Tensor) -> Tensor:
        return self.discriminator(concat_condition(image, condition))[-1]

    def translate(self, batch: Batch, *, rng: torch.Generator | None = None) -> Tensor:
        return run_padded(self.generator, self.condition(batch))

    def valid(self, batch: Batch) -> Tensor | None:
        return self.condition.valid(batch)

    def visuals(self, batch: Batch) -> dict[str, Tensor]:
        return self.condition.visuals(batch)
