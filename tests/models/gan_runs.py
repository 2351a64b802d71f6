"""What tests of models of noise share: small models, pictures to learn from, what a run left behind."""

import json
from pathlib import Path

import numpy as np
from safetensors.torch import load_file

from img2img.cli import main
from img2img.config import load_config
from img2img.data.spec import DataSpec
from img2img.fields.image import ImageSpec
from img2img.models import OPTIONS, build_model
from img2img.models.gan_base import Drawn


def grey_squares(side):
    """Data of grey squares of three classes."""
    return DataSpec(
        inputs=(),
        class_names=("a", "b", "c"),
        target=ImageSpec(channels=1),
        size=(side, side),
        smallest=(side, side),
    )


def built(name, side, **options):
    """A narrow model of such squares."""
    overrides = {"model": name, "model.width": 4, "model.d_width": 4}
    overrides |= {f"model.{key}": value for key, value in options.items()}
    return build_model(load_config(OPTIONS, overrides=overrides), grey_squares(side))


def drawn(fake, **latents):
    """What a step's updates share, of pictures made by hand."""
    return Drawn(fake, latents=latents)


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
