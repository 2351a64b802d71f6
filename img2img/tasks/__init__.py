"""The jobs, by the name that a model calls its own by (`Model.task`)."""

from img2img.data.describe import Data
from img2img.evaluation.evaluator import Evaluator, Options, config_of
from img2img.models import MODELS
from img2img.schema import Config
from img2img.tasks.base import Task
from img2img.tasks.generative import Generative
from img2img.tasks.paired import Paired

TASKS: dict[str, Task] = {"paired": Paired(), "generative": Generative()}


def task_of(model: str) -> Task:
    """The job of a model, by the name that `--model` takes."""
    return TASKS[MODELS[model].task]


def find_data(config: Config) -> Data:
    """The data of a config, as its model's task describes them.

    Raises:
        DataError: one message with what is wrong, which files, and what to set.
    """
    return task_of(config.model.name).describe(config)


def evaluator_of(run: str | None, options: Options) -> Evaluator:
    """What scores a run, as its model's task has it.

    Args:
        run: name or path; None for the newest.

    Raises:
        UserError: there is no such run, it has no checkpoint, or its task has no scores.
    """
    return task_of(config_of(run, options).model.name).evaluator(run, options)
