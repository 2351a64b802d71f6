"""The adversarial objective, and the base of GANs that draw from noise, whatever their networks are."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from img2img.data.spec import DataSpec
from img2img.errors import ConfigError
from img2img.keys import TARGET, Z
from img2img.losses.generative import LABELLED, discriminator_loss, generator_loss, verdict
from img2img.losses.penalties import divergence_penalty, gradient_penalty
from img2img.models.base import Batch, Model, Output, Terms, judgement
from img2img.models.latents import Latents
from img2img.models.regularizers import GANOptions, add_regularizers
from img2img.networks.noise import InstanceNoise
from img2img.networks.reference import Referenced

PENALTIES = {"gradient": gradient_penalty, "divergence": divergence_penalty}


class AdversarialObjective:
    """The losses of generator and discriminator.

    In a step both judge the same pictures, as in PyTorch's DCGAN example and in
    github.com/soumith/dcgan.torch; Goodfellow et al. 2014, Algorithm 1, and DCGAN's published code
    (github.com/Newmu/dcgan_code) draw other noise for the generator.

    Raises:
        ConfigError: settings that exclude each other.
    """

    def __init__(self, options: GANOptions):
        if options.real_label != 1 and options.adversarial not in LABELLED:
            raise ConfigError(
                f"model.real_label is {options.real_label:g}, but model.adversarial="
                f"{options.adversarial} has no labels; leave it out, or choose one of "
                f"{', '.join(LABELLED)}"
            )
        if options.penalty != "none":
            _require_single(options)
        self.kind, self.real_label = options.adversarial, options.real_label
        self.clipped_to = options.clip
        self._penalty = PENALTIES.get(options.penalty)

    def discriminator(self, on_real: Tensor, on_fake: Tensor, out: Output) -> Terms:
        """`real` and `fake`. The raw outputs (N, 1) are left in `out` for `observe`."""
        out.on_real, out.on_fake = on_real.detach(), on_fake.detach()
        return discriminator_loss(on_real, on_fake, kind=self.kind, real_label=self.real_label)

    def penalty(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Terms:
        """`penalty`, where the objective has one."""
        return {"penalty": self._penalty(critic, real, fake)} if self._penalty else {}

    def generator(self, on_fake: Tensor) -> Terms:
        """`adv`."""
        return {"adv": generator_loss(on_fake, kind=self.kind)}

    def clip(self, discriminator: nn.Module) -> None:
        """Clips its weights, where the objective says so: Arjovsky et al. 2017, Algorithm 1, line 7."""
        if self.clipped_to:
            for parameter in discriminator.parameters():
                parameter.clamp_(-self.clipped_to, self.clipped_to)

    def observe(self, out: Output) -> Terms:
        """How the discriminator did."""
        found = verdict(*judgement(out), kind=self.kind)
        return {f"d/{name}": value for name, value in found.items()}


def _require_single(options: GANOptions) -> None:
    """Raises ConfigError where a picture's score depends on the others of its batch."""
    start = f"model.penalty={options.penalty} is on the gradient of one picture's score, which "
    if getattr(options, "d_norm", "none") == "batch":
        raise ConfigError(
            f"{start}batch norm mixes with the others': set model.d_norm=none, instance, reference "
            "or virtual"
        )
    if options.regularizers.minibatch_discrimination:
        raise ConfigError(
            f"{start}minibatch discrimination mixes with the others': leave out "
            "model.regularizers.minibatch_discrimination or model.penalty"
        )


@dataclass
class Drawn(Output):
    """Pictures drawn from noise. Attributes: `latents`, as of `Latents.draw`, that they were drawn from."""

    latents: dict[str, Tensor] = field(default_factory=dict)


GANOptionsT = TypeVar("GANOptionsT", bound=GANOptions)


class GANBase(Model[GANOptionsT, Drawn], Generic[GANOptionsT]):
    """A generator that draws from noise against a discriminator.

    A subclass makes the two networks, and says what the discriminator is `told` beside the picture.
    One whose discriminator says more than its verdict, real or generated, makes terms of it (`naming`).
    """

    task = "generative"
    generator: nn.Module
    discriminator: nn.Module
    noise: InstanceNoise

    def __init__(self, options: GANOptionsT, spec: DataSpec, latents: Latents):
        super().__init__(options, spec)
        self.objective, self.latents = AdversarialObjective(options), latents
        add_regularizers(self, options.regularizers, k=options.critic_steps)
        if options.penalty != "none":
            self.double_backward = ("discriminator",)

    def draw(self, batch: Batch) -> dict[str, Tensor]:
        """Latents for as many pictures as the batch has."""
        return self.latents.draw(len(batch[TARGET]), batch[TARGET].device)

    def generate(self, batch: Batch) -> Drawn:
        latents = self.draw(batch)
        return Drawn(self.translate(latents), batch[TARGET], latents=latents)

    def told(self, batch: Batch) -> tuple[Tensor, ...]:
        """What the discriminator is told beside the picture."""
        return ()

    def judge(self, picture: Tensor, batch: Batch) -> Any:
        """The discriminator's raw outputs (N, ...) for pictures, behind noise where there is any.

        With its last feature map beside them where the model's discriminator shows that.
        """
        return self.discriminator(self.noise(picture), *self.told(batch))

    def naming(self, of_real: Tensor | None, of_fake: Tensor, batch: Batch, out: Drawn) -> Terms:
        """Terms of what the discriminator says beside its verdict, of both networks' losses.

        Args:
            of_real, of_fake: (N, ...), all of its outputs but the first; for the generator no `of_real`.
        """
        return {}

    def losses(self, update: str, batch: Batch, out: Drawn) -> Terms:
        real, fake = batch[TARGET], out.fake
        if update == "g":
            on_fake = self.judge(fake, batch)
            named = self.naming(None, on_fake[:, 1:], batch, out)
            return self.objective.generator(on_fake[:, :1]) | named
        on_real, on_fake = self.judge(real, batch), self.judge(fake, batch)
        return {
            **self.objective.discriminator(on_real[:, :1], on_fake[:, :1], out),
            **self.objective.penalty(lambda x: self.judge(x, batch)[:, :1], real, fake),
            **self.naming(on_real[:, 1:], on_fake[:, 1:], batch, out),
        }

    def after(self, update: str, out: Drawn) -> None:
        if update == "d":
            self.objective.clip(self.discriminator)
            self.noise.advance()

    @property
    def references(self) -> int:
        network = self.discriminator
        return network.count if isinstance(network, Referenced) else 0

    def keep_reference(self, batch: Batch) -> None:
        if isinstance(self.discriminator, Referenced):
            self.discriminator.set_reference(batch[TARGET], *self.told(batch))

    def observe(self, out: Drawn) -> Terms:
        return self.objective.observe(out)

    def translate(self, batch: Batch, *, rng: torch.Generator | None = None) -> Tensor:
        return self.generator(batch[Z], *self.latents.beside(batch))
