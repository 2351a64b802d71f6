"""Trains the same run in several ways, fast and plain, and draws their losses over one another.

    python tools/benchmark_curves.py --out curves.html [--ways fast plain compiled] [--set key=value ...]

The settings are added to those of every training, for example model.width=64.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from img2img.cli import run
from img2img.errors import TrainingError
from img2img.reporting.charts import line_chart
from img2img.reporting.html import render
from img2img.shortcuts import PLAIN

# What each way adds to the environment and to the settings.
WAYS = {
    "fast": ({}, []),
    "plain": ({PLAIN: "1"}, []),
    "channels last": ({PLAIN: "1"}, ["training.memory_format=channels_last"]),
    "compiled": ({}, ["training.compile=true"]),
    "bf16": ({}, ["training.precision=bf16"]),
}
# Wide enough that 3x3 convolutions take Winograd's way.
SETTINGS = [
    *("model=pix2pixHD", "model.width=32", "model.num_D=2", "model.d_width=16"),
    *("model.weights.perceptual=0", "data.scene_size=64", "data.scenes=64", "data.val_scenes=1"),
    *("training.max_steps=100", "training.log_every=2", "training.val_pairs=0"),
    *("training.samples=0", "training.workers=0", "training.device=cpu"),
]
LOSSES = ("g/l1", "g/feature_matching", "g/adv", "d/real")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("curves.html"), help="the page to write")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--set", nargs="*", default=[], metavar="key=value", help="settings beside")
    a = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        lines = {way: train(way, Path(folder) / way, a.set) for way in a.ways}
    charts = [chart(name, lines) for name in LOSSES]
    half = {way: mean(found, "g/l1") for way, found in lines.items()}
    rows = [(way, f"{value:.4f}", f"{value / half[a.ways[0]]:.3f}") for way, value in half.items()]
    for row in rows:
        print("{:16} g/l1 of the second half {}, ratio {}".format(*row))
    text = render(
        "charts.html",
        title="The same training in several ways",
        heads=("way", ("g/l1, mean of the second half",), (f"beside {a.ways[0]}",)),
        rows=rows,
        charts=charts,
    )
    a.out.write_text(text, encoding="utf-8")
    print(f"written: {a.out}")
    return 0


def train(way: str, folder: Path, settings: list[str]) -> list[dict[str, float]]:
    """The lines of a run's log."""
    environment, own = WAYS[way]
    command = [sys.executable, "-m", "img2img", "train", "--run", str(folder)]
    done = subprocess.run(
        [*command, *SETTINGS, *settings, *own],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise TrainingError(f"the training {way} failed; its last words: {done.stdout[-300:]}")
    log = (folder / "metrics.jsonl").read_text().splitlines()
    return [line for line in map(json.loads, log) if LOSSES[0] in line]


def chart(name: str, lines: dict[str, list[dict[str, float]]]):
    points = {way: [(line["step"], line[name]) for line in found] for way, found in lines.items()}
    return line_chart(name, points, last=max(line["step"] for f in lines.values() for line in f))


def mean(lines: list[dict[str, float]], name: str) -> float:
    values = [line[name] for line in lines[len(lines) // 2 :]]
    return sum(values) / len(values)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
