"""What an evaluation finds: scores with their uncertainty, and what could not be computed."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from img2img.errors import ConfigError
from img2img.foreign import read_json
from img2img.metrics import Better
from img2img.runs.writing import write_text

EVALUATION = "evaluation.json"
DRAWN = "drawn from"  # in the protocol of runs that draw from noise alone
CHIEF = ("lpips", "ssim", "l1")  # the first that there is decides which pictures are the best
# What people read where a key of `evaluation.json` says too little.
LABELS = {"frechet": "classifier Fréchet distance", "even": "effective number of classes"}
BETTER, WORSE, EQUAL = "better", "worse", "no difference shown"
UNKNOWN = "no interval, so no verdict"


def label(metric: str) -> str:
    """A metric's name for people."""
    return LABELS.get(metric, metric)


def of_class(metric: str) -> bool:
    """Whether a metric is of one class alone, such as `iou/road`."""
    return "/" in metric


@dataclass(frozen=True)
class Score:
    """One metric over all pictures.

    Attributes:
        value: the mean over pictures, or the one value of a metric of whole sets.
        low, high: 95 % confidence interval by bootstrap over pictures; NaN where there is none.
        count: pictures that it is of.
    """

    value: float
    low: float
    high: float
    better: Better
    count: int

    @classmethod
    def of_set(cls, value: float, better: Better, count: int) -> "Score":
        """A score of a whole set, which has no interval."""
        return cls(value, math.nan, math.nan, better, count)


@dataclass(frozen=True)
class Evaluation:
    """All scores of one set of pictures.

    Attributes:
        name: of the run or the folder.
        scores: by the metric's name, in the order in which they are shown.
        missing: metrics that are not computed, and why, a sentence each.
        images: for each picture's name its values by metric.
        protocol: how it was measured: sizes, filters, weights and their hashes, versions.
        counts: by picture, int64 (3, classes) as of `count_classes`; empty without a segmenter.
            They are a file of their own.
        class_names: of the counts' classes.
    """

    name: str
    scores: Mapping[str, Score]
    missing: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, np.ndarray] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()

    @property
    def reasons(self) -> dict[str, str]:
        """`missing` with the metrics of one reason joined, for people: `fid, kid` -> why."""
        return joined(self.missing)

    @property
    def terms(self) -> list[str]:
        """What the scores hold for, to stand beside them: the scale, what was clipped, and whose styles."""
        keys = ("values", "inputs", "styles")
        return [f"{key}: {self.protocol[key]}" for key in keys if key in self.protocol]

    @property
    def doubts(self) -> list[str]:
        """Why scores that are there may mislead."""
        measured = {"segmentation": "miou", "classifier": "frechet", "sets": "fid"}
        parts = (self.protocol.get(key, {}) for key, m in measured.items() if m in self.scores)
        return [part["beware"] for part in parts if "beware" in part]

    def save(self, folder: Path) -> None:
        """Writes `evaluation.json`; NaN, which JSON lacks, becomes null."""
        content = asdict(self)
        del content["counts"], content["class_names"]
        write_json(folder / EVALUATION, content)

    @classmethod
    def load(cls, path: Path) -> "Evaluation":
        """Reads what `save` wrote.

        Raises:
            ConfigError: there is no such file, or it holds something else.
        """
        try:
            data = read_json(path)
            scores: dict[str, Score] = {}
            for name, values in data.pop("scores").items():
                known: dict[str, Any] = {k: math.nan if v is None else v for k, v in values.items()}
                scores[name] = Score(**known)
            return cls(scores=scores, **data)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigError(f"{path}: no evaluation can be read from it ({error})") from error


def joined(reasons: Mapping[str, str]) -> dict[str, str]:
    """Reasons by metric, as reasons by the names of all metrics that share one."""
    metrics: dict[str, list[str]] = {}
    for metric, why in reasons.items():
        metrics.setdefault(why, []).append(label(metric))
    return {", ".join(own): why for why, own in metrics.items()}


@dataclass(frozen=True)
class Difference:
    """One metric of two sets of pictures of the same inputs.

    Attributes:
        first, second: the values.
        change: second - first, of the pictures that both have.
        low, high: its 95 % confidence interval, by bootstrap over pairs of pictures.
    """

    first: float
    second: float
    change: float
    low: float
    high: float
    better: Better

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out 0: the difference is one."""
        return self.low > 0 or self.high < 0

    @property
    def verdict(self) -> str:
        """What the second set is, against the first."""
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return UNKNOWN
        if not self.certain:
            return EQUAL
        return BETTER if (self.low > 0) == (self.better == "larger") else WORSE


@dataclass(frozen=True)
class Shown:
    """One pair as pictures: all uint8 RGB (H, W, 3).

    Attributes:
        inputs: what the generator was shown, drawn: the label map in its palette, boundaries, ...;
            empty for plain folders.
    """

    name: str
    inputs: Mapping[str, np.ndarray]
    translated: np.ndarray
    real: np.ndarray


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """JSON in UTF-8, for people to read too; NaN becomes null.

    Raises:
        CheckpointError: it cannot be written.
    """
    text = json.dumps(_without_nan(content), indent=2, ensure_ascii=False)
    # Names of files may hold bytes that are no text; so spelt, JSON reads them back.
    write_text(path, text.encode("utf-8", "backslashreplace").decode())


def chief(*evaluations: Evaluation) -> str:
    """The metric by which pictures are sorted."""
    return next((m for m in CHIEF if all(m in e.scores for e in evaluations)), CHIEF[-1])


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
