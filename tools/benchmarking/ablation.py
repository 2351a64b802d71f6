"""Which term buys what: the same pairs, size, width and steps, with and without a part."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from img2img.config import load_config, parse_overrides
from img2img.data.describe import describe_data
from img2img.data.sheets import contact_sheet
from img2img.evaluation.heldout import HeldOut
from img2img.evaluation.output import TRANSLATED
from img2img.evaluation.result import EVALUATION, Evaluation
from img2img.fields.files import read_image, write_image
from img2img.fields.resizing import resize_ids, resize_image
from img2img.models import OPTIONS
from img2img.runs.checkpoint import step_file, step_files
from img2img.runs.folder import CHECKPOINTS

FOLDER = "evaluation"  # of a run
ROWS = 6  # pictures of a contact sheet


@dataclass(frozen=True)
class DataSet:
    """What a data set needs beside its folder. `height`: of its pictures, as a share of their width."""

    settings: tuple[str, ...]
    height: float


DATA_SETS = {
    "facades": DataSet(("data.direction=BtoA", "data.palette=facades"), 1.0),
    "camvid": DataSet(("data.palette=camvid", "data.ignore_id=11", "data.num_classes=11"), 0.75),
}

_HD = {"name": "pix2pixHD", "num_D": 2, "boundary": False}
_GLOBAL = _HD | {"generator": "global", "n_down": 3, "n_blocks": 4}

# The published sets of terms (Isola et al. 2017, Table 1; Wang et al. 2018, Sec. 4), then the
# last of them with one term taken away.
VARIANTS: Mapping[str, Mapping[str, object]] = {
    "pix2pix-l1": {"name": "pix2pix", "weights.adv": 0, "weights.real": 0, "weights.fake": 0},
    "pix2pix-gan": {"name": "pix2pix", "weights.l1": 0},
    "pix2pix": {"name": "pix2pix"},
    "hd-unet": _HD | {"generator": "unet"},
    "hd-global": _GLOBAL,
    "hd-global-no-matching": _GLOBAL | {"weights.feature_matching": 0},
    "hd-global-no-vgg": _GLOBAL | {"weights.perceptual": 0},
    "hd-global-no-l1": _GLOBAL | {"weights.l1": 0},
}

TITLES = {
    "pix2pix-l1": "pix2pix, L1 alone",
    "pix2pix-gan": "pix2pix, GAN alone",
    "pix2pix": "pix2pix: GAN + 100 L1",
    "hd-unet": "pix2pixHD, U-Net: all terms",
    "hd-global": "pix2pixHD, global: all terms",
    "hd-global-no-matching": "without feature matching",
    "hd-global-no-vgg": "without VGG",
    "hd-global-no-l1": "without L1",
}


@dataclass(frozen=True)
class Budget:
    """What every variant gets.

    Attributes:
        steps: of one pair each; the last third of them with a falling learning rate.
        pixels: width of the pictures.
        width: channels of the networks' first layers.
    """

    steps: int
    pixels: int
    width: int


def settings(data_set: str, variant: str, budget: Budget) -> list[str]:
    """A variant's settings as `key=value`."""
    known = DATA_SETS[data_set]
    size = f"[{round(budget.pixels * known.height / 8) * 8},{budget.pixels}]"
    model = {**VARIANTS[variant], "width": budget.width, "d_width": budget.width}
    decay = budget.steps // 3
    training = {
        "steps": budget.steps - decay,
        "decay_steps": decay,
        "validate_every": budget.steps,
        "save_every": budget.steps,
        "lr": 4e-4,
        "ema": 0.99,
        "keep": 1,
        "log_every": 20,
        "lpips_weights": "none",  # it would only choose a best checkpoint
    }
    return [
        *known.settings,
        *(f"data.{key}={size}" for key in ("resize", "crop")),
        "data.jitter=0.117",
        *(f"model.{key}={value}" for key, value in model.items()),
        *(f"training.{key}={value}" for key, value in training.items()),
    ]


def reduce(source: Path, out: Path, data_set: str, budget: Budget) -> None:
    """Copies of all pairs at the size at which the networks work, split as training splits them.

    Pictures are scored at the size of their files: enlarged to that of the originals they would be
    judged by their missing sharpness alone.

    Raises:
        UserError: the pairs cannot be read, or the copies not be written.
    """
    given = settings(data_set, "pix2pix", budget)
    overrides = parse_overrides(given) | {"data.path": str(source)}
    data = describe_data(load_config(OPTIONS, overrides=overrides).data)
    height, width = data.spec.size
    halved = any(part.half for part in data.spec.parts)
    size = (height, 2 * width if halved else width)
    for split, records in (("train", data.train.records), ("val", data.val.records)):
        for record in records:
            for path in {*record.files.values()}:
                place = out / split / ("" if halved else path.parent.name) / f"{path.stem}.png"
                place.parent.mkdir(parents=True, exist_ok=True)
                write_image(place, _reduced(path, size, halved=halved))


def _reduced(path: Path, size: tuple[int, int], *, halved: bool) -> np.ndarray:
    """Photos averaged, label maps by their nearest pixel; the right half of facades is one."""
    picture = read_image(path)
    if halved:
        middle = picture.shape[1] // 2
        photo = resize_image(picture[:, :middle], (size[0], size[1] // 2))
        labels = _nearest(picture[:, middle:], (size[0], size[1] // 2))
        return np.concatenate([np.rint(photo).astype(np.uint8), labels], axis=1)
    if picture.shape[2] == 1:
        return _nearest(picture, size)
    return np.rint(resize_image(picture, size)).astype(np.uint8)


def _nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    planes = [resize_ids(plane, size) for plane in np.moveaxis(labels, 2, 0)]
    return np.stack(planes, axis=2)


def is_started(run: Path) -> bool:
    """Whether there is a checkpoint to go on with."""
    return bool(step_files(run / CHECKPOINTS))


def is_done(run: Path, budget: Budget) -> bool:
    """Whether a run has had all its steps."""
    return step_file(run / CHECKPOINTS, budget.steps).is_file()


def sheet(runs: Mapping[str, Path], data: Path) -> np.ndarray:
    """Held-out pairs, evenly spaced: the labels, what every variant makes of them, the photo."""
    pairs = HeldOut(str(next(iter(runs.values()))), data=data, limit=ROWS)
    rows = []
    for name in pairs.names:
        row = {"labels": next(iter(pairs.inputs(name).values()))}
        for variant, run in runs.items():
            row[variant] = read_image(run / FOLDER / TRANSLATED / f"{name}.png")
        rows.append(row | {"photo": pairs.read(name).image})
    return contact_sheet(rows, pairs.names)


def table(evaluations: Mapping[str, Evaluation]) -> str:
    """A Markdown table: a row for each variant, mean and 95 % interval for each metric."""
    first = next(iter(evaluations.values()))
    names = [  # not those of single classes
        name
        for name in first.scores
        if "/" not in name and all(name in e.scores for e in evaluations.values())
    ]
    arrows = {"smaller": "↓", "larger": "↑"}
    heads = [f"{name} {arrows[first.scores[name].better]}" for name in names]
    best = {name: _best(evaluations, name) for name in names}
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(names) + 1) + "|"]
    for variant, evaluation in evaluations.items():
        cells = [_cell(evaluation, name, bold=best[name] == variant) for name in names]
        lines.append(f"| {TITLES[variant]} | {' | '.join(cells)} |")
    missing = [f"{names} ({why})" for names, why in first.reasons.items()]
    if missing:
        lines += ["", f"Not computed: {'; '.join(missing)}."]
    return "\n".join(lines)


def _best(evaluations: Mapping[str, Evaluation], name: str) -> str:
    scores = {variant: e.scores[name] for variant, e in evaluations.items()}
    choose = min if next(iter(scores.values())).better == "smaller" else max
    return choose(scores, key=lambda variant: scores[variant].value)


def _cell(evaluation: Evaluation, name: str, *, bold: bool) -> str:
    score = evaluation.scores[name]
    value = f"**{score.value:.3g}**" if bold else f"{score.value:.3g}"
    return value if np.isnan(score.low) else f"{value} ({score.low:.3g} to {score.high:.3g})"


def is_scored(run: Path) -> bool:
    """Whether there is a whole evaluation of a run."""
    return (run / FOLDER / EVALUATION).is_file()


def load(run: Path) -> Evaluation:
    """The evaluation of a run."""
    return Evaluation.load(run / FOLDER / EVALUATION)
