"""Confidence intervals by resampling pictures."""

import warnings
from collections.abc import Callable, Sequence

import numpy as np

from img2img.evaluation.result import Score
from img2img.metrics import Better

RESAMPLES = 9999
CONFIDENCE = 0.95
SEED = 0
METHOD = (
    f"{100 * CONFIDENCE:g} % intervals: percentiles of {RESAMPLES} bootstrap samples of the "
    "pictures, by scipy"
)
_NUMBERS_AT_ONCE = 20_000_000
_LOST = 0.05  # share of the samples that may have no value, as where a rare class is in none


def interval(
    data: Sequence[np.ndarray], statistic: Callable[..., np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The interval of each value that a statistic of pictures takes.

    Args:
        data: arrays (..., pictures), resampled together.
        statistic: of arrays like `data`, along their last axis, which it takes as `axis`; what
            it returns may have axes before, one for each value.

    Returns:
        Low and high ends; NaN for fewer than two pictures and where many samples have no value.
    """
    from scipy.stats import bootstrap

    count = data[0].shape[-1]
    if count < 2:
        nothing = np.full_like(statistic(*data, axis=-1), np.nan, dtype=np.float64)
        return nothing, nothing
    size = sum(array.size for array in data)
    tails = (1 - CONFIDENCE) / 2
    with warnings.catch_warnings():  # of values that some samples, or all of them, lack
        warnings.simplefilter("ignore", RuntimeWarning)
        found = bootstrap(
            data,
            statistic,
            paired=True,
            axis=-1,
            vectorized=True,
            method="percentile",
            n_resamples=RESAMPLES,
            confidence_level=CONFIDENCE,
            batch=max(1, _NUMBERS_AT_ONCE // size),
            rng=np.random.default_rng(SEED),
        )
        samples = found.bootstrap_distribution
        low, high = np.nanquantile(samples, [tails, 1 - tails], axis=-1)
    lost = np.isnan(samples).mean(-1) > _LOST
    return np.where(lost, np.nan, low), np.where(lost, np.nan, high)


def mean(values: np.ndarray, axis: int = -1) -> np.ndarray:
    """The mean as a statistic of `interval`."""
    return values.mean(axis)


def mean_score(values: np.ndarray, better: Better) -> Score:
    """The mean over pictures, with its interval."""
    low, high = interval([values], mean)
    return Score(float(values.mean()), float(low), float(high), better, len(values))
