"""What tests of models of noise share: pictures to learn from, and what a run left behind."""

import json
from pathlib import Path

import numpy as np
from safetensors.torch import load_file

from img2img.cli import main


def write_digits(side):
    """Ten pictures of three classes: a bright square that is the larger the higher the class."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(10):
        image = rng.integers(0, 30, (side, side))
        image[: 2 + 2 * (number % 3), : 2 + 2 * (number % 3)] = 220
        rows.append(",".join(map(str, [*image.ravel(), number % 3])))
    Path("digits.csv").write_text("\n".join(rows))


def train(*arguments):
    return main(["train", *arguments])


def lines(run):
    return [json.loads(line) for line in Path(f"runs/{run}/metrics.jsonl").read_text().splitlines()]


def checkpoint(run, step):
    return load_file(f"runs/{run}/checkpoints/step-{step:08d}.safetensors")
