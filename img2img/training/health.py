"""Is the training all right? Rules over what is logged anyway, each with one plain sentence.

A rule is a function of the history that returns what is wrong and which setting to change, or
None. Thresholds whose source is "measured" were set between trainings of the built-in scenes and of
facades that went well and ones made ill on purpose (tests/training/test_health.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from img2img.runs.records import UNTOLD_ROLES
from img2img.training.history import LEAST, WINDOW, History, Line, trend

QUIET = 2000  # steps before the same rule speaks again, once it had fallen silent

SURE = 0.99  # share of patches that a discriminator tells right when it has won
WARM_UP = 100  # steps until a discriminator has found its scale
WORSE_THAN_GUESS = -0.3  # gain of a discriminator that is of no use
OFTEN = 0.2  # share of lines with such a gain; 0.01 to 0.07 in healthy trainings
SLOW = 0.1  # how far it moves, as a share of the generator's way, when it is too slow
FLAT = 0.01  # standard deviation of a picture's pixels in [-1, 1]: about one grey level of 255
GRID = 0.02  # strength of a grid in [-1, 1] that one sees: 2.5 grey levels of 255
GRID_RATIO = 3.0  # how much stronger it is than in real pictures
WORSE = 1.05  # validation score, as a multiple of the best one
PATIENCE = 3  # validations after the best one


# ------------------------------------------------------------------ the rules


def discriminator_saturated(history: History) -> str | None:
    """It is right on 99 % of patches or pictures, and the generator does not gain on it.

    Then the generator's gradient from it vanishes (Arjovsky & Bottou 2017, "Towards principled
    methods for training GANs", Theorem 2.4). Threshold: measured.
    """
    for name in history.of_role("discriminator"):
        right = history.window(f"{name}/accuracy")
        if not len(right) or right.mean() < SURE or not history.trains(name):
            continue
        terms = [f"{generator}/adv" for generator in history.opponents(name)]
        losses = {term: values for term in terms if len(values := history.window(term))}
        if losses and all(trend(values) != "falling" for values in losses.values()):
            return (
                f"{_the_discriminator(history, name)} is right on {right.mean():.1%} of what it sees, "
                f"and {' and '.join(losses)} does not fall: the generator learns little from it any "
                "more. Weaken it with a smaller training.d_lr or model.d_width, or vary the pictures "
                "more (data.jitter, data.colour)"
            )
    return None


def generator_wins(history: History) -> str | None:
    """The discriminator does clearly worse than a constant answer would, in a fifth of the lines.

    What it says then leads the generator astray. At a finished training's optimum it is as good as
    that answer, not worse (Goodfellow et al. 2014, Sec. 4.1). Threshold: measured; the first steps,
    in which every discriminator is worse, do not count.
    """
    for name in history.of_role("discriminator"):
        gain = history.window(f"{name}/gain", after=WARM_UP)
        judged = [g for g in history.opponents(name) if history.trains(g, "adv")]
        if not len(gain) or not judged or not history.trains(name):
            continue
        worse = np.mean(gain < WORSE_THAN_GUESS)
        if worse < OFTEN:
            continue
        d, g = (history.window(f"{update}/moved") for update in (name, judged[0]))
        remedy = "a larger" if len(d) and np.median(d) < SLOW * np.median(g) else "a smaller"
        return (
            f"{_the_discriminator(history, name)} often does worse than a constant answer would (in "
            f"{worse:.0%} of the logged steps), so the generator learns little of use from it: set "
            f"{remedy} training.d_lr"
        )
    return None


def _the_discriminator(history: History, name: str) -> str:
    """What a discriminator is called: by its name where there are several."""
    several = len(history.of_role("discriminator")) > 1
    return f"the discriminator {name}" if several else "the discriminator"


def non_finite(history: History) -> str | None:
    """Any update was skipped, because a loss or gradient was infinite or no number; none is normal.

    In fp16 the search for the scale skips the first few steps (Micikevicius et al. 2018,
    "Mixed precision training", Sec. 3.2).
    """
    line = history.last
    if not line.skipped:
        return None
    updates = ", ".join(f"{count} of {name}" for name, count in line.skipped.items())
    return (
        f"updates were skipped ({updates}), because {cause(line)}: once or twice is a pair that is out "
        "of the ordinary; if it goes on, set a smaller training.lr or --precision fp32"
    )


def cause(line: Line) -> str:
    """What was not finite."""
    if not line.bad:
        return "gradients were not finite, though all losses were"
    return f"the loss {', '.join(line.bad)} was not finite"


def one_colour(history: History) -> str | None:
    """The pictures' pixels vary by less than one grey level, the real ones' by more.

    Where the real ones do not vary either, the data are at fault. Threshold: one level of 8 bits.
    """
    fake, real = history.window("fake/spread"), history.window("real/spread")
    if not len(fake) or not len(real) or fake.mean() >= FLAT:
        return None
    if real.mean() < FLAT:
        return (
            "the generated pictures are of one colour, and so are the real ones: look at the data with "
            "`img2img check-data`"
        )
    anchored = any(history.trains(name, "l1") for name in history.of_role("generator"))
    anchor = ", or more weight on model.weights.l1" if anchored else ""
    return (
        "the generated pictures are of one colour: the generator has collapsed. Train anew with a "
        f"smaller training.lr{anchor}"
    )


def checkerboard(history: History) -> str | None:
    """A grid of period 2 or 4 lies over the pictures, three times as strong as over real ones.

    Transposed convolutions whose kernel is no multiple of their stride draw it (Odena et al.
    2016). Thresholds: 2.5 grey levels can be seen on flat areas; the ratio is measured.
    """
    fake, real = history.window("fake/grid"), history.window("real/grid")
    if not len(fake) or not len(real):
        return None
    if fake.mean() < GRID or fake.mean() < GRID_RATIO * real.mean():
        return None
    return (
        f"a grid lies over the generated pictures ({fake.mean() * 127.5:.1f} grey levels, "
        f"{real.mean() * 127.5:.1f} in real ones): train with model.up=resize, or longer"
    )


def overfitting(history: History) -> str | None:
    """The last three validations are 5 % worse than the best one, while the training's L1 fell.

    Early stopping's rule of generalisation loss with patience (Prechelt 1998, "Early stopping -
    but when?", GL and UP). By LPIPS where it is computed, else by L1.
    """
    found = history.validations
    if len(found) <= PATIENCE:
        return None
    name = "val/lpips" if "val/lpips" in found[-1].values else "val/l1"
    scores = [line.values.get(name, np.nan) for line in found]
    if not np.isfinite(scores).all():
        return None
    best = int(np.argmin(scores))
    if len(scores) - 1 - best < PATIENCE or min(scores[-PATIENCE:]) < WORSE * scores[best]:
        return None
    for term in (f"{generator}/l1" for generator in history.of_role("generator")):
        before, now = (found[i].values.get(term, np.nan) for i in (best, -1))
        if now < before:
            return (
                f"{name} was best at step {found[best].step} ({scores[best]:.3g}, now "
                f"{scores[-1]:.3g}), while {term} in training still falls ({before:.3g}, now "
                f"{now:.3g}): the pairs are being learnt by heart. Stop and use the best checkpoint, "
                "or train with more pairs, data.jitter, data.rotate or data.colour"
            )
    return None


def nothing_learns(history: History) -> str | None:
    """No weight of an update has moved at all, though its losses weigh something.

    Threshold: the smallest relative step that a float32 can make, 2^-24.
    """
    generators = history.of_role("generator")
    for update in dict.fromkeys((*generators, *history.roles)):
        moved = history.window(f"{update}/moved")
        if not len(moved) or not history.trains(update) or history.last.values.get("lr") == 0:
            continue
        if moved.max() < 2**-24 and update not in history.last.skipped:
            return (
                f"no weight of {update} has moved in {WINDOW} steps: training.lr is too small for "
                "weights of this size, or nothing leads from its losses to them"
            )
    return None


def learning_rate_zero(history: History) -> str | None:
    """The learning rate is 0: the schedule is over, but the training goes on."""
    if history.last.values.get("lr") != 0:
        return None
    return (
        "the learning rate is 0: nothing is learnt any more. Stop, or train on with a longer "
        "training.decay_epochs (or decay_steps)"
    )


Rule = Callable[[History], str | None]
OF_BALANCE: tuple[Rule, ...] = (discriminator_saturated, generator_wins, checkerboard)
RULES: tuple[Rule, ...] = (
    non_finite,
    learning_rate_zero,
    nothing_learns,
    one_colour,
    *OF_BALANCE,
    overfitting,
)


# ---------------------------------------------------------------- the monitor


@dataclass(frozen=True)
class HealthMessage:
    """What a rule found. Attributes: its name, and the sentence."""

    rule: str
    message: str


class Monitor:
    """Asks the rules after every logged line, and repeats nothing.

    Args:
        weights, roles: as of `History`.
        settling: steps in which the rules `OF_BALANCE` are not asked.

    Attributes:
        said: all that was found.
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        roles: Mapping[str, str] = UNTOLD_ROLES,
        *,
        settling: int = 0,
    ):
        self.history, self.settling = History(weights, roles), settling
        self.said: list[HealthMessage] = []
        self._spoke: dict[str, int] = {}
        self._ill: set[str] = set()

    def line(self, line: Line) -> list[HealthMessage]:
        """What is newly wrong after another line of the log."""
        self.history.add(line)
        return self._ask(line.step)

    def validation(self, step: int, scores: Mapping[str, float]) -> list[HealthMessage]:
        """What is newly wrong after a validation."""
        self.history.validated(step, scores)
        return self._ask(step)

    def _ask(self, step: int) -> list[HealthMessage]:
        asked = [rule for rule in RULES if step > self.settling or rule not in OF_BALANCE]
        found = {rule.__name__: rule(self.history) for rule in asked}
        ill = {name for name, message in found.items() if message}
        new = [
            HealthMessage(name, message)
            for name, message in found.items()
            if message and name not in self._ill and self._may_speak(name, step)
        ]
        self._spoke |= {finding.rule: step for finding in new}
        self._ill = ill
        self.said += new
        return new

    def _may_speak(self, name: str, step: int) -> bool:
        return name not in self._spoke or step - self._spoke[name] >= QUIET

    def pulse(self) -> str:
        """How it goes in half a line, empty before there is anything to say."""
        said, history = [], self.history
        for name in history.of_role("discriminator"):
            right = history.window(f"{name}/accuracy", whole=False)
            if len(right):
                who = _the_discriminator(history, name).removeprefix("the ")
                said.append(f"{who} right on {right.mean():.0%}")
        for name in history.of_role("generator"):
            for term in (f"{name}/adv", f"{name}/l1"):
                values = history.window(term, whole=False)
                if len(values) >= LEAST:
                    said.append(f"{term} {trend(values)}")
        return ", ".join(said)
