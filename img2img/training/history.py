"""What was logged of a training lately, as the rules of its health look at it."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from img2img.runs.records import UNTOLD_ROLES

WINDOW = 200  # steps that a rule looks at
LEAST = 5  # logged lines in them


@dataclass(frozen=True)
class Line:
    """One logged line.

    Attributes:
        values: scalars by name.
        skipped: by update, how many were not made, because gradients were not finite.
        bad: by loss, how often it was not finite.
    """

    step: int
    values: Mapping[str, float]
    skipped: Mapping[str, int] = field(default_factory=dict)
    bad: Mapping[str, int] = field(default_factory=dict)


class History:
    """The last lines of the log, and all validations.

    Args:
        weights: loss weights by term; a term that weighs 0 is logged, but trains nothing.
        roles: the role of each update (`models.base.Role`), by its name.
    """

    def __init__(self, weights: Mapping[str, float], roles: Mapping[str, str] = UNTOLD_ROLES):
        self.weights, self.roles = weights, roles
        self.lines: deque[Line] = deque()
        self.validations: list[Line] = []

    def add(self, line: Line) -> None:
        """A line is kept as long as the window or `LEAST` lines reach back to it."""
        self.lines.append(line)
        while len(self.lines) > LEAST and self.lines[0].step <= line.step - WINDOW:
            self.lines.popleft()

    def validated(self, step: int, scores: Mapping[str, float]) -> None:
        """The scores of a validation, with the generators' mean L1 of the steps before it."""
        names = [f"{generator}/l1" for generator in self.of_role("generator")]
        windows = {name: self.window(name, whole=False) for name in names}
        trained = {name: float(values.mean()) for name, values in windows.items() if len(values)}
        self.validations.append(Line(step, {**trained, **scores}))

    def of_role(self, role: str) -> list[str]:
        """The names of the updates of a role."""
        return [name for name, its in self.roles.items() if its == role]

    def opponents(self, discriminator: str) -> Sequence[str]:
        """The generators that a discriminator judges, by the names of their updates.

        Where there are as many of both, the first ones play against each other, the second ones,
        and so on; else each discriminator judges all generators.
        """
        own, others = self.of_role("discriminator"), self.of_role("generator")
        return [others[own.index(discriminator)]] if len(own) == len(others) else others

    def window(self, name: str, *, whole: bool = True, after: int = 0) -> np.ndarray:
        """The values of the last steps; empty before there are enough of them.

        Args:
            whole: False takes what there is.
            after: lines up to this step do not count.
        """
        lines = [line for line in self.lines if line.step > after]
        values = [line.values[name] for line in lines if name in line.values]
        if not whole:
            return np.array(values)
        # The first line stands for the steps before it.
        reaches = len(lines) >= LEAST and self.last.step - lines[0].step >= WINDOW * (1 - 1 / LEAST)
        return np.array(values if reaches and len(values) == len(lines) else [])

    @property
    def last(self) -> Line:
        """The last logged line; an empty one where a validation comes before any."""
        return self.lines[-1] if self.lines else Line(0, {})

    def trains(self, update: str, term: str | None = None) -> bool:
        """Whether a loss term of an update (or any of them) was logged and weighs anything."""
        names = [name.split("/")[1] for name in self.last.values if name.startswith(f"{update}/")]
        return any(self.weights.get(n) for n in names if term in (None, n))


def trend(values: np.ndarray) -> str:
    """ "falling", "rising", or "steady" where the halves differ by less than two standard errors."""
    first, second = np.array_split(values, 2)
    error = np.sqrt(np.var(first) / len(first) + np.var(second) / len(second))
    change = second.mean() - first.mean()
    if abs(change) <= 2 * error:
        return "steady"
    return "falling" if change < 0 else "rising"
