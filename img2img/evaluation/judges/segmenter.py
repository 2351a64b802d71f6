"""Training a segmenter on a data set's own labels, photo -> labels, within a budget."""

import math
import time
from collections.abc import Iterator
from contextlib import closing

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img.data.loader import EpochBatches, PairDataset, close, make_loader
from img2img.data.spec import DataSpec
from img2img.errors import DataError, UserError
from img2img.keys import TARGET
from img2img.networks.segmenter import PhotoSegmenter
from img2img.progress import Meter

BATCH = 4
LR = 4e-3
WARM_UP = 0.05  # share of the training in which the learning rate rises
STEPS = 1000
PACED = 10  # steps after which it is known how long a step takes
MINUTES = 10.0


def train_segmenter(
    pairs: PairDataset,
    spec: DataSpec,
    device: torch.device,
    *,
    steps: int = STEPS,
    minutes: float = MINUTES,
    workers: int = 0,
    seed: int = 0,
) -> tuple[PhotoSegmenter, int]:
    """A segmenter of the target into the classes of the label input.

    AdamW on the cross-entropy; the learning rate rises for a moment and then falls to 0. Ignored
    pixels do not count. Pairs that cannot be read are passed over.

    Args:
        pairs: all of one size, such as random crops.
        steps: fewer, where they would take longer than so many `minutes`.

    Returns:
        The segmenter, ready to be used, and how many steps it was trained.

    Raises:
        DataError: there is no pair, or none can be read.
    """
    labels = spec.labels
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        network = PhotoSegmenter(in_channels=spec.target.channels, classes=labels.classes)
    network.to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=LR)
    meter = Meter(steps, what="training the segmenter, step")
    began = time.monotonic()
    with closing(meter), closing(_batches(pairs, workers, seed)) as batches:
        for batch in batches:
            spent = (time.monotonic() - began) / (60 * minutes)
            if meter.done >= PACED:  # fewer steps, where there is not the time for all
                steps = min(steps, int(meter.done / spent))
            if meter.done >= steps:
                break
            optimizer.param_groups[0]["lr"] = LR * _pace(meter.done / steps)
            logits = network(batch[TARGET].to(device))
            loss = _loss(logits, batch[labels.name][:, 0].to(device), labels.ignore_id)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            meter.note = f"cross-entropy {float(loss.detach()):.3g}"
            meter.advance()
    return network.eval().requires_grad_(False), meter.done


def _pace(progress: float) -> float:
    """The share of the learning rate: up in a line, then down in half a cosine."""
    if progress < WARM_UP:
        return (progress + 0.01) / (WARM_UP + 0.01)
    return (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP))) / 2


def _loss(logits: Tensor, label: Tensor, ignore_id: int | None) -> Tensor:
    """The mean over the pixels that count; 0 where none does."""
    valid = torch.ones_like(label, dtype=torch.bool) if ignore_id is None else label != ignore_id
    # An ignored id need not be one that the loss could be told to ignore.
    each = F.cross_entropy(logits, torch.where(valid, label, 0), reduction="none")
    return (each * valid).sum() / valid.sum().clamp(min=1)


def _batches(pairs: PairDataset, workers: int, seed: int) -> Iterator[dict[str, Tensor]]:
    """Batches without end; those with a pair that cannot be read are left out.

    Raises:
        DataError: there are none, or a whole epoch of them.
    """
    if not len(pairs):
        raise DataError("there are no training pairs to train the segmenter on")
    order = EpochBatches(len(pairs), BATCH, seed=seed)
    loader = make_loader(pairs, order, workers=workers)
    try:
        while True:
            good, problem = 0, None
            for batch in loader:
                if isinstance(batch, UserError):
                    problem = batch
                else:
                    good += 1
                    yield batch
            if not good:
                raise DataError(f"no pair to train the segmenter on can be read: {problem}")
            order.epoch += 1
    finally:
        close(loader)
