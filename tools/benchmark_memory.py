"""Measures the peak memory of real trainings beside its forecast, each in a process of its own.

    python tools/benchmark_memory.py [--only U-Net] [key=value ...]

The settings are added to those of every training, for example training.device=cuda.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from img2img.cli import run

TRAININGS = {
    "pix2pix 256x256": "model=pix2pix data.scene_size=256",
    "pix2pix 256x256, batch 4": "model=pix2pix data.scene_size=256 training.batch_size=4",
    "pix2pixHD 512x256, width 32, batch 2": "model=pix2pixHD data.scene_size=[256,512] "
    "model.width=32 training.batch_size=2",
    "pix2pixHD 1024x512": "model=pix2pixHD data.scene_size=[512,1024]",
    "enhancer 1024x512, width 16": "model=pix2pixHD model.generator=enhancer model.width=16 "
    "data.scene_size=[512,1024]",
    "U-Net with features 256x256, EMA, 2 batches a step": "model=pix2pixHD model.generator=unet "
    "model.features=true training.ema=0.99 training.accumulation=2 data.scene_size=256",
}
COMMON = ["training.max_steps=5", "training.log_every=1", "data.scenes=20", "data.val_scenes=1"]
NO_VGG = "model.weights.perceptual=0"


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="trainings whose name holds this text")
    parser.add_argument("--inside", choices=["forecast", "measure"], help=argparse.SUPPRESS)
    parser.add_argument("settings", nargs="*", metavar="key=value")
    a = parser.parse_intermixed_args(argv)
    if a.inside:
        print(json.dumps(forecast(a.settings) if a.inside == "forecast" else measure(a.settings)))
        return 0
    print(f"{'training':50}  checkpointing  forecast  measured  ratio  CPU time of a step")
    for name, settings in TRAININGS.items():
        given = [*settings.split(), *[NO_VGG] * ("pix2pixHD" in settings), *COMMON, *a.settings]
        for again in ("no", "yes") if a.only in name else ():
            own = [
                *given,
                f"training.activation_checkpointing={'true' if again == 'yes' else 'false'}",
            ]
            expected, taken = inside("forecast", own), inside("measure", own)
            peak, ratio = taken["peak"], expected / taken["peak"]
            print(
                f"{name:50}  {again:13}  {expected / 1e9:5.2f} GB  {peak / 1e9:5.2f} GB  {ratio:5.2f}"
                f"  {taken['seconds']:6.1f} s",
                flush=True,
            )
    return 0


def inside(what: str, settings: list[str]):
    """What another process makes of the settings."""
    command = [sys.executable, __file__, "--inside", what, *settings]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out.splitlines()[-1])


def configured(settings: list[str]):
    from img2img.config import load_config, parse_overrides
    from img2img.models import OPTIONS

    return load_config(OPTIONS, overrides=parse_overrides(settings))


def forecast(settings: list[str]) -> int:
    """Bytes; with CUDA those that PyTorch is going to allocate."""
    from img2img.data.describe import describe_data
    from img2img.distributed.engine import make_accelerator
    from img2img.training.forecast import LIBRARIES, forecast

    config = configured(settings)
    accelerator = make_accelerator(config.training.device, config.training.precision)
    found = forecast(config, describe_data(config.data), accelerator)
    return found.peak - (found.parts[LIBRARIES] if accelerator.device.type == "cuda" else 0)


def measure(settings: list[str]) -> dict:
    from benchmarking.taken import measure

    with tempfile.TemporaryDirectory() as folder:
        return asdict(measure(configured(settings), Path(folder) / "run"))


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
