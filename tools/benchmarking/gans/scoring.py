"""What a trained run is worth, to a classifier of the real pictures."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarking.gans.material import Judge
from img2img.devices import pick_device
from img2img.evaluation.judges.classifier import (
    classified_scores,
    classify,
    code_accuracy,
    own_code_accuracy,
    train_classifier,
)
from img2img.inference.loading import load_model
from img2img.inference.sampler import LatentSampler
from img2img.keys import CATEGORY, CLASS, LABELLED
from img2img.models.base import Model
from img2img.runs.folder import pick_checkpoint

SEED = 0
BATCH = 256


def score_run(run: Path, judge: Judge, *, count: int, device: str) -> dict[str, float]:
    """The scores of `count` pictures that a run draws; see `classified_scores`.

    Returns:
        Of a run with a categorical code also `code_accuracy`, of its pictures, and
        `code_accuracy_real`, of the held-out real pictures whose code Q names, which is what Chen
        et al. 2016 measure (Sec. 7.2). Of a semi-supervised one also `told_few` and `told_few_alone`,
        the accuracies on held-out real pictures of its discriminator and of the judge's network, told
        of the same few classes.
    """
    sampler = LatentSampler.load(run, device=device)
    latents = sampler.latents.draw(count, generator=torch.Generator().manual_seed(SEED))
    held_out = judge.material.held_out
    fake, real = (
        classify(judge.classifier, images) for images in (sampler.render(latents), held_out.images)
    )
    classes = len(held_out.names)
    scores = classified_scores(fake, real, classes=classes, wanted=latents.get(CLASS))
    if CATEGORY in latents:
        scores["code_accuracy"] = own_code_accuracy(latents[CATEGORY], fake[0])
        scores["code_accuracy_real"] = _code_accuracy_of_real(run, judge, device)
    if few := getattr(sampler.config.model, "labelled_per_class", None):
        scores |= _accuracies_of_few(run, judge, few, device)
    return scores


def _code_accuracy_of_real(run: Path, judge: Judge, device: str) -> float:
    """Codes are named after the training pictures, which no model was told the classes of."""
    model, known, asked = _load(run, device), judge.material.train, judge.material.held_out
    named = [_over(part.images, model.categories, device) for part in (known, asked)]
    return code_accuracy((named[0], known.classes), (named[1], asked.classes))


def _accuracies_of_few(run: Path, judge: Judge, few: int, device: str) -> dict[str, float]:
    """Of those told of the first `few` pictures of each class, as in training."""
    model, train, asked = _load(run, device), judge.material.train, judge.material.held_out
    classes = range(len(asked.names))
    told = torch.cat([torch.nonzero(train.classes == c).flatten()[:few] for c in classes])
    alone = train_classifier(
        train.images[told],
        train.classes[told],
        classes=len(classes),
        device=device,
        steps=judge.steps,
    )

    def named(images: Tensor) -> Tensor:
        return model.classify({LABELLED: images}).argmax(1)

    said = {
        "told_few": _over(asked.images, named, device),
        "told_few_alone": classify(alone, asked.images)[0],
    }
    return {name: float((found == asked.classes).double().mean()) for name, found in said.items()}


def _load(run: Path, device: str) -> Model:
    """A run's model with its discriminator."""
    return load_model(pick_checkpoint(run, None), pick_device(device), also=("discriminator",))


@torch.inference_mode()
def _over(images: Tensor, say: Callable[[Tensor], Tensor], device: str) -> Tensor:
    """What is said of images, (N, ...), part by part."""
    return torch.cat([say(part.to(pick_device(device))).cpu() for part in images.split(BATCH)])
