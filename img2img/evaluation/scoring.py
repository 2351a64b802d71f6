"""Scoring translated pictures against real ones: one protocol, wherever they come from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from img2img.errors import counted
from img2img.evaluation import bootstrap
from img2img.evaluation.instruments import Instruments, about_sets, too_few
from img2img.evaluation.pictures import RESIZING
from img2img.evaluation.reals import Reals, assign
from img2img.evaluation.result import Evaluation, Score
from img2img.evaluation.sheet import NEEDS, Sheet
from img2img.metrics import distribution
from img2img.metrics.paired import BETTER
from img2img.metrics.segmentation import MEANS, score_names, segmentation_scores
from img2img.progress import counting

NORMAL = 1.96  # standard errors to either end of a 95 % interval
LISTED = 20  # names that the protocol quotes
PROTOCOL = ("pictures", "left out", "without partner", "skipped")  # what every protocol has


@dataclass(frozen=True)
class Scored:
    """An evaluation, and what comparing it with another one takes.

    Attributes:
        counts: by picture, int64 (3, classes) as of `count_classes`; empty without a segmenter.
        class_names: of the counts' classes.
    """

    evaluation: Evaluation
    counts: Mapping[str, np.ndarray]
    class_names: tuple[str, ...]


def score(
    name: str,
    fakes: Mapping[str, Path],
    reals: Reals,
    tools: Instruments,
    *,
    origin: Mapping[str, Any],
    failed: Mapping[str, str] | None = None,
) -> Scored:
    """Scores pictures.

    Args:
        name: of the evaluation.
        fakes: the translated pictures; those whose names are none of the real ones' are no
            part of the scores of pairs.
        origin: where they come from, for the protocol.
        failed: pairs that are lost already, and why.

    Raises:
        ConfigError: the segmenter does not fit the data.
    """
    sheet = Sheet(tools, reals, dict(failed or {}))
    pairs, lonely = assign(fakes, reals.names)
    alone = [n for n in reals.names if n not in pairs and n not in sheet.skipped]
    with torch.inference_mode():
        steps = list(_steps(sheet, pairs, lonely, alone))
        for step in counting(steps, len(steps), "scoring"):
            step()
    scores = _pair_scores(sheet) | _set_scores(sheet) | _class_scores(sheet)
    missing = {
        metric: _reason(metric, sheet, bool(pairs)) for metric in _all() if metric not in scores
    }
    protocol = {**origin, **_protocol(sheet, list(lonely), alone)}
    evaluation = Evaluation(name, scores, missing, sheet.images, protocol)
    return Scored(evaluation, sheet.counts, tuple(reals.class_names))


def _all() -> tuple[str, ...]:
    return (*BETTER, *distribution.BETTER, *MEANS)


def _steps(
    sheet: Sheet, pairs: Mapping[str, Path], lonely: Mapping[str, Path], alone: list[str]
) -> Iterator[Callable[[], None]]:
    for name, path in pairs.items():
        yield partial(sheet.add_pair, name, path)
    for name, path in lonely.items():
        yield partial(sheet.add_fake, name, path)
    for name in alone:
        yield partial(sheet.add_real, name)


def _pair_scores(sheet: Sheet) -> dict[str, Score]:
    """Means over pictures."""
    scores = {}
    for metric, better in BETTER.items():
        values = np.array([own[metric] for own in sheet.images.values() if metric in own])
        if len(values):
            low, high = bootstrap.interval([values], bootstrap.mean)
            mean = float(values.mean())
            scores[metric] = Score(mean, float(low), float(high), better, len(values))
    return scores


def _set_scores(sheet: Sheet) -> dict[str, Score]:
    """FID, KID, precision and recall; resampled pictures would be doubles, which spoil all of them."""
    counts = {side: len(rows) for side, rows in sheet.features.items()}
    if sheet.tools.inception is None or sheet.unfit["sets"] or too_few(min(counts.values())):
        return {}
    fake, real = (torch.cat(sheet.features[side]) for side in ("fake", "real"))
    values = {"fid": (distribution.fid(fake, real), float("nan"))}
    values["kid"] = distribution.kid(fake, real)
    for metric, value in zip(
        ("precision", "recall"), distribution.precision_recall(fake, real), strict=True
    ):
        values[metric] = (value, float("nan"))
    return {
        metric: Score(
            value,
            value - NORMAL * error,
            value + NORMAL * error,
            distribution.BETTER[metric],
            counts["fake"],
        )
        for metric, (value, error) in values.items()
    }


def of_counts(right: np.ndarray, labelled: np.ndarray, predicted: np.ndarray, axis: int = -1):
    """`segmentation_scores` of all pictures along an axis, as a statistic of `interval`."""
    return segmentation_scores(right.sum(axis), labelled.sum(axis), predicted.sum(axis))


def _class_scores(sheet: Sheet) -> dict[str, Score]:
    """What the segmenter finds; classes that are nowhere have no scores."""
    if not sheet.counts:
        return {}
    counts = np.stack(list(sheet.counts.values()), -1)
    values = of_counts(*counts)
    low, high = bootstrap.interval(list(counts), of_counts)
    return {
        metric: Score(float(values[i]), float(low[i]), float(high[i]), "larger", len(sheet.counts))
        for i, metric in enumerate(score_names(sheet.reals.class_names))
        if np.isfinite(values[i])
    }


def _reason(metric: str, sheet: Sheet, paired: bool) -> str:
    """Why a metric has no value."""
    if metric in sheet.tools.missing:
        return sheet.tools.missing[metric]
    kind = "sets" if metric in distribution.BETTER else metric
    kind = "segmentation" if metric in MEANS else kind
    if sheet.unfit[kind]:
        return NEEDS[kind]
    if kind == "sets":
        return too_few(min(map(len, sheet.features.values())))
    if not paired:
        return "no translated picture has the name of a real one"
    return "every pixel is of the ignored class" if sheet.empty else "no pair could be read"


def _protocol(sheet: Sheet, lonely: list[str], alone: list[str]) -> dict[str, Any]:
    """How all of it was measured, and on what."""
    protocol: dict[str, Any] = {
        "pictures": f"{counted(len(sheet.images), 'pair')}",
        "sizes (width x height)": dict(sheet.sizes.most_common(LISTED)),
        "real pictures": dict(sheet.kinds),
        "real pictures, SHA-256": sheet.digest,
        "values": "scored in [-1, 1], where these stand for "
        + "; ".join(f"{low:g} and {high:g} ({t})" for t, (low, high) in _ranges(sheet).items()),
        "resizing": f"{sheet.resized} of {len(sheet.images)}: {RESIZING}",
        "intervals": bootstrap.METHOD,
    }
    if sheet.reals.ignore_id is not None:
        protocol["ignored"] = (
            "pixels of the ignored label class do not count in scores of pairs and of the segmenter "
            f"({counted(sheet.empty, 'picture')} of nothing else)"
        )
    protocol |= sheet.tools.protocol
    if sheet.tools.inception is not None:
        protocol["sets"] = about_sets(len(sheet.features["fake"]), len(sheet.features["real"]))
    if sheet.counts:
        found = segmentation_scores(*sheet.ceiling)[: len(MEANS)]
        ceiling = dict(zip(MEANS, map(float, found), strict=True))
        protocol["segmentation"] = {
            **protocol["segmentation"],
            "classes": list(sheet.reals.class_names),
            "on the real pictures": ceiling,
        }
    protocol["left out"] = {
        metric: f"{counted(count, 'picture')}: {NEEDS.get(metric, 'no finite value')}"
        for metric, count in sheet.unfit.items()
        if count
    }
    lonely, alone = ([n for n in names if n not in sheet.skipped] for names in (lonely, alone))
    protocol["without partner"] = {
        "translated": len(lonely),
        "real": len(alone),
        "for example": [*lonely[:LISTED], *alone[:LISTED]],
    }
    protocol["skipped"] = sheet.skipped
    return protocol


def _ranges(sheet: Sheet) -> dict[str, tuple[float, float]]:
    types = {kind.partition(",")[0] for kind in sheet.kinds}
    return {dtype: sheet.reals.ranges[dtype] for dtype in sorted(types)}
