"""pix2pixHD: high-resolution synthesis with conditional GANs (Wang et al. 2018)."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from img2img.data.spec import DataSpec
from img2img.errors import ConfigError
from img2img.keys import STYLES, TARGET
from img2img.labels import instance_mean
from img2img.losses.adversarial import Reduction, adversarial_loss, verdict
from img2img.losses.matching import PerceptualLoss, feature_matching_loss, l1_loss
from img2img.models.base import Batch, Model, Output, Terms, Update, load_fitting
from img2img.models.conditioning import Condition
from img2img.models.generators import (
    TranslationOptions,
    TranslationWeights,
    build_generator,
    makes_image,
)
from img2img.networks.layers import concat_condition
from img2img.networks.padding import AnySize, run_padded
from img2img.networks.patchgan import MultiscaleDiscriminator, smallest_input
from img2img.networks.pix2pixhd import GlobalGenerator, LocalEnhancer
from img2img.networks.pretrained import blank_vgg, load_vgg
from img2img.schema import Weight

DISCRIMINATOR_PADDING = 2  # of the published networks; pix2pix pads by 1
MAX_CHANNELS = 512


class Weights(TranslationWeights):
    """Loss weights: Wang et al. 2018, Eq. 5 and Sec. 4; L1 0 reproduces the paper."""

    l1: Weight = 10.0
    """Weight of the mean absolute difference to the target."""
    feature_matching: Weight = 10.0
    """Weight of the difference in the discriminator's features."""
    perceptual: Weight = 10.0
    """Weight of the difference in VGG features; 0: no VGG weights are needed."""


class Pix2PixHDOptions(TranslationOptions):
    """Settings of pix2pixHD."""

    name: Literal["pix2pixHD"] = "pix2pixHD"
    """The model."""
    generator: Literal["global", "enhancer", "unet"] = "global"
    """The generator: global (a ResNet), enhancer (coarse-to-fine), or a U-Net."""
    n_down: int = Field(4, ge=1)
    """Downsamplings of the global generator."""
    boundary: bool = True
    """Join the boundary map of the instances, or else of the labels, to the input."""
    coarse: Literal["global", "unet"] = "global"
    """What the enhancer is built on: a generator of twice the width for each doubling."""
    n_enhancers: int = Field(1, ge=1)
    """Enhancers, each of which doubles the resolution."""
    n_blocks_enhancer: int = Field(3, ge=0)
    """Residual blocks of an enhancer."""
    coarse_fixed_epochs: int = Field(0, ge=0)
    """Epochs before the coarse generator is trained too: 10 as published, where it starts from a
    trained one (`training.init_from`), else 0."""
    features: bool = False
    """Join features of the photo, averaged over every instance, to the generator's input."""
    feature_channels: int = Field(3, ge=1)
    """Channels of these features."""
    e_width: int = Field(16, ge=1)
    """Channels of the first layer of the network that makes the features."""
    e_down: int = Field(4, ge=1)
    """Downsamplings of the network that makes the features."""
    d_layers: int = Field(3, ge=1)
    """Layers of each discriminator that halve the resolution."""
    num_D: int = Field(3, ge=1)
    """Discriminators, at full resolution, a half, a quarter, ..."""
    scales: Reduction = "mean"
    """How the adversarial losses of the discriminators combine."""
    vgg: Literal["auto", "vgg19", "vgg16"] = "auto"
    """Network of the perceptual loss; auto: VGG19, or no such loss without its weights
    (`model.weights.perceptual=0`: never)."""
    vgg_weights: str | None = None
    """File with VGG weights in torchvision's key names; null: torchvision's cache, or a download."""
    vgg_imagenet_norm: bool = True
    """VGG takes pictures normalised as in its training; false: in [-1, 1], as published."""
    weights: Weights = Weights()


@dataclass(kw_only=True)
class Judged(Output):
    """Pictures that the discriminators have judged once, for all updates.

    Attributes:
        of_real, of_fake: for each discriminator the features of all of its layers, with graph; the
            last are its verdict, patch by patch.
        perceptual: the perceptual loss, a scalar; None: there is none.
    """

    of_real: list[list[Tensor]]
    of_fake: list[list[Tensor]]
    perceptual: Tensor | None


class Pix2PixHD(Model[Pix2PixHDOptions, Judged]):
    """A coarse-to-fine generator against multi-scale PatchGANs with feature matching.

    Both updates of a step use the same discriminator outputs: the discriminator is stepped
    last and judges the picture of the generator before its step, as published.
    """

    Options = Pix2PixHDOptions
    shared_graph = True
    style_input: str | None = None

    def __init__(self, options: Pix2PixHDOptions, spec: DataSpec):
        super().__init__(options, spec)
        self.condition = Condition(spec, boundary=options.boundary)
        extra = options.feature_channels if options.features else 0
        self.generator = _build_generator(options, spec, self.condition.channels + extra)
        nets: tuple[str, ...] = ("generator",)
        if options.features:
            nets = self.inference_nets = ("generator", "encoder")
            self.encoder = GlobalGenerator(
                in_channels=spec.target.channels,
                out_channels=options.feature_channels,
                width=options.e_width,
                n_down=options.e_down,
                n_blocks=0,
                norm=options.norm,
                up=options.up,
                bias=options.bias,
            )
            self.style_input = _instance_input(spec)
        self.updates = (
            Update("g", nets, "generator"),
            Update("d", ("discriminator",), "discriminator"),
        )
        least = smallest_input(
            options.d_layers, padding=DISCRIMINATOR_PADDING, scales=options.num_D
        )
        self.require_size(least, "set a smaller model.num_D")
        self.discriminator = MultiscaleDiscriminator(
            scales=options.num_D,
            in_channels=self.condition.channels + spec.target.channels,
            width=options.d_width,
            n_layers=options.d_layers,
            norm=options.norm,
            padding=DISCRIMINATOR_PADDING,
            max_channels=max(MAX_CHANNELS, options.d_width),
        )
        self.perceptual: PerceptualLoss | None = None

    def start_training(self, *, blank: bool = False) -> list[str]:
        options = self.options
        remarks = []
        if options.features and self.spec.instances is None:
            remarks.append(
                "styles: the data have no instances, so all that is of one class in a picture has "
                "one style; data.derive_instances=true gives every connected piece its own"
            )
        if not options.weights.perceptual:
            return remarks
        channels = self.spec.target.channels
        if channels not in (1, 3):
            return [
                *remarks,
                f"perceptual loss off: VGG takes 1 or 3 channels, the target has {channels}",
            ]
        load = blank_vgg if blank else load_vgg
        vgg, remark = load(
            options.vgg, options.vgg_weights, imagenet_norm=options.vgg_imagenet_norm
        )
        if vgg is not None:
            self.perceptual = PerceptualLoss(vgg)
        return [*remarks, remark]

    def generate(self, batch: Batch) -> Judged:
        condition = self.condition(batch)
        features = self.encode(batch) if self.options.features else None
        fake = self._draw(condition, features)
        real, perceptual = batch[TARGET], None
        if self.perceptual is not None:  # before the discriminator: VGG's memory is free again
            perceptual = self.perceptual(fake, real)
        of_fake = self.discriminator(concat_condition(fake, condition))
        of_real = self.discriminator(concat_condition(real, condition))
        return Judged(fake, real, of_real=of_real, of_fake=of_fake, perceptual=perceptual)

    def losses(self, update: str, batch: Batch, out: Judged) -> Terms:
        options = self.options
        real, fake = ([features[-1] for features in part] for part in (out.of_real, out.of_fake))
        loss = partial(adversarial_loss, kind=options.adversarial, scales=options.scales)
        if update == "d":
            return {"real": loss(real, True), "fake": loss(fake, False)}
        terms = {"adv": loss(fake, True)}
        if options.weights.l1:
            terms["l1"] = l1_loss(out.fake, batch[TARGET], self.valid(batch))
        if options.weights.feature_matching:
            terms["feature_matching"] = feature_matching_loss(out.of_fake, out.of_real)
        if out.perceptual is not None:
            terms["perceptual"] = out.perceptual
        return terms

    def observe(self, out: Judged) -> Terms:
        real, fake = ([f[-1] for f in part] for part in (out.of_real, out.of_fake))
        found = verdict(real, fake, kind=self.options.adversarial)
        return {f"d/{name}": value for name, value in found.items()}

    def trainable(self, update: Update, epoch: int) -> list[nn.Parameter]:
        """Everything; in the first epochs of an enhancer not its coarse generator (Sec. 3.1)."""
        parameters = super().trainable(update, epoch)
        fixed = update.name == "g" and epoch < self.options.coarse_fixed_epochs
        if fixed and isinstance(self.generator, LocalEnhancer):
            coarse = self.generator.coarse.named_parameters()
            frozen = {id(p) for name, p in coarse if not self._is_new(name)}
            parameters = [p for p in parameters if id(p) not in frozen]
        return parameters

    def _is_new(self, name: str) -> bool:
        """Whether no plain generator brings this parameter of the coarse one.

        The last doubling of a U-Net with transposed convolutions leads to the image in a plain
        one and to features here; everywhere else only the layer after it is left out.
        """
        options = self.options
        return options.coarse == "unet" and options.up == "transposed" and name.startswith("head.")

    def adopt(self, states: dict[str, dict[str, Tensor]]) -> list[str]:
        """As the base; the generator of a plain run becomes an enhancer's coarse generator."""
        own, given = self.generator, states.get("generator", {})
        if not isinstance(own, LocalEnhancer) or any(k.startswith("coarse.") for k in given):
            return super().adopt(states)
        given = {k: v for k, v in given.items() if not makes_image(k)}
        fresh = {k: v for k, v in own.coarse.state_dict().items() if self._is_new(k)}
        loaded = load_fitting(own.coarse, {**given, **fresh}, "generator.coarse")
        return [f"{loaded}, but for its last layer" if fresh else loaded]

    def loss_switches(self) -> dict[str, bool]:
        return {"perceptual": self.perceptual is not None}

    def encode(self, batch: Batch) -> Tensor:
        """The target's features (N, C, H, W), the mean of every instance at all of its pixels."""
        if self.style_input is None:
            raise ValueError("model.features is off: there are no styles to encode")
        return instance_mean(run_padded(self.encoder, batch[TARGET]), batch[self.style_input])

    def _draw(self, condition: Tensor, features: Tensor | None) -> Tensor:
        """`features`: (N, C, H, W); None where the generator takes none, or for neutral ones."""
        if self.options.features:
            if features is None:
                shape = (len(condition), self.options.feature_channels, *condition.shape[2:])
                features = condition.new_zeros(shape)
            condition = torch.cat([condition, features], dim=1)
        return run_padded(self.generator, condition)

    def translate(self, batch: Batch, *, rng: torch.Generator | None = None) -> Tensor:
        """The image, in the styles that the batch brings.

        These are its `STYLES` (N, C, H, W), else those of its target, where there is one (the
        held-out pairs of a validation), else neutral ones: 0.
        """
        features = batch.get(STYLES)
        if features is None and self.style_input and TARGET in batch:
            features = self.encode(batch)
        return self._draw(self.condition(batch), features)

    def valid(self, batch: Batch) -> Tensor | None:
        return self.condition.valid(batch)

    def visuals(self, batch: Batch) -> dict[str, Tensor]:
        return self.condition.visuals(batch)


def _build_generator(options: Pix2PixHDOptions, spec: DataSpec, in_channels: int) -> AnySize:
    """A plain generator, or an enhancer around one (Sec. 3.1)."""
    if options.generator != "enhancer":
        return build_generator(
            options, spec, in_channels, kind=options.generator, width=options.width
        )
    # The coarse generator ends in the channels that the first stage adds to its own.
    width = options.width << options.n_enhancers
    return LocalEnhancer(
        build_generator(options, spec, in_channels, kind=options.coarse, width=width, head=False),
        in_channels=in_channels,
        out_channels=spec.target.channels,
        width=options.width,
        n_enhancers=options.n_enhancers,
        n_blocks=options.n_blocks_enhancer,
        norm=options.norm,
        up=options.up,
        bias=options.bias,
    )


def _instance_input(spec: DataSpec) -> str:
    """The input whose ids are averaged over: instances, else the labels' regions.

    Raises:
        ConfigError: the data have neither.
    """
    source = spec.instances or spec.labels
    if source is None:
        raise ConfigError(
            "model.features averages over instances, but the data have neither instances nor labels"
        )
    return source.name
