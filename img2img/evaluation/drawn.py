"""How good are the pictures of a run that draws them from noise? Scores of sets, no pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from img2img.evaluation.accumulator import NEEDS
from img2img.evaluation.evaluator import EvaluatedSet, Options, RunEvaluator, config_of
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
from img2img.evaluation.scoring import Scored, set_scores
from img2img.inference.sampler import LatentSampler
from img2img.keys import CATEGORY, CLASS
from img2img.metrics import distribution
from img2img.models.latents import COLUMNS
from img2img.progress import counting
from img2img.runs.folder import find_run

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


class DrawnEvaluator:
    """Scores what a run draws from noise against the pictures that it learnt from.

    Args:
        run: name or path; None for the newest.
    """

    def __init__(self, run: str | None, options: Options):
        self.run, self.options = run, options

    @cached_property
    def sampler(self) -> LatentSampler:
        """The network that draws."""
        place = find_run(self.run).resolve()
        return LatentSampler.load(
            place, checkpoint=self.options.checkpoint, device=self.options.device
        )

    @cached_property
    def sets(self) -> Sets:
        """What is scored."""
        options = self.options
        return _sets(self.sampler, options.data, options.limit or COUNT, options.seed)

    def gather(self, folder: Path) -> Instruments:
        reason = too_few(min(len(self.sets.fake), len(self.sets.real.images)))
        if not reason and as_rgb(self.sets.fake[:1]) is None:
            reason = NEEDS["sets"]
        return gather_for_sets(self.options.wanted, self.sampler.device, reason)

    def evaluate(self, folder: Path, tools: Instruments) -> EvaluatedSet:
        sets, sampler, run = self.sets, self.sampler, find_run(self.run).resolve()
        scores, missing, about = _classified(sets, sampler.device)
        if tools.inception is not None:
            features = [_features(tools, some) for some in (sets.fake, sets.real.images)]
            scores |= set_scores(*features)
            about["sets"] = about_sets(*map(len, features))
        protocol = {
            "run": str(run),
            "checkpoint": sampler.source,
            "pictures": counted(len(sets.fake), "drawn picture"),
            DRAWN: f"noise, seed {self.options.seed}",
            "data": sets.place,
            "real pictures": counted(len(sets.real.images), "picture"),
            **about,
            "intervals": bootstrap.METHOD,
            **tools.protocol,
        }
        missing |= {
            metric: why for metric, why in tools.missing.items() if metric in distribution.BETTER
        }
        evaluation = Evaluation(run.name, scores, missing, {}, protocol)
        # Not the noise of the scored pictures, nor, where both seeds are the usual 0, that of the
        # training's samples, which the page shows anyway.
        grid = draw_gallery(sampler, self.options.seed + 1)
        found = EvaluatedSet(Scored(evaluation, {}, ()), run=run, grid=grid)
        output.write_set(folder, found)
        return found

    def require_comparable(self, other: RunEvaluator) -> None:
        if self.options.data is not None or not isinstance(other, DrawnEvaluator):
            return  # of different jobs: the two have no metric in common, which comparing says
        paths = [config_of(run, self.options).data.path for run in (self.run, other.run)]
        places = [path and Path(path).expanduser().resolve() for path in paths]
        if places[0] != places[1]:
            one, another = (place or "the built-in pictures" for place in places)
            raise ConfigError(
                f"{self.run} learnt from {one}, {other.run} from {another}: score both by the same "
                "real pictures with --data DIR"
            )

    def of_inputs(self, fakes: Mapping[str, Path], place: Path) -> Mapping[str, Path]:
        raise ConfigError(
            f"--against {place}: the run draws from noise, so no picture is of the same inputs; "
            "score that folder by --fake and --real"
        )

    def evaluate_others(
        self, folder: Path, tools: Instruments, fakes: Mapping[str, Path], place: Path
    ) -> EvaluatedSet:
        raise NotImplementedError("there are no inputs that others could have pictures of")


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
    scores |= {name: _of_set(name, value, len(sets.fake)) for name, value in values.items()}
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
    value = own_code_accuracy(latents[CATEGORY], predicted)
    return {"code_accuracy": _of_set("code_accuracy", value, count - count // 2)}, {}


def _of_set(name: str, value: float, count: int) -> Score:
    """A score of a whole set, which has no interval."""
    return Score(value, float("nan"), float("nan"), BETTER[name], count)


def _about(real: Stacked, held: Tensor, others: Seen) -> dict[str, Any]:
    """What the classifier is; `others` is what it sees in the pictures kept from it."""
    right = float((others[0] == real.classes[held]).double().mean())
    known = set(real.classes.tolist())
    unknown = [name for number, name in enumerate(real.names) if number not in known]
    return {
        "network": f"trained on {int((~held).sum())} of the real pictures and their classes",
        "accuracy": f"{right:.4f} on the {int(held.sum())} others, the best available",
        **({"has seen no picture of": _listed(unknown)} if unknown else {}),
        "frechet": "distance of Gaussians fitted to its features of the pictures and of these others; "
        "it is not FID",
        "modes": f"of {len(real.names)} classes, those that it sees in the pictures",
        "even": "exponential of the entropy over them",
    }


@torch.inference_mode()
def _features(tools: Instruments, images: Tensor) -> Tensor:
    """Inception's, (N, 2048)."""
    parts = images.split(BATCH)
    return torch.cat(
        [
            tools.inception(as_rgb(part).to(tools.device)).cpu()
            for part in counting(parts, len(parts), "scoring")
        ]
    )
