"""What single pictures say, collected until all of them are seen."""

import hashlib
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from img2img.errors import ConfigError, DataError, counted
from img2img.evaluation.instruments import Instruments
from img2img.evaluation.judges.segmentation import count_classes, segmentation_scores
from img2img.evaluation.pictures import Match, as_rgb, match, read_picture, to_tensor
from img2img.evaluation.reals import Reals
from img2img.metrics.paired import (
    LPIPS_SMALLEST,
    MS_SSIM_SMALLEST,
    SSIM_WINDOW,
    l1,
    ms_ssim,
    psnr,
    ssim,
)

# What a metric of single pictures does not take.
NEEDS = {
    "ssim": f"needs sides of at least {SSIM_WINDOW} pixels",
    "ms_ssim": f"needs sides of at least {MS_SSIM_SMALLEST} pixels",
    "lpips": f"needs grey or RGB pictures with sides of at least {LPIPS_SMALLEST} pixels",
    "sets": "needs grey or RGB pictures",
    "segmentation": "the segmenter takes other channels",
}


class MetricAccumulator:
    """Values of pictures, one picture at a time.

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
        self.empty = self.resized = 0
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Of all real pictures of pairs, names and pixels: whether others were scored by the same."""
        return self._digest.hexdigest()

    def add_pair(self, name: str, path: Path) -> None:
        """A translated picture and the real one of that name."""
        try:
            fake, real = read_picture(path), self.reals.read(name)
            pair = match(fake, real, self.reals.ranges)
        except DataError as error:
            self.skipped[name] = str(error)
            return
        self._digest.update(f"{name.encode('utf-8', 'surrogateescape')}{real.image.shape}".encode())
        self._digest.update(np.ascontiguousarray(real.image))
        self.sizes[f"{fake.shape[1]}x{fake.shape[0]}"] += 1
        channels = counted(real.image.shape[2], "channel")
        self.kinds[f"{real.image.dtype.name}, {channels}"] += 1
        self.resized += pair.resized
        whole = to_tensor(real.image, real.image.dtype.name, self.reals.ranges)
        self._add_features("fake", pair.fake)
        self._add_features("real", whole if pair.resized else pair.real)
        self._measure(name, pair)

    def add_fake(self, name: str, path: Path) -> None:
        """A translated picture without a real one: it is a part of its set alone."""
        self._add_alone("fake", name, lambda: read_picture(path))

    def add_real(self, name: str) -> None:
        """A real picture without a translated one."""
        self._add_alone("real", name, lambda: self.reals.read(name).image)

    def _add_alone(self, side: str, name: str, read: Callable[[], np.ndarray]) -> None:
        try:
            array = read()
        except DataError as error:
            self.skipped[name] = str(error)
            return
        self._add_features(side, to_tensor(array, array.dtype.name, self.reals.ranges))

    def _add_features(self, side: str, image: Tensor) -> None:
        if self.tools.inception is None:
            return
        rgb = as_rgb(image)
        if rgb is None:
            self.unfit["sets"] += 1
            return
        self.features[side].append(self.tools.inception(rgb.to(self.tools.device)).cpu())

    def _measure(self, name: str, pair: Match) -> None:
        fake, real = pair.fake.to(self.tools.device), pair.real.to(self.tools.device)
        label = None if pair.label is None else torch.from_numpy(pair.label).to(fake.device)
        valid = None
        if label is not None and self.reals.ignore_id is not None:
            valid = (label != self.reals.ignore_id).float()[None, None]
            if not valid.any():
                self.empty += 1
                return
        measured = {"l1": l1, "psnr": psnr, "ssim": ssim, "ms_ssim": ms_ssim}
        if self.tools.lpips is not None:
            measured["lpips"] = self.tools.lpips
        values = {}
        for metric, function in measured.items():
            value = function(fake, real, valid)
            if value is None or not math.isfinite(value):
                self.unfit[metric] += 1
            else:
                values[metric] = float(value)
        if label is not None and self.tools.segmenter is not None:
            values |= self._segment(name, fake, real, label)
        self.images[name] = values

    def _segment(self, name: str, fake: Tensor, real: Tensor, label: Tensor) -> dict[str, float]:
        """Pixel accuracy of one picture; its counts, and those of the real one, are kept."""
        shown = [self._for_segmenter(image) for image in (fake, real)]
        if shown[0] is None:
            self.unfit["segmentation"] += 1
            return {}
        fakes, reals = (self._count(name, image, label) for image in shown)
        self.counts[name] = fakes
        self.ceiling += reals
        return {"pixel_accuracy": float(segmentation_scores(*fakes)[0])}

    def _for_segmenter(self, image: Tensor) -> Tensor | None:
        channels = self.tools.segmenter.channels
        if image.shape[1] == channels:
            return image
        return as_rgb(image) if channels == 3 else None

    def _count(self, name: str, image: Tensor, label: Tensor) -> np.ndarray:
        classes = len(self.reals.class_names)
        found = self.tools.segmenter(image)[0]
        if found.max() >= classes:
            raise ConfigError(
                f"{name}: the segmenter answers with class {int(found.max())}, the data have {classes} "
                "classes; say which is which with --segmenter-classes FILE"
            )
        # A class more takes the answers that are none of the data's.
        found = torch.where(found < 0, classes, found)
        return count_classes(found, label, classes + 1, self.reals.ignore_id)[:, :classes]
