"""What an evaluator is: it scores the pictures of one run, or of one folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from img2img.config import parse_config
from img2img.evaluation.heldout import Styles
from img2img.evaluation.instruments import Instruments, Wanted
from img2img.evaluation.reals import RealFolder, Reals
from img2img.evaluation.scoring import Scored
from img2img.models import OPTIONS
from img2img.runs.folder import find_run, pick_checkpoint
from img2img.schema import Config

NO_PICTURES = RealFolder({}, {})


@dataclass(frozen=True)
class Options:
    """What holds for all pictures of one call.

    Attributes:
        data: pairs of another place than the run's own; real pictures, of a run that draws.
        limit: pairs that are scored at most, or pictures that are drawn.
        styles: of runs with styles.
        seed: of random styles, or of what is drawn.
    """

    checkpoint: str | None = None
    data: Path | None = None
    limit: int | None = None
    device: str = "auto"
    styles: Styles = "usual"
    seed: int = 0
    wanted: Wanted = field(default_factory=Wanted)


@dataclass(frozen=True)
class EvaluatedSet:
    """A set of pictures that has been scored.

    Attributes:
        fakes: its files by the names of the real pictures.
        run: the folder of the run that made them; None where no run of ours did.
        grid: of a run that draws from noise its pictures, uint8 RGB (H, W, 3), instead of files.
    """

    scored: Scored
    fakes: Mapping[str, Path] = field(default_factory=dict)
    reals: Reals = NO_PICTURES
    run: Path | None = None
    grid: np.ndarray | None = None


class Evaluator(Protocol):
    """Scores pictures of one origin. Nothing is loaded before the first call."""

    def gather(self, folder: Path) -> Instruments:
        """The networks that judge; one that is trained is written into `folder`.

        Raises:
            UserError: the run, its data or a file that was named cannot be used.
        """

    def evaluate(self, folder: Path, tools: Instruments) -> EvaluatedSet:
        """Makes the pictures, scores them and writes everything into `folder`.

        Args:
            tools: what `gather` returned, of this or of an evaluator that it is compared with.

        Raises:
            UserError: anything that the user can mend.
        """


class RunEvaluator(Evaluator, Protocol):
    """Scores what a run makes; its task hands it out.

    Attributes:
        run: name or path; None for the newest.
    """

    run: str | None

    def require_comparable(self, other: "RunEvaluator") -> None:
        """Raises ConfigError where two runs would be scored by other real pictures each."""

    def of_inputs(self, fakes: Mapping[str, Path], place: Path) -> Mapping[str, Path]:
        """Another tool's pictures, of the run's own inputs alone.

        Raises:
            ConfigError: there are none.
        """

    def evaluate_others(
        self, folder: Path, tools: Instruments, fakes: Mapping[str, Path], place: Path
    ) -> EvaluatedSet:
        """`evaluate` for another tool's pictures of the same inputs, which lie in `place`."""


def config_of(run: str | None, options: Options) -> Config:
    """A run's config, as its checkpoint has it."""
    found = pick_checkpoint(find_run(run), options.checkpoint)
    return parse_config(found.meta["config"], OPTIONS, str(found.path))
