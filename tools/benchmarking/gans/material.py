"""Pictures with classes, a part of them held out, and the classifier that learns from the rest."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from img2img.config import load_config, parse_overrides
from img2img.data.pictures.arrays import read_csv_pictures
from img2img.data.pictures.stacked import Stacked, every_fifth, stack_pictures
from img2img.evaluation.judges import classifier as training
from img2img.evaluation.judges.classifier import PictureClassifier, classified_scores, classify
from img2img.models import OPTIONS
from img2img.tasks import find_data

OTHER_SEED = 1  # of built-in pictures that no training sees
THINGS, HELD_OUT_THINGS = 4000, 1000


@dataclass(frozen=True)
class Material:
    """What an experiment learns from and is judged by.

    Attributes:
        arguments: of `img2img train`, for the training part alone.
    """

    arguments: list[str]
    train: Stacked
    held_out: Stacked


@dataclass(frozen=True)
class Judge:
    """A classifier trained on the real pictures, in so many steps, and those that it has not seen."""

    classifier: PictureClassifier
    material: Material
    steps: int


def split_digits(path: Path, out: Path) -> Material:
    """The pictures of a CSV of pixels, every fifth of each class held out, as two files in `out`.

    Raises:
        DataError: no such CSV.
    """
    images, labels = read_csv_pictures(path)
    held_out = every_fifth(torch.from_numpy(labels)).tolist()
    files = {True: out / "digits-train.csv.gz", False: out / "digits-held-out.csv.gz"}
    lines: dict[bool, list[str]] = {True: [], False: []}
    for image, label, held in zip(images, labels.tolist(), held_out, strict=True):
        lines[not held].append(",".join(map(str, [*image.ravel(), label])))
    for kept, file in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        # Without a time in its header, so that the same pictures are the same file.
        file.write_bytes(gzip.compress("\n".join(lines[kept]).encode(), mtime=0))
    plain = ["data.flip=false"]  # a mirrored digit is another one
    train, other = (["--data", str(files[kept]), *plain] for kept in (True, False))
    return Material(train, _read(train), _read(other))


def draw_things(count: int = THINGS, held_out: int = HELD_OUT_THINGS) -> Material:
    """The built-in pictures; those held out are of other scenes."""
    train = [f"data.scenes={count}"]
    return Material(train, _read(train), _read([f"data.scenes={held_out}"], seed=OTHER_SEED))


def _read(arguments: Sequence[str], seed: int = 0) -> Stacked:
    """The pictures that a training of these arguments gets, none of them varied."""
    settings = list(arguments)
    if settings[0] == "--data":
        settings[:2] = [f"data.path={settings[1]}"]
    overrides = parse_overrides(settings) | {"model": "cgan", "training.seed": seed}
    config = load_config(OPTIONS, overrides=overrides)
    return stack_pictures(config.data, find_data(config))


def train_judge(material: Material, *, device: str, steps: int = training.STEPS) -> Judge:
    """A classifier of the training pictures."""
    train = material.train
    network = training.train_classifier(
        train.images, train.classes, classes=len(train.names), device=device, steps=steps
    )
    return Judge(network, material, steps)


def yardstick(judge: Judge, count: int) -> dict[str, float]:
    """What real pictures score: `accuracy` on the held-out ones; the rest of `count` for training.

    A generator that learnt all there is to learn would score as these.
    """
    train, held_out = judge.material.train, judge.material.held_out
    draw = torch.Generator().manual_seed(0)
    chosen = torch.randperm(len(train.images), generator=draw)[:count]
    known, real = (
        classify(judge.classifier, images) for images in (train.images[chosen], held_out.images)
    )
    scores = classified_scores(known, real, classes=len(train.names))
    right = (real[0] == held_out.classes).double().mean()
    sizes = {"train": len(train.images), "held_out": len(held_out.images)}
    return {**sizes, **scores, "accuracy": float(right)}
