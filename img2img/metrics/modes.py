"""What a generative network leaves out: modes of a mixture, classes of a classifier."""

import torch
from torch import Tensor

REACH = 3.0  # standard deviations


def mixture_coverage(samples: Tensor, centres: Tensor, std: float) -> dict[str, float]:
    """How many Gaussians a set of points hits (Srivastava et al. 2017, VEEGAN, Sec. 4.1).

    A sample is of high quality where it lies within 3 standard deviations of the nearest centre; a
    mode is covered where one such sample is nearest to it. PacGAN (Lin et al. 2018, Sec. 4.1) does
    the same with 2500 samples; of other numbers, `modes` does not compare.

    Args:
        samples: (N, 2), of which those that are not finite are of no quality.
        centres: (K, 2), each farther than 6 standard deviations from the others.

    Returns:
        `modes`, covered of K; `high_quality`, a share in [0, 1]; `even`, the exponential of the
        entropy of the high-quality samples over the modes: K where all get the same, 1 where one
        gets all, 0 without any.
    """
    distances = torch.cdist(samples.double(), centres.to(samples.device).double())
    nearest, mode = distances.min(dim=1)  # NaN is none of quality
    good = nearest <= REACH * std
    counts = torch.bincount(mode[good], minlength=len(centres))
    return {
        "modes": int((counts > 0).sum()),
        "high_quality": float(good.double().mean()),
        "even": _even(counts),
    }


def class_coverage(predicted: Tensor, classes: int) -> dict[str, float]:
    """How many classes a classifier sees in generated pictures (Che et al. 2017, Sec. 4.2).

    Args:
        predicted: (N,) int64 in [0, classes), what it takes each picture for.

    Returns:
        `modes` and `even` as of `mixture_coverage`.
    """
    counts = torch.bincount(predicted, minlength=classes)
    return {"modes": int((counts > 0).sum()), "even": _even(counts)}


def _even(counts: Tensor) -> float:
    if not counts.any():
        return 0.0
    return float(torch.distributions.Categorical(counts.double()).entropy().exp())
