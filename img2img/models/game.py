"""The game of generator and discriminator, whatever the two networks are."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn

from img2img.errors import ConfigError
from img2img.losses.generative import (
    LABELLED,
    Kind,
    discriminator_loss,
    generator_loss,
    verdict,
)
from img2img.losses.penalties import divergence_penalty, gradient_penalty
from img2img.models.base import Terms, Update

Penalty = Literal["none", "gradient", "divergence"]
PENALTIES = {"gradient": gradient_penalty, "divergence": divergence_penalty}


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
