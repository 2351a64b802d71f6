"""What a real training takes, to hold forecasts against: for benchmarks, in a process of their own."""

import time
from dataclasses import dataclass
from pathlib import Path

import torch

from img2img.data.describe import describe_data
from img2img.distributed.engine import make_accelerator
from img2img.models import build_model
from img2img.runs.folder import create_run
from img2img.schema import Config
from img2img.training.session import make_trainer

PROCESS = Path("/proc/self")


@dataclass(frozen=True)
class Taken:
    """What a training took.

    Attributes:
        peak: bytes. On the CPU the process's greatest memory minus what it had before there was
            a model; with CUDA the most that PyTorch had allocated.
        seconds: processor time of a step in this process, with all of its threads.
    """

    peak: int
    seconds: float


def measure(config: Config, run: Path) -> Taken:
    """Trains, saves and validates as `img2img train` does; on the CPU under Linux alone.

    Args:
        run: a folder to be made.
    """
    accelerator = make_accelerator(config.training.device, config.training.precision)
    data = describe_data(config.data)
    on_cpu = accelerator.device.type == "cpu"
    if on_cpu:
        (PROCESS / "clear_refs").write_text("5")  # the peak starts anew
    before = _status("VmRSS") if on_cpu else 0
    torch.manual_seed(config.training.seed)
    model = build_model(config, data.spec)
    model.start_training()
    trainer = make_trainer(config, model, data, run, accelerator)
    create_run(run, config.to_yaml(), overwrite=False)
    began = time.process_time()
    trainer.fit()
    seconds = (time.process_time() - began) / trainer.progress.step
    peak = _status("VmHWM") - before if on_cpu else torch.cuda.max_memory_allocated()
    return Taken(peak, seconds)


def _status(name: str) -> int:
    """A figure of this process in bytes: VmRSS, its memory, or VmHWM, the peak of that."""
    lines = (PROCESS / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
