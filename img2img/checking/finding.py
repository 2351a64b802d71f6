"""What a check has to say."""

from dataclasses import dataclass
from typing import Literal

from img2img.data.survey import WARNING
from img2img.data.tally import listed

Level = Literal["problem", "warning", "remark"]
LEVELS: tuple[Level, ...] = ("problem", "warning", "remark")


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        level: a `problem` would stop a training; a `warning` deserves a look.
        text: what is wrong, where, and what to do about it.
        examples: the first files that it is about.
        count: how many there are of these.
    """

    level: Level
    text: str
    examples: tuple[str, ...] = ()
    count: int = 0

    @classmethod
    def of_remark(cls, remark: str) -> "Finding":
        """A remark of the first scan, which training says too."""
        text = remark.removeprefix(WARNING)
        return cls("remark" if text == remark else "warning", text)

    def lines(self) -> str:
        """For a terminal: the text, and below it the first of the examples."""
        below = listed(self.examples, self.count) if self.examples else ""
        return f"{self.level}: {self.text}" + f"\n{below}" * bool(below)
