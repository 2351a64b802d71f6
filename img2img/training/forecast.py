"""What a training will take of its device's memory, said before the first step."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch
from accelerate import Accelerator

from img2img import shortcuts
from img2img.data.describe import Data
from img2img.devices import exhausted
from img2img.errors import TrainingError
from img2img.models.base import Model
from img2img.schema import Config
from img2img.training.memory import USES
from img2img.training.rehearsal import Rehearsal, training_size, whole_size

GB, MB = 10**9, 10**6

HOLES, LIBRARIES = "holes in the heap", "libraries"
CGROUP = Path("/sys/fs/cgroup")

# What PyTorch, oneDNN and TensorBoard load once a training begins, measured as the growth of a
# process that trains networks of next to no size (Linux, torch 2.15).
CPU_LIBRARIES = 200 * MB
# CUDA's context and kernels; an estimate, not measured here.
CUDA_LIBRARIES = 500 * MB
# What lies in holes of the heap, measured with glibc 2.36 on the trainings of docs/performance.md: as
# a share of the tensors there 12 to 26 %; where the heap has all of them and keeps what is freed
# (`shortcuts.keep_freed_memory`), 22 to 36 %.
HEAP_SLACK, KEPT_SLACK = 0.2, 0.3


@dataclass(frozen=True)
class Forecast:
    """Bytes that a training needs beyond those of the process before the model.

    Attributes:
        parts: bytes by use, at the moment when their sum is greatest.
        validating: whether that moment is in a validation instead of a step.
        size: (height, width) of the pictures at that moment.
        free, held: bytes of the device's memory that were free, and that the process had, before
            there was a model.
        model: the model, on tensors without data.
        remarks: about networks that only training needs.
    """

    parts: dict[str, int]
    validating: bool
    size: tuple[int, int]
    free: int
    held: int
    model: Model
    remarks: tuple[str, ...]

    @property
    def peak(self) -> int:
        return sum(self.parts.values())


def forecast(config: Config, data: Data, accelerator: Accelerator) -> Forecast:
    """Plays a step and a validation through, and adds what the device itself takes."""
    device = accelerator.device
    free, held = free_memory(device), held_memory(device)
    played = Rehearsal(config, data, accelerator)
    validating = played.validation.total() > played.step.total()
    parts = played.validation if validating else played.step
    if device.type == "cpu":
        kept = shortcuts.allowed() and not config.training.activation_checkpointing
        holes = KEPT_SLACK * parts.total() if kept else HEAP_SLACK * played.heap
        parts |= {HOLES: round(holes), LIBRARIES: CPU_LIBRARIES}
    elif device.type == "cuda":
        parts[LIBRARIES] = CUDA_LIBRARIES
    return Forecast(
        parts={use: parts[use] for use in (*USES, HOLES, LIBRARIES)},
        validating=validating,
        size=whole_size(data) if validating else training_size(config, data),
        free=free,
        held=held,
        model=played.model,
        remarks=tuple(played.remarks),
    )


def memory_warning(config: Config, data: Data, accelerator: Accelerator) -> list[str]:
    """A sentence where a training is going to need more memory than there is."""
    try:
        expected = forecast(config, data, accelerator)
    except Exception as error:  # it stands on parts of PyTorch that may change
        return [f"its memory could not be forecast ({type(error).__name__}: {error})"]
    if expected.peak <= expected.free:
        return []
    return [
        f"WARNING: this training is going to need {gigabytes(expected.peak)} of memory, but "
        f"{gigabytes(expected.free)} are free; --dry-run says for what, and --fit chooses settings "
        "that need less"
    ]


@contextmanager
def memory_sufficing() -> Iterator[None]:
    """Turns PyTorch's error where the device's memory does not suffice into one that helps.

    Raises:
        TrainingError: it does not suffice.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # PyTorch's own, or Python's
        if not exhausted(error):
            raise
        raise TrainingError(
            "the memory does not suffice for these settings; checkpoints are untouched. "
            "`img2img train ... --dry-run` says what they need, and --fit chooses settings that "
            "need less"
        ) from error


def free_memory(device: torch.device) -> int:
    """Bytes that are free on a device now."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    free = psutil.virtual_memory().available
    limit, used = CGROUP / "memory.max", CGROUP / "memory.current"
    if limit.is_file() and limit.read_text().strip().isdecimal():  # a container's own limit
        free = min(free, int(limit.read_text()) - int(used.read_text()))
    return free


def held_memory(device: torch.device) -> int:
    """Bytes of a device's memory that this process holds before there is a model."""
    return psutil.Process().memory_info().rss if device.type == "cpu" else 0


def gigabytes(size: int) -> str:
    """A number of bytes for people: 2.35 GB."""
    return f"{size / GB:.2f} GB"
