"""The game of generator and discriminator, and the models that play it, whatever their networks are."""

from collections.abc import Callable
from functools import partial
from typing import Literal

from torch import Tensor, nn

from img2img.data.spec import DataSpec
from img2img.errors import ConfigError
from img2img.losses.generative import (
    LABELLED,
    Kind,
    discriminator_loss,
    generator_loss,
    verdict,
)
from img2img.losses.penalties import divergence_penalty, gradient_penalty
from img2img.models.base import Batch, Model, Terms, Update
from img2img.models.latents import Latents
from img2img.schema import Section

Penalty = Literal["none", "gradient", "divergence"]
PENALTIES = {"gradient": gradient_penalty, "divergence": divergence_penalty}


class Weights(Section):
    """Loss weights; the adversarial terms stand in the papers' objectives as they are."""

    real: float = 1.0
    """Weight of the discriminator's loss on real pictures."""
    fake: float = 1.0
    """Weight of the discriminator's loss on generated pictures."""
    adv: float = 1.0
    """Weight of the generator's adversarial loss."""


class Game:
    """The losses of both players. The discriminator is stepped first, the generator every k steps.

    In a step both judge the same pictures, as DCGAN's published code does; Goodfellow et al. 2014,
    Algorithm 1, draws other noise for the generator.

    Args:
        kind: the adversarial loss; see `losses.generative`.
        k: the discriminator's steps for one of the generator's.
        real_label: the label of real pictures.
        penalty: on the critic's gradient; see `losses.penalties`.
        clip: greatest absolute weight of the discriminator; 0: not clipped.

    Raises:
        ConfigError: a label where the loss has none.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        k: int = 1,
        real_label: float = 1.0,
        penalty: Penalty = "none",
        clip: float = 0.0,
    ):
        if real_label != 1 and kind not in LABELLED:
            raise ConfigError(
                f"model.real_label is {real_label:g}, but model.adversarial={kind} has no labels; "
                f"leave it out, or choose one of {', '.join(LABELLED)}"
            )
        self.kind, self.real_label, self.clipped_to = kind, real_label, clip
        self._penalty = PENALTIES.get(penalty)
        self.updates = (Update("d", ("discriminator",)), Update("g", ("generator",), every=k))

    def discriminator(self, on_real: Tensor, on_fake: Tensor, out: dict[str, Tensor]) -> Terms:
        """`real` and `fake`. The raw outputs (N, 1) are left in `out` for `observe`."""
        out |= {"on_real": on_real.detach(), "on_fake": on_fake.detach()}
        return discriminator_loss(on_real, on_fake, kind=self.kind, real_label=self.real_label)

    def penalty(self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Terms:
        """`penalty`, where the game has one."""
        return {"penalty": self._penalty(critic, real, fake)} if self._penalty else {}

    def generator(self, on_fake: Tensor) -> Terms:
        """`adv`."""
        return {"adv": generator_loss(on_fake, kind=self.kind)}

    def clip(self, discriminator: nn.Module) -> None:
        """Clips its weights, where the game does so: Arjovsky et al. 2017, Algorithm 1, line 7."""
        if self.clipped_to:
            for parameter in discriminator.parameters():
                parameter.clamp_(-self.clipped_to, self.clipped_to)

    def observe(self, out: dict[str, Tensor]) -> Terms:
        """How the discriminator did."""
        found = verdict(out["on_real"], out["on_fake"], kind=self.kind)
        return {f"d/{name}": value for name, value in found.items()}


class Players(Model):
    """A generator that draws from noise and a discriminator, in a game.

    A subclass makes the two networks. One whose discriminator is told more than the picture has a
    `judge` of its own; one whose discriminator says more than real or generated has its own losses.
    """

    takes = "pictures"

    def __init__(self, options: Section, spec: DataSpec, game: Game, latents: Latents):
        super().__init__(options, spec)
        self.game, self.latents, self.updates = game, latents, game.updates

    def draw(self, batch: Batch) -> dict[str, Tensor]:
        """Latents for as many pictures as the batch has."""
        return self.latents.draw(len(batch["target"]), batch["target"].device)

    def generate(self, batch: Batch) -> dict[str, Tensor]:
        latents = self.draw(batch)
        return {**latents, "fake": self.translate(latents)}

    def judge(self, picture: Tensor, batch: Batch) -> Tensor:
        """The discriminator's raw outputs (N, 1) for pictures; `batch` holds what else it is told."""
        return self.discriminator(picture)

    def losses(self, update: str, batch: Batch, out: dict[str, Tensor]) -> Terms:
        judge = partial(self.judge, batch=batch)
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
        return self.generator(batch["z"], *self.latents.beside(batch))
