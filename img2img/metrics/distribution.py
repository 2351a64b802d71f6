"""How near two sets of images are as sets: FID, KID, precision and recall, by torch-fidelity.

All compare features (N, D), one row an image; the images need not be pairs.
"""

import io
import math
from pathlib import Path

import torch
from torch import Tensor, nn

from img2img.errors import ConfigError
from img2img.metrics import Better
from img2img.networks.download import fetch_file
from img2img.networks.pretrained import read_weights
from img2img.places import expand

LEAST = 10  # images of each set; fewer say nothing about a distribution
FEATURES = 2048  # of Inception's last pooling; FID of fewer images than these is far too large
SUBSETS, SUBSET_SIZE = 100, 1000  # of KID; the size is Bińkowski et al.'s, Sec. 4
NEIGHBOURS = 3  # of precision and recall, Kynkäänniemi et al. 2019, Sec. 3.1
SEED = 2020  # torch-fidelity's

BETTER: dict[str, Better] = {
    "fid": "smaller",
    "kid": "smaller",
    "precision": "larger",
    "recall": "larger",
}


class Inception(nn.Module):
    """The Inception-v3 of the published FID (TensorFlow's of 2015), by torch-fidelity.

    Images (N, 3, H, W) in [-1, 1] are rounded to 8 bits and resized to 299x299 as TensorFlow 1
    did, bilinear without smoothing. Features: (N, 2048) float32.

    Args:
        weights: torch-fidelity's own file, or one with its key names.

    Raises:
        ConfigError: the file does not hold this network.
    """

    def __init__(self, weights: Path):
        super().__init__()
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        # The library unpickles files without protection; it gets what the safe reader has read.
        copy = io.BytesIO()
        torch.save(read_weights(weights), copy)
        copy.seek(0)
        try:
            self.network = FeatureExtractorInceptionV3(
                "inception-v3-compat", [str(FEATURES)], feature_extractor_weights_path=copy
            )
        except RuntimeError as error:
            raise ConfigError(
                f"{weights}: not the Inception weights of torch-fidelity "
                f"(weights-inception-2015-12-05): {_first_line(error)}"
            ) from error

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        stored = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        return self.network(stored)[0]


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(lines[:2])[:300]


def find_inception(file: Path | None) -> tuple[Path | None, str]:
    """The file with Inception's weights, None where there is none; and why.

    Args:
        file: None looks in torch.hub's cache, then downloads.
    """
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    if file is not None:
        return expand(file), ""
    path, problem = fetch_file(URL_INCEPTION_V3)
    if path is None:
        name = URL_INCEPTION_V3.rpartition("/")[2]
        return None, (
            f"no Inception weights: {name} is not in torch.hub's cache and could not be downloaded "
            f"({problem}); give the file with --inception FILE"
        )
    return path, ""


def fid(fake: Tensor, real: Tensor) -> float:
    """Fréchet distance of two Gaussians fitted to the features (Heusel et al. 2017, Eq. 6).

    It grows as the sets get smaller: values of different numbers of images do not compare.
    """
    from torch_fidelity.metric_fid import (
        KEY_METRIC_FID,
        fid_features_to_statistics,
        fid_statistics_to_metric,
    )

    statistics = [fid_features_to_statistics(features.double().cpu()) for features in (fake, real)]
    return fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID]


def kid_subset_size(count: int) -> int:
    """Images in each of KID's subsets: 1000, or half of what there is."""
    return min(SUBSET_SIZE, count // 2)


def kid(fake: Tensor, real: Tensor) -> tuple[float, float]:
    """Squared MMD of the features with a cubic kernel (Bińkowski et al. 2018, Sec. 4), unbiased.

    Returns:
        The mean over random subsets, and its standard error. Subsets of m of n images vary by
        sqrt((n - m) / m) times the error of the whole: the delete-d jackknife (Shao & Wu 1989).
    """
    from torch_fidelity.metric_kid import (
        KEY_METRIC_KID_MEAN,
        KEY_METRIC_KID_STD,
        kid_features_to_metric,
    )

    count = min(len(fake), len(real))
    size = kid_subset_size(count)
    found = kid_features_to_metric(
        fake.double(),
        real.double(),
        kid_subsets=SUBSETS,
        kid_subset_size=size,
        rng_seed=SEED,
        verbose=False,
    )
    return found[KEY_METRIC_KID_MEAN], found[KEY_METRIC_KID_STD] * math.sqrt(size / (count - size))


def precision_recall(fake: Tensor, real: Tensor) -> tuple[float, float]:
    """Shares of fakes that lie among the real ones and the other way round, in [0, 1].

    Kynkäänniemi et al. 2019, Eq. 2: among the real ones is what no farther lies from one of them
    than its third nearest neighbour does.
    """
    from torch_fidelity.metric_prc import (
        KEY_METRIC_PRECISION,
        KEY_METRIC_RECALL,
        prc_features_to_metric,
    )

    found = prc_features_to_metric(
        fake.double().cpu(), real.double().cpu(), prc_neighborhood=NEIGHBOURS, verbose=False
    )
    return found[KEY_METRIC_PRECISION], found[KEY_METRIC_RECALL]
