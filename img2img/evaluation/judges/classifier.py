"""A classifier of small pictures that learns from the real ones, and what it says of generated ones."""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from img2img.errors import DataError
from img2img.evaluation.judges.learning import build_seeded, fit
from img2img.metrics.distribution import fid
from img2img.metrics.modes import class_coverage
from img2img.networks.layers import ConvBlock

FEATURES = 128
BATCH, LR, STEPS = 64, 3e-3, 800  # of its training
SHIFT = 2  # pixels by which pictures are moved at random, up to
SEEN_AT_ONCE = 256  # pictures

Seen = tuple[Tensor, Tensor]  # classes (N,) int64, and features (N, D) float32


class PictureClassifier(nn.Module):
    """Images (N, in, H, W) in [-1, 1] of any size -> logits (N, classes).

    Three downsamplings by strided convolution, an average over what is left, and a linear layer.
    """

    def __init__(self, *, in_channels: int, classes: int, width: int = 32):
        super().__init__()
        self.body = nn.Sequential(
            ConvBlock(in_channels, width, norm="batch", bias=False),
            ConvBlock(width, width, stride=2, norm="batch", bias=False),
            ConvBlock(width, 2 * width, stride=2, norm="batch", bias=False),
            ConvBlock(2 * width, 2 * width, norm="batch", bias=False),
            ConvBlock(2 * width, FEATURES, stride=2, norm="batch", bias=False),
        )
        self.head = nn.Linear(FEATURES, classes)

    def features(self, images: Tensor) -> Tensor:
        """(N, 128), the averages that the last layer sees."""
        return self.body(images).mean((2, 3))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


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
    device = torch.device(device)
    channels = images.shape[1]
    network = build_seeded(
        lambda: PictureClassifier(in_channels=channels, classes=classes), seed, device
    )

    def loss(batch: tuple[Tensor, Tensor]) -> Tensor:
        return F.cross_entropy(network(batch[0].to(device)), batch[1].to(device))

    fit(
        network,
        _batches(images, labels, torch.Generator().manual_seed(seed)),
        loss,
        steps=steps,
        lr=LR,
        schedule=lambda step, steps: (1 + math.cos(math.pi * step / steps)) / 2,
        what="classifier",
    )
    return network


def _batches(
    images: Tensor, labels: Tensor, draw: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        chosen = torch.randint(len(images), (BATCH,), generator=draw)
        yield _moved(images[chosen], draw), labels[chosen]


def _moved(images: Tensor, draw: torch.Generator) -> Tensor:
    """Each picture moved by up to `SHIFT` pixels along each axis; its border is repeated."""
    height, width = images.shape[2:]
    padded = F.pad(images, (SHIFT,) * 4, mode="replicate")
    down, across = torch.randint(2 * SHIFT + 1, (2, len(images)), generator=draw).tolist()
    pieces = zip(padded, down, across, strict=True)
    return torch.stack([p[:, y : y + height, x : x + width] for p, y, x in pieces])


@torch.no_grad()
def classify(classifier: PictureClassifier, images: Tensor) -> Seen:
    """What the classifier makes of images (N, C, H, W) in [-1, 1], of any device.

    Returns:
        classes (N,) int64, and features (N, D) float32; on the CPU.
    """
    device = next(classifier.parameters()).device
    features = [classifier.features(part.to(device).float()) for part in images.split(SEEN_AT_ONCE)]
    joined = torch.cat(features)
    return classifier.head(joined).argmax(1).cpu(), joined.cpu()


def classified_scores(
    fake: Seen, real: Seen, *, classes: int, wanted: Tensor | None = None
) -> dict[str, float]:
    """How good generated pictures are, to a classifier that was trained on real ones.

    Args:
        fake, real: what `classify` makes of the pictures; the real ones should not have trained the
            classifier.
        classes: how many the classifier tells apart.
        wanted: (N,) int64, the classes that `fake` were made for.

    Returns:
        `frechet`, the distance of two Gaussians fitted to the features (Heusel et al. 2017, Eq. 6,
        but not FID, whose features are Inception's); `modes`, the classes that were hit, and `even`,
        see `class_coverage`; `accuracy`, the share taken for what was wanted, where that is given.
    """
    predicted, features = fake
    scores = {"frechet": fid(features, real[1]), **class_coverage(predicted, classes)}
    if wanted is not None:
        scores["accuracy"] = float((predicted == wanted.cpu()).double().mean())
    return scores


def code_accuracy(known: tuple[Tensor, Tensor], asked: tuple[Tensor, Tensor]) -> float:
    """How often a code tells the class, though nobody said which code is which class.

    Each code stands for the class that most of its `known` pictures have (Chen et al. 2016, Sec.
    7.2); several may stand for the same. A code that none of them has is always wrong.

    Args:
        known, asked: codes and classes, both (N,) int64.

    Returns:
        The share of `asked` whose code stands for their class.
    """
    (codes, classes), (others, right) = known, asked
    values = int(torch.cat([codes, others]).max()) + 1
    counts = torch.zeros(values, int(classes.max()) + 1, dtype=torch.int64)
    counts.index_put_((codes, classes), torch.ones_like(codes), accumulate=True)
    stands_for = counts.argmax(1).masked_fill(counts.sum(1) == 0, -1)
    return float((stands_for[others] == right).double().mean())


def own_code_accuracy(codes: Tensor, predicted: Tensor) -> float:
    """`code_accuracy` of generated pictures: one half names the codes, the other is asked.

    Args:
        codes: (N,) int64, that the pictures were made of; two at least.
        predicted: (N,) int64, their classes to a classifier.
    """
    half = len(codes) // 2
    return code_accuracy((codes[:half], predicted[:half]), (codes[half:], predicted[half:]))
