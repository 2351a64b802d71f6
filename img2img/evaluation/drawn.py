"""How good are the pictures of a run that draws them from noise? Scores of sets, no pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img2img.data.pictures.describe import describe_pictures
from img2img.data.pictures.stacked import EVERY, Stacked, every_fifth, stack_pictures
from img2img.data.sheets import picture_grid, to_picture
from img2img.data.spec import BUILT_IN, DataSpec
from img2img.errors import ConfigError, DataError, counted
from img2img.evaluation import bootstrap
from img2img.evaluation.instruments import about_inception, about_sets, too_few, versions
from img2img.evaluation.judges.classifier import train_classifier
from img2img.evaluation.pictures import as_rgb
from img2img.evaluation.result import Evaluation, Score
from img2img.inference.sampler import LatentSampler
from img2img.keys import CATEGORY, CLASS
from img2img.metrics import distribution
from img2img.metrics.classified import Seen, classified_scores, classify, own_code_accuracy
from img2img.models.latents import COLUMNS
from img2img.progress import counting

COUNT = 2000  # pictures drawn, and real ones beside them
ROWS = 8  # of a grid without classes and codes
BATCH = 64
LISTED = 8  # classes in a message
BETTER = {
    "accuracy": "larger",
    "code_accuracy": "larger",
    "frechet": "smaller",
    "modes": "larger",
    "even": "larger",
}
DRAWN = "drawn from"  # in the protocol of such runs alone
NO_CLASSES = "the pictures have no classes for a classifier to learn"


@dataclass(frozen=True)
class Sets:
    """Drawn pictures (N, C, H, W) in [-1, 1] and real ones.

    Attributes:
        latents: that `fake` was drawn from.
        place: where the real ones are.
    """

    fake: Tensor
    latents: Mapping[str, Tensor]
    real: Stacked
    place: str


def evaluate_drawn(
    sampler: LatentSampler,
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
        UserError: the pictures cannot be read, or are not of the kind that the run draws.
    """
    sets = _sets(sampler, data, limit or COUNT, seed)
    scores, missing, protocol = _classified(sets, sampler.device)
    found, reason, about = _inception_scores(sets, inception, sampler.device)
    scores |= found
    missing |= {} if found else dict.fromkeys(distribution.BETTER, reason)
    drawn = counted(len(sets.fake), "drawn picture")
    protocol = {
        **origin,
        "pictures": drawn,
        DRAWN: f"noise, seed {seed}",
        "data": sets.place,
        "real pictures": counted(len(sets.real.images), "picture"),
        **protocol,
        **about,
        "intervals": bootstrap.METHOD,
        "versions": versions(),
    }
    return Evaluation(name, scores, missing, {}, protocol)


def draw_gallery(sampler: LatentSampler, seed: int) -> np.ndarray:
    """A grid: rows of the classes and codes, where there are any, or else `ROWS` rows.

    With the training's own seed it shows the same latents as the training's samples do, but that
    these have `training.samples` rows where there are neither classes nor codes.
    """
    gallery = sampler.latents.gallery(ROWS, COLUMNS, torch.Generator().manual_seed(seed))
    rows = [[to_picture(image) for image in sampler.render(latents)] for _, latents in gallery]
    return picture_grid(rows, [caption for caption, _ in gallery])


def _sets(sampler: LatentSampler, path: Path | None, count: int, seed: int) -> Sets:
    config, spec = sampler.config.data, sampler.spec
    if path is not None:
        config = config.model_copy(update={"path": str(path)})
    elif config.path is None and spec.layout != BUILT_IN:
        raise ConfigError(
            f"{sampler.source} was not trained here: name pictures to score by with --data DIR"
        )
    # Not as the run took them: a semi-supervised one has the class of another picture beside each.
    try:
        data = describe_pictures(config, seed=sampler.config.training.seed)
    except DataError as error:
        height, width = spec.size
        size = f"\nThe run draws pictures of {width}x{height}."
        hint = size if path else "\nIf the run's data have moved: --data DIR"
        raise DataError(f"{error}{hint}") from error
    place = str(Path(config.path).expanduser().resolve()) if config.path else BUILT_IN
    _require_alike(sampler, data.spec, place)
    latents = sampler.latents.draw(count, generator=torch.Generator().manual_seed(seed))
    real = stack_pictures(config, data, count)
    return Sets(sampler.render(latents), latents, real, place)


def _require_alike(sampler: LatentSampler, spec: DataSpec, place: str) -> None:
    """Raises ConfigError where pictures are not of the kind that the run draws."""
    own, wanted, wrong = sampler.spec, sampler.latents.classes, []
    if spec.target.channels != own.target.channels:
        channels = counted(spec.target.channels, "channel")
        wrong.append(f"{channels}, the run draws {own.target.channels}")
    if spec.size != own.size:
        (height, width), (h, w) = spec.size, own.size
        wrong.append(f"{width}x{height} pixels, the run draws {w}x{h}")
    if wanted and spec.class_names != wanted:
        found = f"the classes {_listed(spec.class_names)}" if spec.class_names else "no classes"
        wrong.append(f"{found}, the run draws {_listed(wanted)}")
    if wrong:
        raise ConfigError(
            f"{place}: the pictures have {'; '.join(wrong)}. Name pictures like those that the run "
            "learnt from with --data DIR"
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")


def _classified(
    sets: Sets, device: torch.device
) -> tuple[dict[str, Score], dict[str, str], dict[str, Any]]:
    """Scores by a classifier of the real pictures, what is missing and why, and what it is."""
    real, coded = sets.real, CATEGORY in sets.latents
    reason = _no_classifier(real)
    if reason:
        accuracy = "code_accuracy" if coded else "accuracy"
        return {}, dict.fromkeys((accuracy, "frechet", "modes", "even"), reason), {}
    held, classes = every_fifth(real.classes), len(real.names)
    network = train_classifier(
        real.images[~held], real.classes[~held], classes=classes, device=device
    )
    drawn, others = classify(network, sets.fake), classify(network, real.images[held])
    scores, missing = _accuracies(sets.latents, drawn[0])
    values = classified_scores(drawn, others, classes=classes)
    nan, count = float("nan"), len(sets.fake)
    scores |= {name: Score(value, nan, nan, BETTER[name], count) for name, value in values.items()}
    about = _about(real, held, others)
    learnt = classify(network, real.images[~held])
    real_ones = classified_scores(learnt, others, classes=classes)["frechet"]
    about["frechet"] += f"; that of the real pictures it is trained on is {real_ones:.3g}"
    return scores, missing, {"classifier": about}


def _no_classifier(real: Stacked) -> str:
    """Why there can be no classifier of the real pictures, "" where there can."""
    if real.classes is None:
        return NO_CLASSES
    if len(real.names) < 2:
        return "all pictures are of one class: a classifier has nothing to tell apart"
    held = int(every_fifth(real.classes).sum())
    if held < distribution.LEAST:
        return (
            f"{counted(len(real.images), 'real picture')} of {len(real.names)} classes; a classifier "
            f"would be tried on {held} of them, every {EVERY}th of a class, and "
            f"{distribution.LEAST} are the least to believe it by"
        )
    return ""


def _accuracies(
    latents: Mapping[str, Tensor], predicted: Tensor
) -> tuple[dict[str, Score], dict[str, str]]:
    """Of the classes that the pictures were drawn for, or of the codes that stand for them."""
    count = len(predicted)
    if CLASS in latents:
        right = (predicted == latents[CLASS]).double().numpy()
        low, high = bootstrap.interval([right], bootstrap.mean)
        accuracy = Score(float(right.mean()), float(low), float(high), "larger", count)
        return {"accuracy": accuracy}, {}
    if CATEGORY not in latents:
        return {}, {"accuracy": "the run draws without a class"}
    value, nan = own_code_accuracy(latents[CATEGORY], predicted), float("nan")
    return {"code_accuracy": Score(value, nan, nan, "larger", count - count // 2)}, {}


def _about(real: Stacked, held: Tensor, others: Seen) -> dict[str, Any]:
    """What the classifier is; `others` is what it sees in the pictures kept from it."""
    right = float((others[0] == real.classes[held]).double().mean())
    known = set(real.classes.tolist())
    unknown = [name for number, name in enumerate(real.names) if number not in known]
    return {
        "network": f"trained on {int((~held).sum())} of the real pictures and their classes",
        "accuracy": f"{right:.4f} on the {int(held.sum())} others, the most to be had",
        **({"has seen no picture of": _listed(unknown)} if unknown else {}),
        "frechet": "distance of Gaussians fitted to its features of the pictures and of these others; "
        "it is not FID",
        "modes": f"of {len(real.names)} classes, those that it sees in the pictures",
        "even": "exponential of the entropy over them",
    }


def _inception_scores(
    sets: Sets, file: Path | None, device: torch.device
) -> tuple[dict[str, Score], str, dict[str, Any]]:
    """FID, KID, precision and recall; or why not; and how."""
    count, images = len(sets.fake), sets.real.images
    reason = too_few(min(count, len(images)))
    path = None
    if not reason and as_rgb(sets.fake[:1]) is None:
        reason = "needs grey or RGB pictures"
    if not reason:
        path, reason = distribution.find_inception(file)
    if path is None:
        return {}, reason, {}
    network = distribution.Inception(path).to(device)
    fake, real = (_features(network, some, device) for some in (sets.fake, images))
    kid, error = distribution.kid(fake, real)
    precision, recall = distribution.precision_recall(fake, real)
    values = {"fid": distribution.fid(fake, real), "kid": kid}
    values |= {"precision": precision, "recall": recall}
    nan, better = float("nan"), distribution.BETTER
    scores = {name: Score(value, nan, nan, better[name], count) for name, value in values.items()}
    scores["kid"] = Score(kid, kid - 1.96 * error, kid + 1.96 * error, better["kid"], count)
    about = {"inception": about_inception(path), "sets": about_sets(count, len(real))}
    return scores, "", about


@torch.inference_mode()
def _features(network: distribution.Inception, images: Tensor, device: torch.device) -> Tensor:
    parts = images.split(BATCH)
    found = [network(as_rgb(p).to(device)).cpu() for p in counting(parts, len(parts), "scoring")]
    return torch.cat(found)
