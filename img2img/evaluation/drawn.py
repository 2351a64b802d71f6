"""How good are the pictures of a run that draws them from noise? Scores of sets, no pairs."""

from collections.abc import Mapping, Sequence
from functools import cached_property
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
from img2img.evaluation import bootstrap, output
from img2img.evaluation.evaluator import EvaluatedSet, Evaluator, RunEvaluator, config_of
from img2img.evaluation.instruments import Instruments, about_sets, gather_for_sets, too_few
from img2img.evaluation.judges.classifier import (
    Seen,
    classified_scores,
    classify,
    own_code_accuracy,
    train_classifier,
)
from img2img.evaluation.pictures import as_rgb
from img2img.evaluation.result import DRAWN, Evaluation, Score
from img2img.evaluation.scoring import NEEDS, set_scores
from img2img.inference.sampler import LatentSampler
from img2img.keys import CATEGORY, CLASS
from img2img.metrics import Better, distribution
from img2img.models.latents import COLUMNS
from img2img.places import expand
from img2img.progress import counting

COUNT = 2000  # pictures drawn, and real ones beside them
ROWS = 8  # of a grid without classes and codes
BATCH = 64
LISTED = 8  # classes in a message
# Times the distance of real pictures from real ones. GANs that draw well are at 10 to 200, one that
# draws 4 of 10 digits is at 420, and one that diverged at 13,000 (docs/gan-core.md).
FOOLED = 1000
BETTER: dict[str, Better] = {
    "accuracy": "larger",
    "code_accuracy": "larger",
    "frechet": "smaller",
    "modes": "larger",
    "even": "larger",
}


class DrawnEvaluator(RunEvaluator):
    """Scores what a run draws from noise against the pictures that it learnt from."""

    @cached_property
    def sampler(self) -> LatentSampler:
        """The network that draws."""
        options = self.options
        return LatentSampler.load(self.folder, checkpoint=options.checkpoint, device=options.device)

    @cached_property
    def latents(self) -> dict[str, Tensor]:
        """What the scored pictures are drawn from."""
        draw = torch.Generator().manual_seed(self.options.seed)
        return self.sampler.latents.draw(self.options.limit or COUNT, generator=draw)

    @cached_property
    def fakes(self) -> Tensor:
        """The drawn pictures, (N, C, H, W) in [-1, 1]."""
        return self.sampler.render(self.latents)

    @cached_property
    def reals(self) -> tuple[Stacked, str]:
        """The real pictures, and where they are."""
        return _find_reals(self.sampler, self.options.data, self.options.limit or COUNT)

    def gather(self, folder: Path) -> Instruments:
        reason = too_few(min(len(self.reals[0].images), len(self.fakes)))
        if not reason and as_rgb(self.fakes[:1]) is None:
            reason = NEEDS["sets"]
        return gather_for_sets(self.options, reason)

    def evaluate(self, folder: Path, tools: Instruments) -> EvaluatedSet:
        (real, place), seed = self.reals, self.options.seed
        scores, missing, about = _classified(self.fakes, self.latents, real, self.sampler.device)
        if tools.inception is not None:
            features = [_features(tools, images) for images in (self.fakes, real.images)]
            scores |= set_scores(*features)
            about["sets"] = about_sets(*map(len, features))
        protocol = {
            "run": str(self.folder),
            "checkpoint": self.sampler.source,
            "pictures": counted(len(self.fakes), "drawn picture"),
            DRAWN: f"noise, seed {seed}",
            "data": place,
            "real pictures": counted(len(real.images), "picture"),
            **about,
            "intervals": bootstrap.METHOD,
            **tools.protocol,
        }
        missing |= {
            metric: tools.missing[metric]
            for metric in distribution.BETTER
            if metric in tools.missing
        }
        evaluation = Evaluation(self.folder.name, scores, missing, {}, protocol)
        # Not the noise of the scored pictures, nor, where both seeds are the usual 0, that of the
        # training's samples, which the page shows anyway.
        grid = draw_gallery(self.sampler, seed + 1)
        found = EvaluatedSet(evaluation, run=self.folder, grid=grid)
        output.write_set(folder, found)
        return found

    def require_comparable(self, other: RunEvaluator) -> None:
        if self.options.data is not None or not isinstance(other, DrawnEvaluator):
            return  # of different jobs: the two have no metric in common, which comparing says
        paths = [config_of(run, self.options).data.path for run in (self.run, other.run)]
        places = [path and expand(path).resolve() for path in paths]
        if places[0] != places[1]:
            one, another = (place or "the built-in pictures" for place in places)
            raise ConfigError(
                f"{self.run} learnt from {one}, {other.run} from {another}: score both by the same "
                "real pictures with --data DIR"
            )

    def against(self, place: Path) -> Evaluator:
        raise ConfigError(
            f"--against {place}: the run draws from noise, so no picture is of the same inputs; "
            "score that folder by --fake and --real"
        )


def draw_gallery(sampler: LatentSampler, seed: int) -> np.ndarray:
    """A grid: rows of the classes and codes, where there are any, or else `ROWS` rows.

    With the training's own seed it shows the same latents as the training's samples do, but that
    these have `training.samples` rows where there are neither classes nor codes.
    """
    gallery = sampler.latents.gallery(ROWS, COLUMNS, torch.Generator().manual_seed(seed))
    rows = [[to_picture(image) for image in sampler.render(latents)] for _, latents in gallery]
    return picture_grid(rows, [caption for caption, _ in gallery])


def _find_reals(sampler: LatentSampler, path: Path | None, count: int) -> tuple[Stacked, str]:
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
        height, width = spec.size or (0, 0)
        size = f"\nThe run draws pictures of {width}x{height}."
        hint = size if path else "\nIf the run's data have moved: --data DIR"
        raise DataError(f"{error}{hint}") from error
    place = str(expand(config.path).resolve()) if config.path else BUILT_IN
    _require_alike(sampler, data.spec, place)
    return stack_pictures(config, data, count), place


def _require_alike(sampler: LatentSampler, spec: DataSpec, place: str) -> None:
    """Raises ConfigError where pictures are not of the kind that the run draws."""
    own, wanted, wrong = sampler.spec, sampler.latents.classes, []
    if spec.target.channels != own.target.channels:
        channels = counted(spec.target.channels, "channel")
        wrong.append(f"{channels}, the run draws {own.target.channels}")
    if spec.size != own.size:
        found, its = ("{1}x{0}".format(*(size or (0, 0))) for size in (spec.size, own.size))
        wrong.append(f"{found} pixels, the run draws {its}")
    if wanted and spec.class_names != wanted:
        names = f"the classes {_listed(spec.class_names)}" if spec.class_names else "no classes"
        wrong.append(f"{names}, the run draws {_listed(wanted)}")
    if wrong:
        raise ConfigError(
            f"{place}: the pictures have {'; '.join(wrong)}. Name pictures like those that the run "
            "learnt from with --data DIR"
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")


def _classified(
    fakes: Tensor, latents: Mapping[str, Tensor], real: Stacked, device: torch.device
) -> tuple[dict[str, Score], dict[str, str], dict[str, Any]]:
    """Scores by a classifier of the real pictures, what is missing and why, and what it is."""
    reason, labels, classes = _no_classifier(real), real.classes, len(real.names)
    if reason or labels is None:
        accuracy = "code_accuracy" if CATEGORY in latents else "accuracy"
        return {}, dict.fromkeys((accuracy, "frechet", "modes", "even"), reason), {}
    held = every_fifth(labels)
    network = train_classifier(real.images[~held], labels[~held], classes=classes, device=device)
    drawn, others = classify(network, fakes), classify(network, real.images[held])
    scores, missing = _accuracies(latents, drawn[0])
    values = classified_scores(drawn, others, classes=classes)
    scores |= {name: Score.of_set(v, BETTER[name], len(fakes)) for name, v in values.items()}
    learnt = classify(network, real.images[~held])
    usual = classified_scores(learnt, others, classes=classes)["frechet"]
    about = _about(real.names, labels, held, others, usual)
    if usual and values["frechet"] > FOOLED * usual:
        about["beware"] = (
            f"the classifier Fréchet distance is {values['frechet'] / usual:,.0f} times that of real "
            f"pictures ({usual:.3g}): to the classifier these pictures are like nothing that it was "
            "trained on (noise in the background is enough), so that what it says of their classes "
            "(accuracy, modes, effective number) may be wrong; look at the pictures"
        )
    return scores, missing, {"classifier": about}


def _no_classifier(real: Stacked) -> str:
    """Why there can be no classifier of the real pictures, "" where there can."""
    if real.classes is None:
        return "the pictures have no classes for a classifier to learn"
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
    if CLASS in latents:
        right = (predicted == latents[CLASS]).double().numpy()
        return {"accuracy": bootstrap.mean_score(right, BETTER["accuracy"])}, {}
    if CATEGORY not in latents:
        return {}, {"accuracy": "the run draws without a class"}
    value, count = own_code_accuracy(latents[CATEGORY], predicted), len(predicted)
    return {"code_accuracy": Score.of_set(value, "larger", count - count // 2)}, {}


def _about(
    names: Sequence[str], labels: Tensor, held: Tensor, others: Seen, usual: float
) -> dict[str, Any]:
    """What the classifier is.

    Args:
        others: what it sees in the pictures kept from it.
        usual: the Fréchet distance of the pictures that it is trained on.
    """
    right = float((others[0] == labels[held]).double().mean())
    unknown = [name for number, name in enumerate(names) if not (labels == number).any()]
    return {
        "network": f"trained on {int((~held).sum())} of the real pictures and their classes",
        "accuracy": f"{right:.4f} on the {int(held.sum())} others, the best available",
        **({"has seen no picture of": _listed(unknown)} if unknown else {}),
        "frechet": "distance of Gaussians fitted to its features of the pictures and of these others; "
        f"it is not FID; that of the real pictures it is trained on is {usual:.3g}",
        "modes": f"of {len(names)} classes, those that it sees in the pictures",
        "even": "exponential of the entropy over them",
    }


@torch.inference_mode()
def _features(tools: Instruments, images: Tensor) -> Tensor:
    """Inception's, (N, 2048)."""
    parts = images.split(BATCH)
    features = [tools.features(part) for part in counting(parts, len(parts), "scoring")]
    return torch.cat([part for part in features if part is not None])
