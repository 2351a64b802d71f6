"""Scoring translated pictures against real ones: one protocol, wherever they come from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img2img.errors import counted
from img2img.evaluation import bootstrap
from img2img.evaluation.accumulator import NEEDS, MetricAccumulator
from img2img.evaluation.instruments import Instruments, about_sets, too_few
from img2img.evaluation.judges.segmentation import MEANS, score_names, segmentation_scores
from img2img.evaluation.pictures import RESIZING
from img2img.evaluation.reals import Reals, assign
from img2img.evaluation.result import Evaluation, Score
from img2img.metrics import distribution
from img2img.metrics.paired import BETTER
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
    seen = MetricAccumulator(tools, reals, dict(failed or {}))
    pairs, lonely = assign(fakes, reals.names)
    alone = [n for n in reals.names if n not in pairs and n not in seen.skipped]
    with torch.inference_mode():
        steps = list(_steps(seen, pairs, lonely, alone))
        for step in counting(steps, len(steps), "scoring"):
            step()
    scores = _pair_scores(seen) | _set_scores(seen) | _class_scores(seen)
    missing = {
        metric: _reason(metric, seen, bool(pairs)) for metric in _all() if metric not in scores
    }
    protocol = {**origin, **_protocol(seen, list(lonely), alone)}
    evaluation = Evaluation(name, scores, missing, seen.images, protocol)
    return Scored(evaluation, seen.counts, tuple(reals.class_names))


def _all() -> tuple[str, ...]:
    return (*BETTER, *distribution.BETTER, *MEANS)


def _steps(
    seen: MetricAccumulator, pairs: Mapping[str, Path], lonely: Mapping[str, Path], alone: list[str]
) -> Iterator[Callable[[], None]]:
    for name, path in pairs.items():
        yield partial(seen.add_pair, name, path)
    for name, path in lonely.items():
        yield partial(seen.add_fake, name, path)
    for name in alone:
        yield partial(seen.add_real, name)


def _pair_scores(seen: MetricAccumulator) -> dict[str, Score]:
    """Means over pictures."""
    scores = {}
    for metric, better in BETTER.items():
        values = np.array([own[metric] for own in seen.images.values() if metric in own])
        if len(values):
            low, high = bootstrap.interval([values], bootstrap.mean)
            mean = float(values.mean())
            scores[metric] = Score(mean, float(low), float(high), better, len(values))
    return scores


def _set_scores(seen: MetricAccumulator) -> dict[str, Score]:
    counts = [len(rows) for rows in seen.features.values()]
    if seen.tools.inception is None or seen.unfit["sets"] or too_few(min(counts)):
        return {}
    return set_scores(*(torch.cat(seen.features[kind]) for kind in ("fake", "real")))


def set_scores(fake: Tensor, real: Tensor) -> dict[str, Score]:
    """FID, KID, precision and recall of Inception's features (N, 2048).

    Only KID has an interval: resampled pictures would be doubles, which spoil all of them.
    """
    kid, error = distribution.kid(fake, real)
    precision, recall = distribution.precision_recall(fake, real)
    fid = distribution.fid(fake, real)
    values = {"fid": fid, "kid": kid, "precision": precision, "recall": recall}
    nan, better = float("nan"), distribution.BETTER
    scores = {m: Score(v, nan, nan, better[m], len(fake)) for m, v in values.items()}
    ends = (kid - NORMAL * error, kid + NORMAL * error)
    return scores | {"kid": Score(kid, *ends, better["kid"], len(fake))}


def of_counts(right: np.ndarray, labelled: np.ndarray, predicted: np.ndarray, axis: int = -1):
    """`segmentation_scores` of all pictures along an axis, as a statistic of `interval`."""
    return segmentation_scores(right.sum(axis), labelled.sum(axis), predicted.sum(axis))


def _class_scores(seen: MetricAccumulator) -> dict[str, Score]:
    """What the segmenter finds; classes that are nowhere have no scores."""
    if not seen.counts:
        return {}
    counts = np.stack(list(seen.counts.values()), -1)
    values = of_counts(*counts)
    low, high = bootstrap.interval(list(counts), of_counts)
    return {
        metric: Score(float(values[i]), float(low[i]), float(high[i]), "larger", len(seen.counts))
        for i, metric in enumerate(score_names(seen.reals.class_names))
        if np.isfinite(values[i])
    }


def _reason(metric: str, seen: MetricAccumulator, paired: bool) -> str:
    """Why a metric has no value."""
    if metric in seen.tools.missing:
        return seen.tools.missing[metric]
    kind = "sets" if metric in distribution.BETTER else metric
    kind = "segmentation" if metric in MEANS else kind
    if seen.unfit[kind]:
        return NEEDS[kind]
    if kind == "sets":
        return too_few(min(map(len, seen.features.values())))
    if not paired:
        return "no translated picture has the name of a real one"
    return "every pixel is of the ignored class" if seen.empty else "no pair could be read"


def _protocol(seen: MetricAccumulator, lonely: list[str], alone: list[str]) -> dict[str, Any]:
    """How all of it was measured, and on what."""
    protocol: dict[str, Any] = {
        "pictures": f"{counted(len(seen.images), 'pair')}",
        "sizes (width x height)": dict(seen.sizes.most_common(LISTED)),
        "real pictures": dict(seen.kinds),
        "real pictures, SHA-256": seen.digest,
        "values": "scored in [-1, 1], where these stand for "
        + "; ".join(f"{low:g} and {high:g} ({t})" for t, (low, high) in _ranges(seen).items()),
        "resizing": f"{seen.resized} of {len(seen.images)}: {RESIZING}",
        "intervals": bootstrap.METHOD,
    }
    if seen.reals.ignore_id is not None:
        protocol["ignored"] = (
            "pixels of the ignored label class do not count in scores of pairs and of the segmenter "
            f"({counted(seen.empty, 'picture')} of nothing else)"
        )
    protocol |= seen.tools.protocol
    if seen.tools.inception is not None:
        protocol["sets"] = about_sets(len(seen.features["fake"]), len(seen.features["real"]))
    if seen.counts:
        found = segmentation_scores(*seen.ceiling)[: len(MEANS)]
        ceiling = dict(zip(MEANS, map(float, found), strict=True))
        protocol["segmentation"] = {
            **protocol["segmentation"],
            "classes": list(seen.reals.class_names),
            "on the real pictures": ceiling,
        }
    protocol["left out"] = {
        metric: f"{counted(count, 'picture')}: {NEEDS.get(metric, 'no finite value')}"
        for metric, count in seen.unfit.items()
        if count
    }
    lonely, alone = ([n for n in names if n not in seen.skipped] for names in (lonely, alone))
    protocol["without partner"] = {
        "translated": len(lonely),
        "real": len(alone),
        "for example": [*lonely[:LISTED], *alone[:LISTED]],
    }
    protocol["skipped"] = seen.skipped
    return protocol


def _ranges(seen: MetricAccumulator) -> dict[str, tuple[float, float]]:
    types = {kind.partition(",")[0] for kind in seen.kinds}
    return {dtype: seen.reals.ranges[dtype] for dtype in sorted(types)}
