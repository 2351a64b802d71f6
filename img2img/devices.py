"""Where networks compute, and in what numbers: names of devices and precisions, checked."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from img2img.errors import ConfigError, DataError

# The words of PyTorch (Linux and macOS, Windows) and OpenCV for no memory from the system.
_EXHAUSTED = ("can't allocate memory", "not enough memory", "Insufficient memory")


def exhausted(error: Exception) -> bool:
    """Whether it says that a device's memory does not suffice."""
    known = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return known or any(words in str(error) for words in _EXHAUSTED)


@contextmanager
def memory_for(what: object) -> Iterator[None]:
    """Raises DataError, which names the picture, where memory does not suffice for it."""
    try:
        yield
    except Exception as error:  # libraries have classes of their own for it
        if not exhausted(error):
            raise
        raise DataError(
            f"{what}: the memory does not suffice for this picture; make it smaller, cut it into "
            "parts, or translate it where there is more memory"
        ) from error


def pick_device(name: str) -> torch.device:
    """The device of a name: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    Args:
        name: `auto` takes the first GPU, else Apple's, else the processor.

    Raises:
        ConfigError: the device is not there, or this is no name of one.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if gpus else "mps" if mps else "cpu")
    usable = ["cpu", *["cuda"] * bool(gpus), *(f"cuda:{i}" for i in range(gpus)), *["mps"] * mps]
    if name not in usable:
        raise ConfigError(
            f"device {name!r} is not available; valid here: {', '.join(('auto', *usable))}"
        )
    return torch.device(name)


def pick_precision(name: str, device: torch.device) -> str:
    """The precision of a name: `auto`, `fp32`, `bf16` or `fp16`.

    Args:
        name: `auto` takes bf16 on a CUDA GPU that computes in it, and fp32 everywhere else.

    Raises:
        ConfigError: fp16 away from CUDA.
    """
    if name == "auto":
        return "bf16" if device.type == "cuda" and has_bf16(device) else "fp32"
    if name == "fp16" and device.type != "cuda":
        raise ConfigError("precision fp16 needs a CUDA GPU; use auto, fp32 or bf16")
    return name


def has_bf16(device: torch.device) -> bool:
    """Whether a device multiplies bf16 numbers itself; without it they are emulated, if at all."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":  # avx512_bf16, amx_bf16 and their like
        return any(there for name, there in torch.cpu.get_capabilities().items() if "bf16" in name)
    return False


def precision_warning(precision: str, device: torch.device) -> str:
    """A sentence where a precision makes a device slower instead of faster, else ""."""
    if precision != "bf16" or device.type != "cpu" or has_bf16(device):
        return ""
    return (
        "WARNING: this processor has no instructions for bf16 and emulates it, which takes 10 to "
        "100 times as long; use --precision fp32"
    )
