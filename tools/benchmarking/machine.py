"""The machine: what it is, how much it can at most, how much memory is in use."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

# Large enough that a device is busy, small enough for seconds on two cores.
MATRIX = {"cpu": 2048, "cuda": 8192}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def synchronize(device: str) -> None:
    """Waits until a GPU has done all that it was asked for."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def describe(device: str) -> dict[str, str]:
    """The machine and the versions, for people and for JSON."""
    import torchvision

    described = {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
    }
    if device.startswith("cuda"):
        described["gpu"] = torch.cuda.get_device_name(device)
    return described


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def peaks(device: str, precision: str) -> dict[str, float]:
    """GFLOP/s of a square matrix product and of a 3x3 convolution, the best of five each."""
    dtype = DTYPES[precision]
    side = MATRIX["cuda" if device.startswith("cuda") else "cpu"]
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    images = torch.randn(1, 512, side // 64, side // 32, device=device, dtype=dtype)
    conv = torch.nn.Conv2d(512, 512, 3, padding=1, device=device, dtype=dtype)
    if device.startswith("cuda"):  # the layout that its tensor cores take
        images, conv = (x.to(memory_format=torch.channels_last) for x in (images, conv))
    with torch.inference_mode():
        matrix = best_time(lambda: a @ b, device)
        convolution = best_time(lambda: conv(images), device)
    return {
        "matrix product": 2 * side**3 / matrix / 1e9,
        "convolution": 2 * 9 * 512 * 512 * images[0, 0].numel() / convolution / 1e9,
    }


def best_time(work: Callable[[], object], device: str) -> float:
    """Seconds of the fastest of five; on a GPU each is the mean of twenty in a row."""
    times, count = [], 20 if device.startswith("cuda") else 1
    for _ in range(6):
        synchronize(device)
        start = time.perf_counter()
        for _ in range(count):
            work()
        synchronize(device)
        times.append((time.perf_counter() - start) / count)
    return min(times[1:])


class Memory:
    """Peak memory of this process since it was asked first, in bytes.

    On the CPU the resident set, from the kernel's own high-water mark; on a GPU what torch's
    allocator held at most.
    """

    def __init__(self, device: str):
        self.device = device
        self._before = 0
        if device.startswith("cuda"):
            torch.cuda.reset_peak_memory_stats(device)
        else:
            self._before = _status("VmRSS")

    def peak(self) -> int | None:
        """None where the system does not tell."""
        if self.device.startswith("cuda"):
            return torch.cuda.max_memory_allocated(self.device)
        high = _status("VmHWM")
        return high - self._before if high else None


def _status(key: str) -> int:
    path = Path("/proc/self/status")
    if not path.is_file():
        return 0
    found = [line for line in path.read_text().splitlines() if line.startswith(f"{key}:")]
    return int(found[0].split()[1]) * 1024 if found else 0


def spread(values: list[float]) -> tuple[float, float, float]:
    """Least, median and greatest."""
    return min(values), statistics.median(values), max(values)


class FlopCount(TorchDispatchMode):
    """Counts `flop`, the floating-point operations of convolutions and products while it is on.

    The formulas are torch's own; its `FlopCounterMode` also follows modules, which fails where a
    gradient is computed within a forward pass.
    """

    def __init__(self):
        super().__init__()
        self.flop = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        formula = flop_registry.get(func._overloadpacket)
        if formula is None:
            with self:  # without gradients, convolutions come as compositions of others
                result = func.decompose(*args, **kwargs)
            return func(*args, **kwargs) if result is NotImplemented else result
        result = func(*args, **kwargs)
        self.flop += formula(*args, **kwargs, out_val=result)
        return result
