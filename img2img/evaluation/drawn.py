"""How good are the pictures of a run that draws them from noise? Scores of sets, no pairs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img2img.data.describe import Data
from img2img.data.reading import CLASS, TARGET
from img2img.data.sheets import picture_grid, to_picture
from img2img.data.transforms import JointTransform
from img2img.errors import counted
from img2img.evaluation import bootstrap
from img2img.evaluation.instruments import about_sets, too_few, versions
from img2img.evaluation.pictures import as_rgb
from img2img.evaluation.reals import evenly
from img2img.evaluation.result import Evaluation, Score
from img2img.inference.painter import Painter
from img2img.metrics import distribution
from img2img.metrics.classified import classified_scores, classify, code_accuracy
from img2img.models import find_data
from img2img.models.latents import CATEGORY, COLUMNS
from img2img.networks.classifier import PictureClassifier
from img2img.progress import counting
from img2img.schema import Config
from img2img.training.classifier import train_classifier

COUNT = 2000  # pictures drawn, and real ones beside them
EVERY = 5  # one real picture in so many is kept from the classifier
ROWS = 8  # of a grid without classes and codes
BATCH = 64
BETTER = {
    "accuracy": "larger",
    "code_accuracy": "larger",
    "frechet": "smaller",
    "modes": "larger",
    "even": "larger",
}
NO_CLASSES = "the pictures have no classes for a classifier to learn"


@dataclass(frozen=True)
class Sets:
    """Drawn and real pictures (N, C, H, W) in [-1, 1].

    Attributes:
        latents: that `fake` was drawn from.
        classes: of the real pictures, (N,) int64; None where they have none.
    """

    fake: Tensor
    latents: Mapping[str, Tensor]
    real: Tensor
    classes: Tensor | None
    names: tuple[str, ...]


def evaluate_drawn(
    painter: Painter,
    name: str,
    origin: Mapping[str, Any],
    *,
    data: Path | None,
    limit: int | None,
    seed: int,
    inception: Path | None,
) -> Evaluation:
    """Scores what a run draws against the pictures that it learnt from.

    Args:
        data: pictures of another place instead.
        limit: pictures drawn, and real ones at most; None: `COUNT`.
        inception: weight file; None looks in the caches, then downloads.

    Raises:
        UserError: the pictures cannot be read.
    """
    sets = _sets(painter, data, limit or COUNT, seed)
    scores, missing, protocol = _classified(sets, painter.device)
    found, reason, about = _inception_scores(sets, inception, painter.device)
    scores |= found
    missing |= {} if found else dict.fromkeys(distribution.BETTER, reason)
    drawn = counted(len(sets.fake), "drawn picture")
    protocol = {
        **origin,
        "pictures": drawn,
        "seed": seed,
        "real pictures": counted(len(sets.real), "picture"),
        **protocol,
        **about,
        "intervals": bootstrap.METHOD,
        "versions": versions(),
        "left out": {},
        "without partner": {"translated": 0, "real": 0, "for example": []},
        "skipped": {},
    }
    return Evaluation(name, scores, missing, {}, protocol)


def draw_gallery(painter: Painter, seed: int) -> np.ndarray:
    """A grid: rows of the classes and codes, where there are any.

    Of the training's own seed it is that of its samples.
    """
    gallery = painter.latents.gallery(ROWS, COLUMNS, torch.Generator().manual_seed(seed))
    rows = [[to_picture(image) for image in painter.render(latents)] for _, latents in gallery]
    return picture_grid(rows, [caption for caption, _ in gallery])


def _sets(painter: Painter, path: Path | None, count: int, seed: int) -> Sets:
    config = painter.config
    if path is not None:
        place = config.data.model_copy(update={"path": str(path)})
        config = config.model_copy(update={"data": place})
    data = find_data(config)
    latents = painter.latents.draw(count, generator=torch.Generator().manual_seed(seed))
    real, classes = _read(config, data, count)
    return Sets(painter.render(latents), latents, real, classes, data.spec.class_names)


def _read(config: Config, data: Data, count: int) -> tuple[Tensor, Tensor | None]:
    """Real pictures as the networks saw them, but for what varied them."""
    transform = JointTransform(config.data, data.spec, train=False)
    chosen = evenly(range(len(data.train)), count)
    found = [
        transform(data.train.read(index), 0)
        for index in counting(chosen, len(chosen), "reading real pictures")
    ]
    images = torch.stack([one[TARGET] for one in found])
    return images, torch.stack([o[CLASS] for o in found]) if data.spec.class_names else None


def _classified(
    sets: Sets, device: torch.device
) -> tuple[dict[str, Score], dict[str, str], dict[str, Any]]:
    """Scores by a classifier of the real pictures, what is missing and why, and what it is."""
    if sets.classes is None:
        return {}, dict.fromkeys(("accuracy", "frechet"), NO_CLASSES), {}
    held = torch.arange(len(sets.real)) % EVERY == EVERY - 1
    network = train_classifier(
        sets.real[~held], sets.classes[~held], classes=len(sets.names), device=device
    )
    values = classified_scores(network, sets.fake, sets.real[held])
    predicted, _ = classify(network, sets.fake)
    nan, count = float("nan"), len(sets.fake)
    scores = _accuracies(sets, predicted)
    scores |= {name: Score(value, nan, nan, BETTER[name], count) for name, value in values.items()}
    about = _about(network, sets, held)
    missing = {} if "accuracy" in scores else {"accuracy": "the run draws without a class"}
    return scores, missing, {"classifier": about}


def _accuracies(sets: Sets, predicted: Tensor) -> dict[str, Score]:
    """Of the classes that the pictures were drawn for, or of the codes that stand for them."""
    latents, count = sets.latents, len(predicted)
    if CLASS in latents:
        right = (predicted == latents[CLASS]).double().numpy()
        low, high = bootstrap.interval([right], bootstrap.mean)
        accuracy = Score(float(right.mean()), float(low), float(high), "larger", count)
        return {"accuracy": accuracy}
    if CATEGORY in latents:
        half, codes = count // 2, latents[CATEGORY]
        value = code_accuracy((codes[:half], predicted[:half]), (codes[half:], predicted[half:]))
        return {"code_accuracy": Score(value, float("nan"), float("nan"), "larger", count - half)}
    return {}


def _about(network: PictureClassifier, sets: Sets, held: Tensor) -> dict[str, Any]:
    predicted, _ = classify(network, sets.real[held])
    right = float((predicted == sets.classes[held]).double().mean())
    return {
        "network": f"trained on {int((~held).sum())} of the real pictures and their classes",
        "accuracy": f"{right:.4f} on the {int(held.sum())} others, the most to be had",
        "frechet": "distance of Gaussians fitted to its features of the pictures and of these others; "
        "it is not FID",
        "modes": f"of {len(sets.names)} classes, those that it sees in the pictures",
        "even": "exponential of the entropy over them",
    }


def _inception_scores(
    sets: Sets, file: Path | None, device: torch.device
) -> tuple[dict[str, Score], str, dict[str, Any]]:
    """FID, KID, precision and recall; or why not; and how."""
    count = len(sets.fake)
    reason = too_few(min(count, len(sets.real)))
    path = None
    if not reason and as_rgb(sets.fake[:1]) is None:
        reason = "needs grey or RGB pictures"
    if not reason:
        path, reason = distribution.find_inception(file)
    if path is None:
        return {}, reason, {}
    network = distribution.Inception(path).to(device)
    fake, real = (_features(network, images, device) for images in (sets.fake, sets.real))
    kid, error = distribution.kid(fake, real)
    precision, recall = distribution.precision_recall(fake, real)
    values = {"fid": distribution.fid(fake, real), "kid": kid}
    values |= {"precision": precision, "recall": recall}
    nan, better = float("nan"), distribution.BETTER
    scores = {name: Score(value, nan, nan, better[name], count) for name, value in values.items()}
    scores["kid"] = Score(kid, kid - 1.96 * error, kid + 1.96 * error, better["kid"], count)
    return scores, "", {"inception": {"file": path.name}, "sets": about_sets(count, len(real))}


@torch.inference_mode()
def _features(network: distribution.Inception, images: Tensor, device: torch.device) -> Tensor:
    parts = images.split(BATCH)
    found = [network(as_rgb(p).to(device)).cpu() for p in counting(parts, len(parts), "scoring")]
    return torch.cat(found)
