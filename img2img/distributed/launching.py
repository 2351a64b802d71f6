"""Who started this process, one of how many, and whether all that were promised are there."""

import atexit
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

import torch

from img2img.errors import ConfigError, counted
from img2img.schema import Config

if TYPE_CHECKING:  # a second of imports that a process alone has no use for
    from accelerate import PartialState

# The names under which torchrun, Open MPI, MPICH and Slurm's srun tell a process how many there are.
SIZES = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS")
ACCELERATE = "ACCELERATE_MIXED_PRECISION"  # `accelerate launch` sets it for every process

LONG = 20.0  # seconds
ALONE = "where one process is meant"
TOGETHER = "torchrun --nproc_per_node N -- tools/train.py ... (docs/distributed.md)"


# What torchrun tells each of its processes, whole or not at all.
GROUP = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR")
# Machinery that Accelerate would take up by itself, and that no training here has.
MACHINERY = (
    *(f"ACCELERATE_USE_{name}" for name in ("DEEPSPEED", "FSDP", "MEGATRON_LM", "SAGEMAKER")),
    "ACCELERATE_USE_PARALLELISM_CONFIG",
    "ACCELERATE_DYNAMO_BACKEND",
    "ACCELERATE_GRADIENT_ACCUMULATION_STEPS",  # it would divide the losses
    "ACCELERATE_TORCH_DEVICE",
)


def launched(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether torchrun, or what sets the same variables, started this process.

    Raises:
        ConfigError: their values are no numbers, or contradict one another.
    """
    if not environment.keys() >= {*GROUP}:
        return False
    numbers = {name: environment[name] for name in GROUP[:3]}
    shown = ", ".join(f"{name}={value}" for name, value in numbers.items())
    if not all(value.isdecimal() for value in numbers.values()):
        raise ConfigError(f"{shown} in the environment: not all are numbers; unset them, {ALONE}")
    if int(numbers["RANK"]) >= int(numbers["WORLD_SIZE"]):
        raise ConfigError(f"{shown} in the environment: no such process; unset them, {ALONE}")
    return True


def rank(environment: Mapping[str, str] = os.environ) -> int:
    """This process's number among those that torchrun started; 0 for one that is alone."""
    return int(environment["RANK"]) if launched(environment) else 0


def leftovers(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Variables that a launcher left behind, as in a notebook or an interactive job, or that mean
    machinery that there is none of here. None of them is to be believed.

    Raises:
        ConfigError: they promise other processes, of which nobody says where they are.
    """
    found = [
        name
        for name in MACHINERY
        if environment.get(name, "").lower() not in ("", "no", "false", "0", "1")
    ]
    if launched(environment):
        return found
    size = environment.get("WORLD_SIZE", "")
    if size.isdecimal() and int(size) > 1 and promised(environment) == int(size):
        missing = " and no ".join(name for name in GROUP if name not in environment)
        raise ConfigError(
            f"WORLD_SIZE={size} in the environment promises {size} processes, but there is "
            f"no {missing}. Start them with {TOGETHER}; unset WORLD_SIZE, {ALONE}"
        )
    return found + [name for name in (*GROUP[:3], "LOCAL_WORLD_SIZE") if environment.get(name)]


def left_behind(environment: Mapping[str, str] = os.environ) -> str:
    """A sentence on what is not believed; "" for nothing."""
    shown = ", ".join(f"{name}={environment[name]}" for name in leftovers(environment))
    return f"not used: {shown} in the environment, which a launcher left behind" if shown else ""


@contextmanager
def meeting() -> Iterator[None]:
    """Processes meet here: nothing that was left behind is believed, and a long wait is announced."""
    with _without_leftovers(), _waiting():
        yield


@contextmanager
def _without_leftovers() -> Iterator[None]:
    """The environment is as if nothing had been left behind."""
    hidden = {name: os.environ.pop(name) for name in leftovers()}
    try:
        yield
    finally:
        for name, value in hidden.items():
            os.environ.setdefault(name, value)  # Accelerate sets those of an MPI launch


def launch_said(environment: Mapping[str, str] = os.environ) -> str:
    """What the launcher's variables are, and what to do where there was none."""
    names = [name for name in (*GROUP, "MASTER_PORT", *SIZES[1:]) if name in environment]
    shown = ", ".join(f"{name}={environment[name]}" for name in names)
    return f"the environment has {shown or 'no word of others'}; unset these {ALONE}"


@contextmanager
def _waiting() -> Iterator[None]:
    """Says after a while which processes are waited for: they may be those of a former launch."""
    timer = Timer(
        LONG, lambda: print(f"waiting for {promised()} processes to meet; {launch_said()}")
    )
    if promised() > 1:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def promised(environment: Mapping[str, str] = os.environ) -> int:
    """How many processes the launcher says that there are; 1 without a launcher."""
    sizes = [environment.get(name, "") for name in SIZES]
    return max([1, *(int(size) for size in sizes if size.isdecimal())])


def require_all(found: int, environment: Mapping[str, str] = os.environ) -> None:
    """Makes sure that this process is one of as many as its launcher was told to start.

    Else each would be a training of its own, over the same files and with a smaller batch.

    Raises:
        ConfigError: it is not.
    """
    number = promised(environment)
    if number > found:
        names = [name for name in SIZES if environment.get(name) == str(number)]
        raise ConfigError(
            f"the launcher says that there are {number} processes ({names[0]}={number}), but "
            f"{'this one is alone' if found == 1 else f'only {found} are together'}; start them "
            f"with {TOGETHER}, or unset {names[0]} {ALONE}"
        )
    # With --cpu accelerate starts a single process whatever it is told. It leaves an address for
    # several of them to meet at, but no ranks.
    if (
        found == 1
        and {ACCELERATE, "MASTER_ADDR"} <= environment.keys()
        and "RANK" not in environment
    ):
        raise ConfigError(
            "`accelerate launch` was told of several processes, but started this one alone, as it "
            f"does with --cpu. Start them with {TOGETHER}, or with `accelerate launch --multi_gpu`, "
            "which works without a GPU too; unset MASTER_ADDR where one is meant"
        )


def part_at_exit() -> None:
    """Has this process leave its gloo group before Python ends, also where an error ends it.

    Gloo's threads may still hold Python's objects after an exchange. One that gives them back when
    Python has gone aborts the process, and with it a job that had all done.
    """
    if torch.distributed.is_initialized() and torch.distributed.get_backend() == "gloo":
        atexit.register(_part)


def _part() -> None:
    if torch.distributed.is_initialized():  # a training that has ended has left it already
        torch.distributed.destroy_process_group()


def require_gpus(found: int, environment: Mapping[str, str] = os.environ) -> None:
    """Raises ConfigError where this machine has more processes than GPUs: one takes a whole GPU."""
    here = environment.get("LOCAL_WORLD_SIZE", "1")
    if launched(environment) and here.isdecimal() and int(here) > found:
        raise ConfigError(
            f"{here} processes on this machine, but {found} of its GPUs can be used; start as many "
            "as there are GPUs, or compute with --device cpu"
        )


def keep_step(config: Config, before: int, now: int) -> Config:
    """The config under which `now` processes make the steps that `before` of them made.

    A step has as many pairs as ever, so the schedule and the position in an epoch keep their
    meaning: fewer processes make a step of more batches, more processes one of smaller batches.

    Raises:
        ConfigError: the pairs of a step cannot be shared evenly.
    """
    settings = config.training
    pairs = settings.batch_size * settings.accumulation * before
    share, rest = divmod(pairs, now)
    if rest:
        possible = [str(number) for number in range(1, pairs + 1) if pairs % number == 0]
        raise ConfigError(
            f"--resume: a step of this run has {counted(pairs, 'pair')}, which {now} processes cannot "
            f"share evenly; go on with {' or '.join(possible)}, or start a new run from its weights "
            "with training.init_from"
        )
    if now == before:
        return config
    size = next(s for s in range(settings.batch_size, 0, -1) if share % s == 0)
    changes = {"batch_size": size, "accumulation": share // size}
    return config.model_copy(update={"training": settings.model_copy(update=changes)})


def introduction(state: "PartialState", environment: Mapping[str, str] = os.environ) -> str:
    """`process 1 of 2 (HOST, cpu)` as a line; "" for a process that nobody launched."""
    if state.num_processes == 1 and not (launched(environment) or ACCELERATE in environment):
        return ""
    host, number = socket.gethostname(), state.process_index + 1
    return f"process {number} of {state.num_processes} ({host}, {state.device.type})\n"
