"""What a trained run is worth, to a classifier of the real pictures."""

from pathlib import Path

import torch
from torch import Tensor

from img2img.benchmarking.gans.material import Judge
from img2img.devices import pick_device
from img2img.inference.loading import load_model
from img2img.inference.painter import Painter
from img2img.metrics.classified import (
    classified_scores,
    classify,
    code_accuracy,
    own_code_accuracy,
)
from img2img.models.latents import CATEGORY
from img2img.training.runs import pick_checkpoint

SEED = 0


@torch.inference_mode()
def score_run(run: Path, judge: Judge, *, count: int, device: str) -> dict[str, float]:
    """The scores of `count` pictures that a run draws; see `classified_scores`.

    Returns:
        Of a run with a categorical code also `code_accuracy`, of its pictures, and
        `code_accuracy_real`, of the held-out real pictures whose code Q names, which is what Chen
        et al. 2016 measure (Sec. 7.2).
    """
    painter = Painter.load(run, device=device)
    latents = painter.latents.draw(count, generator=torch.Generator().manual_seed(SEED))
    held_out = judge.material.held_out
    fake, real = (
        classify(judge.classifier, images) for images in (painter.render(latents), held_out.images)
    )
    classes = len(held_out.names)
    scores = classified_scores(fake, real, classes=classes, wanted=latents.get("class"))
    if CATEGORY in latents:
        scores["code_accuracy"] = own_code_accuracy(latents[CATEGORY], fake[0])
        scores["code_accuracy_real"] = _on_real(run, judge, device)
    return scores


def _on_real(run: Path, judge: Judge, device: str) -> float:
    """Codes are named after the training pictures, which no model was told the classes of."""
    target = pick_device(device)
    model = load_model(pick_checkpoint(run, None), target, also=("discriminator",))

    def named(images: Tensor) -> Tensor:
        return torch.cat([model.categories(part.to(target)).cpu() for part in images.split(256)])

    known, asked = judge.material.train, judge.material.held_out
    return code_accuracy((named(known.images), known.classes), (named(asked.images), asked.classes))
