"""What an evaluator is: it scores the pictures of one run, or of one folder."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from img2img.config import parse_config
from img2img.evaluation.instruments import Instruments, Options
from img2img.evaluation.reals import RealFolder, Reals
from img2img.evaluation.result import Evaluation
from img2img.models import OPTIONS
from img2img.runs.folder import find_run, pick_checkpoint
from img2img.schema import Config

NO_PICTURES = RealFolder({}, {})


@dataclass(frozen=True)
class EvaluatedSet:
    """A set of pictures that has been scored.

    Attributes:
        fakes: its files by the names of the real pictures.
        run: the folder of the run that made them; None where no run of ours did.
        grid: of a run that draws from noise its pictures, uint8 RGB (H, W, 3), instead of files.
    """

    evaluation: Evaluation
    fakes: Mapping[str, Path] = field(default_factory=dict)
    reals: Reals = NO_PICTURES
    run: Path | None = None
    grid: np.ndarray | None = None


class Evaluator(ABC):
    """Scores pictures of one origin.

    Attributes:
        remarks: pictures that are not used, and why.
    """

    remarks: Sequence[str] = ()

    @abstractmethod
    def gather(self, folder: Path) -> Instruments:
        """The networks that judge; one that is trained is written into `folder`.

        Raises:
            UserError: the run, its data or a file that was named cannot be used.
        """

    @abstractmethod
    def evaluate(self, folder: Path, tools: Instruments) -> EvaluatedSet:
        """Makes the pictures, scores them and writes everything into `folder`.

        Args:
            tools: what `gather` returned, of this or of an evaluator that it is compared with.

        Raises:
            UserError: anything that the user can mend.
        """


class RunEvaluator(Evaluator):
    """Scores what a run makes; its task hands it out. Nothing is loaded before the first call.

    Args:
        run: name or path; None for the newest.
    """

    def __init__(self, run: str | None, options: Options):
        self.run, self.options = run, options

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return find_run(self.run).resolve()

    def require_comparable(self, other: "RunEvaluator") -> None:
        """Raises ConfigError where it is known already that two runs have other real pictures each."""

    @abstractmethod
    def against(self, place: Path) -> Evaluator:
        """Of another tool's pictures of the same inputs, which lie in `place`.

        Raises:
            UserError: there are none.
        """


def config_of(run: str | None, options: Options) -> Config:
    """A run's config, as its checkpoint has it."""
    found = pick_checkpoint(find_run(run), options.checkpoint)
    return parse_config(found.meta["config"], OPTIONS, str(found.path))
