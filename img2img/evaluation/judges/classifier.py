"""Training a classifier on a data set's own classes, to judge generated pictures by."""

import math
from contextlib import closing

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img.errors import DataError
from img2img.networks.classifier import PictureClassifier
from img2img.progress import Meter

BATCH = 64
LR = 3e-3
STEPS = 800
SHIFT = 2  # pixels by which pictures are moved at random, up to


def train_classifier(
    images: Tensor,
    labels: Tensor,
    *,
    classes: int,
    device: torch.device | str = "cpu",
    steps: int = STEPS,
    seed: int = 0,
) -> PictureClassifier:
    """A classifier of `classes` classes, ready to be used.

    AdamW on the cross-entropy, the learning rate falling to 0 in half a cosine; batches are drawn at
    random and moved a little.

    Args:
        images: (N, C, H, W) in [-1, 1].
        labels: (N,) int64 in [0, classes).

    Raises:
        DataError: no pictures, or a class outside.
    """
    if not len(images) or len(images) != len(labels):
        raise DataError(
            f"{len(images)} pictures and {len(labels)} classes to train a classifier on"
        )
    if not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise DataError(
            f"classes from {int(labels.min())} to {int(labels.max())}, not 0 to {classes - 1}"
        )
    devices = [device] if torch.device(device).type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        network = PictureClassifier(in_channels=images.shape[1], classes=classes)
    network.to(device).train()
    draw = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LR)
    with closing(Meter(steps, what="training the classifier, step")) as meter:
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = LR * (1 + math.cos(math.pi * step / steps)) / 2
            chosen = torch.randint(len(images), (BATCH,), generator=draw)
            moved = _moved(images[chosen], draw).to(device)
            loss = F.cross_entropy(network(moved), labels[chosen].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            meter.advance()
    return network.eval().requires_grad_(False)


def _moved(images: Tensor, draw: torch.Generator) -> Tensor:
    """Each picture moved by up to `SHIFT` pixels along each axis; its border is repeated."""
    height, width = images.shape[2:]
    padded = F.pad(images, (SHIFT,) * 4, mode="replicate")
    down, across = torch.randint(2 * SHIFT + 1, (2, len(images)), generator=draw).tolist()
    pieces = zip(padded, down, across, strict=True)
    return torch.stack([p[:, y : y + height, x : x + width] for p, y, x in pieces])
