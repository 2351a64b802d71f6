"""What a job is: everything that depends on what goes into a model and what comes out of it.

A model names its task (`Model.task`), and nothing else asks which one it is.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from img2img.data.describe import Data
from img2img.data.loader import PairDataset
from img2img.data.spec import DataSpec
from img2img.errors import ConfigError
from img2img.evaluation.evaluator import RunEvaluator
from img2img.evaluation.instruments import Options
from img2img.keys import CLASS
from img2img.models.base import Batch, Model
from img2img.schema import Config


class Validator(Protocol):
    """Looks at a model during training: scores and a sheet of pictures.

    Attributes:
        criterion: the score that chooses the best checkpoint; empty: there is none.
        remark: a sentence for the log, about what is not measured; may be empty.
    """

    criterion: str
    remark: str

    def better(self, value: float, than: float | None) -> bool:
        """Whether a score of the criterion beats another one."""

    def terms(self, model: Model) -> str:
        """What the scores hold for, to stand beside them: of how many pictures, on which scale."""

    def run(
        self, model: Model, interrupted: Callable[[], bool]
    ) -> tuple[dict[str, float], np.ndarray | None]:
        """Scores by name, such as `val/ssim`, and a sheet (H, W, 3) uint8, if there is one.

        The model is left in training mode.

        Args:
            interrupted: asked now and then; once true, the answer is ({}, None).
        """


class Task(ABC):
    """One job, shared by all models that do it.

    Attributes:
        settling: steps until generator and discriminator have found their balance; health rules
            of balance are silent before.
        one_size: pictures are of one size, in training and ever after, so that held-out ones are
            cropped as training ones are, and --fit must not choose another crop.
    """

    settling: int = 0
    one_size: bool = False

    @abstractmethod
    def describe(self, config: Config) -> Data:
        """Finds and describes the data of a config.

        Raises:
            DataError: one message with what is wrong, which files, and what to set.
        """

    def blank_batch(
        self, spec: DataSpec, size: tuple[int, int], count: int, device: torch.device
    ) -> Batch:
        """A batch as the loader brings it, all zeros: for forecasts, and whatever needs its shapes."""
        batch = {field.name: field.blank(count, size, device) for field in spec.fields}
        if spec.class_names:
            batch[CLASS] = torch.zeros(count, dtype=torch.int64, device=device)
        return batch

    @abstractmethod
    def blank_inputs(
        self, model: Model, data: Data, size: tuple[int, int], device: torch.device
    ) -> Batch | None:
        """Zeros in place of the most that a validation translates at once; None: it does not.

        Args:
            size: (height, width) of the largest picture.
        """

    @abstractmethod
    def validator(self, config: Config, dataset: PairDataset, device: torch.device) -> Validator:
        """What looks at the model during training.

        Args:
            dataset: held out, not augmented; may be empty.

        Raises:
            ConfigError: a metric is asked for that cannot be had.
        """

    @abstractmethod
    def next_steps(self, run: str, spec: DataSpec, *, styles: bool) -> dict[str, str]:
        """Commands for after a training, by what they do.

        Args:
            run: as it is typed.
            styles: whether the run has styles to cluster.
        """

    def evaluator(self, run: str | None, options: Options) -> RunEvaluator:
        """What scores a trained run, by its name or path; None for the newest.

        Raises:
            ConfigError: nothing does.
        """
        raise ConfigError(
            "runs of this kind have nothing to be scored by; look at their samples, or score folders "
            "of pictures by --fake and --real"
        )

    @abstractmethod
    def predictor(self, run: str | Path | None = None, **settings: Any) -> Any:
        """What uses a trained run; arguments are as of the `load` of its class."""
