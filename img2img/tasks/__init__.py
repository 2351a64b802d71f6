"""The jobs, by the name that a model calls its own by (`Model.task`)."""

from pathlib import Path
from typing import Any

from img2img.data.describe import Data
from img2img.evaluation.evaluator import RunEvaluator, config_of
from img2img.evaluation.instruments import Options
from img2img.models import MODELS
from img2img.schema import Config
from img2img.tasks.base import Task
from img2img.tasks.generative import Generative
from img2img.tasks.paired import Paired

TASKS: dict[str, Task] = {"paired": Paired(), "generative": Generative()}


def task_of(model: str) -> Task:
    """The job of a model, by the name that `--model` takes."""
    return TASKS[MODELS[model].task]


def evaluator_of(run: str | None, options: Options) -> RunEvaluator:
    """What scores a run, by its task.

    Args:
        run: name or path; None for the newest.

    Raises:
        CheckpointError: there is no such run, or it has no checkpoint.
    """
    return task_of(config_of(run, options).model.name).evaluator(run, options)


def find_data(config: Config) -> Data:
    """The data of a config, as its model's task describes them.

    Raises:
        DataError: one message with what is wrong, which files, and what to set.
    """
    return task_of(config.model.name).describe(config)


def predictor_of(
    run: str | None = None, *, checkpoint: str | Path | None = None, **settings: Any
) -> Any:
    """What uses a trained run, as its model's task has it.

    Args:
        run, checkpoint: as of `Translator.load`.
        settings: others of the predictor's `load`, such as `device`.

    Raises:
        CheckpointError: no such run or checkpoint, or it cannot be read.
    """
    which = None if checkpoint is None else str(checkpoint)
    task = task_of(config_of(run, Options(checkpoint=which)).model.name)
    return task.predictor(run, checkpoint=which, **settings)
