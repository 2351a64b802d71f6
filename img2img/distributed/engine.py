"""Accelerate's engine: the device, the precision, and the processes that train together."""

import contextlib
import importlib
from collections.abc import Iterator
from datetime import timedelta

import torch
from accelerate import Accelerator, InitProcessGroupKwargs
from accelerate.state import AcceleratorState, GradientState, PartialState
from torch.distributed import DistError

from img2img.devices import pick_device, pick_precision
from img2img.distributed.launching import (
    launch_said,
    leftovers,
    meeting,
    part_at_exit,
    promised,
    require_all,
    require_gpus,
)
from img2img.errors import ConfigError

PRECISIONS = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}
# What a process waits for another one, which may be downloading weights or validating; NCCL's own
# ten minutes are less than a download may take.
PATIENCE = timedelta(minutes=30)


def make_accelerator(device: str, precision: str) -> Accelerator:
    """The engine: device, precision and processes, as launched.

    Raises:
        ConfigError: the device is not there, or cannot compute in the precision, or processes
            are missing.
    """
    chosen = pick_device(device)
    if chosen.type == "cuda":
        require_gpus(torch.cuda.device_count())
    if chosen.index is not None:
        torch.cuda.set_device(chosen)
    precision = pick_precision(precision, chosen)
    if promised() > 1:
        # Imported while there is a group, as by an optimizer's first step, it keeps the group and its
        # threads (torch 2.15) beyond the end of the training; see `part_at_exit`.
        importlib.import_module("torch._dynamo")
    leftovers()  # promises that nobody keeps
    try:
        with meeting():
            accelerator = Accelerator(
                cpu=chosen.type == "cpu",
                mixed_precision=PRECISIONS[precision],
                kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)],
            )
    except ValueError as error:
        if not any(word in str(error) for word in ("precision", *PRECISIONS)):
            raise ConfigError(f"the processes cannot meet: {error}; {launch_said()}") from error
        raise ConfigError(
            f"training.precision: {precision} is not possible here: {error}"
        ) from error
    except DistError as error:
        raise ConfigError(f"the processes cannot meet: {error}; {launch_said()}") from error
    part_at_exit()
    require_all(accelerator.num_processes)
    return accelerator


@contextlib.contextmanager
def own_state() -> Iterator[None]:
    """Accelerate begins anew inside, and is afterwards as it was before.

    It keeps device and precision for the whole process, so that another training could choose
    neither, nor could a program that uses Accelerate itself.
    """
    shared = [kind._shared_state for kind in (AcceleratorState, PartialState, GradientState)]
    former = [dict(state) for state in shared]
    for state in shared:
        state.clear()
    try:
        yield
    finally:
        for state, content in zip(shared, former, strict=True):
            state.clear()
            state.update(content)
