"""Generated pictures seen through a classifier of the real ones."""

import torch
from torch import Tensor

from img2img.metrics.distribution import fid
from img2img.metrics.modes import class_coverage
from img2img.networks.classifier import PictureClassifier

BATCH = 256

Seen = tuple[Tensor, Tensor]  # classes (N,) int64, and features (N, D) float32


@torch.no_grad()
def classify(classifier: PictureClassifier, images: Tensor) -> Seen:
    """What the classifier makes of images (N, C, H, W) in [-1, 1], of any device.

    Returns:
        classes (N,) int64, and features (N, D) float32; on the CPU.
    """
    device = next(classifier.parameters()).device
    features = [classifier.features(part.to(device).float()) for part in images.split(BATCH)]
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
