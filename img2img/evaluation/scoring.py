"""Scoring translated pictures against real ones: one protocol, wherever they come from."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img2img.errors import ConfigError, DataError, counted
from img2img.evaluation import bootstrap
from img2img.evaluation.instruments import Instruments, about_sets, too_few
from img2img.evaluation.judges.segmentation import (
    MEANS,
    count_classes,
    score_names,
    scores_of_sums,
    segmentation_scores,
)
from img2img.evaluation.judges.segmenters import Segmenter
from img2img.evaluation.pictures import RESIZING, Match, as_rgb, match, read_picture, to_tensor
from img2img.evaluation.reals import Reals, assign
from img2img.evaluation.result import Evaluation, Score
from img2img.metrics import distribution, paired
from img2img.metrics.paired import BETTER
from img2img.progress import counting

NORMAL = 1.96  # standard errors to either end of a 95 % interval
LISTED = 20  # names that the protocol quotes
PROTOCOL = ("pictures", "left out", "without partner", "skipped")  # what every protocol has
# What a metric of single pictures does not take.
NEEDS = {
    "ssim": f"needs sides of at least {paired.SSIM_WINDOW} pixels",
    "ms_ssim": f"needs sides of at least {paired.MS_SSIM_SMALLEST} pixels",
    "lpips": f"needs grey or RGB pictures with sides of at least {paired.LPIPS_SMALLEST} pixels",
    "sets": "needs grey or RGB pictures",
    "segmentation": "the segmenter takes other channels",
}


class MetricAccumulator:
    """Values of pictures, one picture at a time, so that memory holds numbers alone.

    Attributes:
        images: by picture, the values of the metrics of pairs.
        counts: by picture, as of `count_classes`: what the segmenter finds in the fake.
        ceiling: the same of all real pictures together.
        features: of Inception, rows of the fakes and of the real pictures.
        skipped: pictures that could not be scored, and why.
        unfit: how many pictures a metric did not take; keys of `NEEDS`.
        empty: pairs of which no pixel counts.
        sizes: of the fakes, "WxH", and how many have them.
        kinds: of the real pictures, types and channels.
        resized: pairs whose real picture had another size.
        beyond: real pictures with values beyond [-1, 1], not by rounding alone.
        digest: of all real pictures of pairs, names and pixels: whether others were scored by the same.
    """

    def __init__(self, tools: Instruments, reals: Reals, skipped: dict[str, str]):
        self.tools, self.reals, self.skipped = tools, reals, skipped
        self.images: dict[str, dict[str, float]] = {}
        self.counts: dict[str, np.ndarray] = {}
        self.ceiling = np.zeros((3, len(reals.class_names)), np.int64)
        self.features: dict[str, list[Tensor]] = {"fake": [], "real": []}
        self.unfit: Counter[str] = Counter()
        self.sizes: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.empty = self.resized = self.beyond = 0
        self.digest = hashlib.sha256()

    def add_pair(self, name: str, path: Path) -> None:
        """A translated picture and the real one of that name."""
        with self._skipping(name):
            real = self.reals.read(name)
            fake = read_picture(path, real.image.shape[2])
            pair = match(fake, real, self.reals.ranges, path)
            shape, kind = real.image.shape, real.image.dtype.name
            self.digest.update(f"{name.encode('utf-8', 'surrogateescape')!r}{shape}".encode())
            self.digest.update(real.image.tobytes())
            self.sizes[f"{fake.shape[1]}x{fake.shape[0]}"] += 1
            self.kinds[f"{kind}, {counted(shape[2], 'channel')}"] += 1
            self.resized += pair.resized
            self.beyond += int(pair.real.abs().max() > 1.0001)
            self._add_features("fake", pair.fake)
            self._add_features("real", self._tensor(real.image) if pair.resized else pair.real)
            self._measure(name, pair)

    def add_fake(self, name: str, path: Path) -> None:
        """A translated picture without a real one: it is a part of its set alone."""
        with self._skipping(name):
            self._add_features("fake", self._tensor(read_picture(path)))

    def add_real(self, name: str) -> None:
        """A real picture without a translated one."""
        with self._skipping(name):
            self._add_features("real", self._tensor(self.reals.read(name).image))

    @contextmanager
    def _skipping(self, name: str) -> Iterator[None]:
        try:
            yield
        except DataError as error:
            self.skipped[name] = str(error)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return to_tensor(array, array.dtype.name, self.reals.ranges)

    def _add_features(self, side: str, image: Tensor) -> None:
        if self.tools.inception is None:
            return
        features = self.tools.features(image)
        if features is None:
            self.unfit["sets"] += 1
        else:
            self.features[side].append(features)

    def _measure(self, name: str, pair: Match) -> None:
        fake, real = pair.fake.to(self.tools.device), pair.real.to(self.tools.device)
        label = None if pair.label is None else torch.from_numpy(pair.label).to(fake.device)
        valid = None
        if label is not None and self.reals.ignore_id is not None:
            valid = (label != self.reals.ignore_id).float()[None, None]
            if not valid.any():
                self.empty += 1
                return
        metrics = {
            "l1": paired.l1,
            "psnr": paired.psnr,
            "ssim": paired.ssim,
            "ms_ssim": paired.ms_ssim,
        }
        if self.tools.lpips is not None:
            metrics["lpips"] = self.tools.lpips
        values = {}
        for metric, function in metrics.items():
            value = function(fake, real, valid)
            if value is None or not math.isfinite(value):
                self.unfit[metric] += 1
            else:
                values[metric] = float(value)
        if label is not None and self.tools.segmenter is not None:
            values |= self._segment(name, fake, real, label, self.tools.segmenter)
        self.images[name] = values

    def _segment(
        self, name: str, fake: Tensor, real: Tensor, label: Tensor, segmenter: Segmenter
    ) -> dict[str, float]:
        """Pixel accuracy of one picture; its counts, and those of the real one, are kept."""
        sides = []
        for image in (fake, real):
            rgb = as_rgb(image) if segmenter.channels == 3 else None
            shown = image if image.shape[1] == segmenter.channels else rgb
            if shown is None:
                self.unfit["segmentation"] += 1
                return {}
            sides.append(self._count(name, segmenter(shown)[0], label))
        self.counts[name] = sides[0]
        self.ceiling += sides[1]
        return {"pixel_accuracy": float(segmentation_scores(*sides[0])[0])}

    def _count(self, name: str, found: Tensor, label: Tensor) -> np.ndarray:
        classes = len(self.reals.class_names)
        if found.max() >= classes:
            raise ConfigError(
                f"{name}: the segmenter answers with class {int(found.max())}, the data have {classes} "
                "classes; say which is which with --segmenter-classes FILE"
            )
        # A class more takes the answers that are none of the data's.
        found = torch.where(found < 0, classes, found)
        return count_classes(found, label, classes + 1, self.reals.ignore_id)[:, :classes]


def score(
    name: str,
    fakes: Mapping[str, Path],
    reals: Reals,
    tools: Instruments,
    *,
    origin: Mapping[str, Any],
    failed: Mapping[str, str],
) -> Evaluation:
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
    seen = MetricAccumulator(tools, reals, dict(failed))
    pairs, lonely = assign(fakes, reals.names)
    alone = [n for n in reals.names if n not in pairs and n not in seen.skipped]
    steps = [partial(seen.add_pair, *pair) for pair in pairs.items()]
    steps += [partial(seen.add_fake, *picture) for picture in lonely.items()]
    steps += [partial(seen.add_real, picture) for picture in alone]
    with torch.inference_mode():
        for step in counting(steps, len(steps), "scoring"):
            step()
    values = {m: [own[m] for own in seen.images.values() if m in own] for m in BETTER}
    scores = {m: bootstrap.mean_score(np.array(own), BETTER[m]) for m, own in values.items() if own}
    scores |= _set_scores(seen) | _class_scores(seen)
    every = (*BETTER, *distribution.BETTER, *MEANS)
    missing = {m: _reason(m, seen, not pairs) for m in every if m not in scores}
    protocol = {**origin, **_protocol(seen, list(lonely), alone)}
    if seen.counts:
        protocol["segmentation"] |= _ceiling(seen, scores["pixel_accuracy"].value)
    return Evaluation(
        name, scores, missing, seen.images, protocol, seen.counts, tuple(reals.class_names)
    )


def _set_scores(seen: MetricAccumulator) -> dict[str, Score]:
    fake, real = seen.features.values()
    if seen.tools.inception is None or seen.unfit["sets"] or too_few(min(len(fake), len(real))):
        return {}
    return set_scores(torch.cat(fake), torch.cat(real))


def set_scores(fake: Tensor, real: Tensor) -> dict[str, Score]:
    """FID, KID, precision and recall of Inception's features (N, 2048).

    Only KID has an interval: resampled pictures would be doubles, which spoil all of them.
    """
    kid, error = distribution.kid(fake, real)
    precision, recall = distribution.precision_recall(fake, real)
    fid = distribution.fid(fake, real)
    values = {"fid": fid, "kid": kid, "precision": precision, "recall": recall}
    better, count = distribution.BETTER, len(fake)
    scores = {m: Score.of_set(v, better[m], count) for m, v in values.items()}
    ends = (kid - NORMAL * error, kid + NORMAL * error)
    return scores | {"kid": Score(kid, *ends, better["kid"], count)}


def _class_scores(seen: MetricAccumulator) -> dict[str, Score]:
    """What the segmenter finds; classes that are nowhere have no scores."""
    if not seen.counts:
        return {}
    counts = np.stack(list(seen.counts.values()), -1)
    low, high = bootstrap.interval(list(counts), lambda *arrays, axis: scores_of_sums(arrays, axis))
    rows = zip(score_names(seen.reals.class_names), scores_of_sums(counts), low, high, strict=True)
    return {
        metric: Score(float(value), float(low), float(high), "larger", len(seen.counts))
        for metric, value, low, high in rows
        if np.isfinite(value)
    }


def _ceiling(seen: MetricAccumulator, accuracy: float) -> dict[str, Any]:
    """What the segmenter finds in the real pictures; `accuracy` is that in the translated ones."""
    reals = dict(zip(MEANS, segmentation_scores(*seen.ceiling).tolist(), strict=False))
    about = {"classes": list(seen.reals.class_names), "on the real pictures": reals}
    if reals["pixel_accuracy"] < accuracy:
        about["beware"] = (
            "the segmenter finds the labels better in the translations than in the real pictures; it "
            "knows too little of these pictures to judge them"
        )
    return about


def _reason(metric: str, seen: MetricAccumulator, unpaired: bool) -> str:
    """Why a metric has no value."""
    if metric in seen.tools.missing:
        return seen.tools.missing[metric]
    kind = "sets" if metric in distribution.BETTER else metric
    kind = "segmentation" if metric in MEANS else kind
    if seen.unfit[kind]:
        return NEEDS[kind]
    if kind == "sets":
        return too_few(min(map(len, seen.features.values())))
    if unpaired:
        return "no translated picture has the name of a real one"
    return "every pixel is of the ignored class" if seen.empty else "no pair could be read"


def _protocol(seen: MetricAccumulator, lonely: list[str], alone: list[str]) -> dict[str, Any]:
    """How all of it was measured, and on what."""
    reals = seen.reals
    types = sorted({kind.partition(",")[0] for kind in seen.kinds})
    stand = "; ".join("{0[0]:g} and {0[1]:g} ({1})".format(reals.ranges[d], d) for d in types)
    protocol: dict[str, Any] = {
        "pictures": counted(len(seen.images), "pair"),
        "sizes (width x height)": dict(seen.sizes.most_common(LISTED)),
        "real pictures": dict(seen.kinds),
        "real pictures, SHA-256": seen.digest.hexdigest(),
        "values": f"scored in [-1, 1], where these stand for {stand}"
        + f"; beyond them in {counted(seen.beyond, 'real picture')}, unclipped" * bool(seen.beyond),
        "resizing": f"{seen.resized} of {len(seen.images)}: {RESIZING}",
        "intervals": bootstrap.METHOD,
    }
    if reals.ignore_id is not None:
        protocol["ignored"] = (
            "pixels of the ignored label class do not count in scores of pairs and of the segmenter "
            f"({counted(seen.empty, 'picture')} of nothing else)"
        )
    protocol |= seen.tools.protocol
    if seen.tools.inception is not None:
        protocol["sets"] = about_sets(*map(len, seen.features.values()))
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
