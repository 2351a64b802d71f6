"""What several training processes must get through together, so that none waits for ever."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias, TypeVar, cast

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import gather
from torch.distributed import DistError

from img2img.errors import TrainingError

T = TypeVar("T")
Engine: TypeAlias = Accelerator | PartialState


def in_any(accelerator: Engine, flag: bool) -> bool:
    """Whether the flag is set in any process; the same answer in all of them."""
    if accelerator.num_processes == 1:
        return flag
    flags = torch.tensor([flag], device=accelerator.device, dtype=torch.uint8)
    return bool(gather(flags).any())


def together(accelerator: Engine, work: Callable[[], T]) -> T:
    """Each process works, and goes on when all are done. Where one fails, all of them leave.

    Raises:
        Exception: what went wrong in this process.
        TrainingError: something went wrong in another one.
    """
    result: T | None = None
    error: Exception | None = None
    try:
        result = work()
    except Exception as failure:
        error = failure
    try:
        if in_any(accelerator, error is not None):
            raise error or TrainingError("another process could not go on; its message says why")
    finally:
        del error  # it and this frame would hold each other, and all that the work used
    return cast(T, result)


@contextmanager
def all_alive(remedy: str) -> Iterator[None]:
    """Turns the error of an exchange with a process that is gone into one that says so.

    Args:
        remedy: what to do then, a sentence without its full stop.

    Raises:
        TrainingError: another process has died, or its machine cannot be reached.
    """
    try:
        yield
    except RuntimeError as error:
        # Gloo's errors have no type of their own, but name its source file.
        if not isinstance(error, DistError) and "/gloo/" not in str(error):
            raise
        raise TrainingError(
            "another process has ended, or its machine cannot be reached; its own messages, or its "
            f"machine's, say why (killed without a word: often memory). {remedy}"
        ) from error


def main_alone(accelerator: Engine, work: Callable[[], T]) -> T | None:
    """`together`, where only the main process has something to do."""
    return together(accelerator, work if accelerator.is_main_process else _nothing)


def main_first(accelerator: Engine, work: Callable[[], T]) -> T:
    """`together`, the main process before the others: these find the file that it downloads."""
    result = main_alone(accelerator, work)
    others = together(accelerator, _nothing if accelerator.is_main_process else work)
    return cast(T, result if accelerator.is_main_process else others)


def _nothing() -> None: ...
