"""How near a generated image is to the real one: L1, PSNR, SSIM, MS-SSIM, LPIPS.

All take images (N, C, H, W) in [-1, 1] and an optional mask (N, 1, H, W) of the pixels
that count, and return one value for each image, (N,).
"""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from img2img.errors import ConfigError
from img2img.metrics import Better
from img2img.networks.download import fetch_file
from img2img.networks.pretrained import cached_weights, detect_arch, read_weights, weights_url
from img2img.places import expand

SSIM_WINDOW = 11  # pixels, Wang et al. 2004
# Five scales, each half of the former, and the window has to fit into the last (Wang et al. 2003).
MS_SSIM_SMALLEST = 16 * SSIM_WINDOW  # pixels a side
LPIPS_SMALLEST = 16  # pixels a side; VGG halves four times before the last tap
RANGE = 2.0  # of images in [-1, 1]
MAX_PSNR = 100.0  # dB; infinity is no number in JSON

# Larger is better, or smaller.
BETTER: dict[str, Better] = {
    "l1": "smaller",
    "psnr": "larger",
    "ssim": "larger",
    "ms_ssim": "larger",
    "lpips": "smaller",
}


def hide_ignored(fake: Tensor, real: Tensor, valid: Tensor | None) -> Tensor:
    """`fake` with the real values at ignored pixels, for metrics that look at neighbourhoods."""
    return fake if valid is None else torch.where(valid.bool(), fake, real)


def _mean(values: Tensor, valid: Tensor | None) -> Tensor:
    if valid is None:
        return values.flatten(1).mean(1)
    weight = valid.expand_as(values).flatten(1)
    return (values.flatten(1) * weight).sum(1) / weight.sum(1).clamp(min=1)


def l1(fake: Tensor, real: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean absolute difference, in [0, 2]."""
    return _mean((fake - real).abs(), valid)


def psnr(fake: Tensor, real: Tensor, valid: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio in dB, at most 100 (equal images)."""
    return (10 * torch.log10(RANGE**2 / _mean((fake - real) ** 2, valid))).clamp(max=MAX_PSNR)


def ssim(fake: Tensor, real: Tensor, valid: Tensor | None = None) -> Tensor | None:
    """Structural similarity (Wang et al. 2004) by kornia; None below 11 pixels a side."""
    import kornia.metrics

    if min(fake.shape[-2:]) < SSIM_WINDOW:
        return None
    fake = hide_ignored(fake, real, valid)
    window = kornia.metrics.ssim((fake + 1) / 2, (real + 1) / 2, SSIM_WINDOW)
    return _mean(window, valid)


def ms_ssim(fake: Tensor, real: Tensor, valid: Tensor | None = None) -> Tensor | None:
    """Multi-scale structural similarity (Wang et al. 2003) by torchmetrics, in [0, 1].

    Negative contrast terms count as 0. None below 176 pixels a side. Ignored pixels are equal in
    both images, but not left out of the mean, for the coarser scales mix pixels.
    """
    if min(fake.shape[-2:]) < MS_SSIM_SMALLEST:
        return None
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    fake = hide_ignored(fake, real, valid)
    return multiscale_structural_similarity_index_measure(
        (fake + 1) / 2, (real + 1) / 2, reduction="none", data_range=1.0
    )


class LPIPS(nn.Module):
    """Learned perceptual distance (Zhang et al. 2018), VGG16 variant, by the lpips package.

    Args:
        weights: a file with VGG16 weights in torchvision's key names. The package carries
            only its own linear heads, and without this would score with random features.

    Raises:
        ConfigError: the file does not hold VGG16.
    """

    def __init__(self, weights: Path):
        super().__init__()
        import lpips

        state = read_weights(weights)
        if detect_arch(state, weights) != "vgg16":
            raise ConfigError(f"{weights}: LPIPS needs VGG16 weights, these are VGG19")
        with warnings.catch_warnings():  # lpips calls torchvision in a way that is going away
            warnings.simplefilter("ignore")
            self.metric = lpips.LPIPS(net="vgg", pnet_rand=True, verbose=False).eval()
        self.metric.requires_grad_(False)
        own = self.metric.net.state_dict()
        # Its keys are slice{1..5}.N.weight, with N torchvision's index.
        by_index = {key.split(".", 1)[1]: key for key in own}
        missing = [name for name in by_index if f"features.{name}" not in state]
        if missing:
            raise ConfigError(
                f"{weights}: incomplete VGG16 weights, features.{missing[0]} is missing"
            )
        self.metric.net.load_state_dict(
            {by_index[name]: state[f"features.{name}"].float() for name in by_index}
        )

    @torch.no_grad()
    def forward(self, fake: Tensor, real: Tensor, valid: Tensor | None = None) -> Tensor | None:
        """(N,) distances of grey or RGB images; None for pictures it cannot take."""
        fake = hide_ignored(fake, real, valid)
        if fake.shape[1] not in (1, 3) or min(fake.shape[-2:]) < LPIPS_SMALLEST:
            return None
        spread = (fake.shape[0], 3, *fake.shape[2:])
        return self.metric(fake.expand(spread), real.expand(spread)).flatten()


def find_lpips_weights(
    setting: str, vgg_weights: str | None = None, *, fetch: bool = False
) -> tuple[Path | None, str]:
    """The file with LPIPS' VGG16 weights; None where there is none, and why.

    Args:
        setting: "auto" (`vgg_weights`, or torchvision's cache), "none", or a file.
        vgg_weights: the perceptual loss's weight file, used if it holds VGG16.
        fetch: download what the cache lacks.
    """
    if setting == "none":
        return None, "it is switched off"
    if setting != "auto":
        return expand(setting), ""
    path = expand(vgg_weights) if vgg_weights else None
    if path is None or detect_arch(read_weights(path), path) != "vgg16":
        path = cached_weights("vgg16")
    problem = "no VGG16 weights in torchvision's cache"
    if path is None and fetch:
        path, refused = fetch_file(weights_url("vgg16"))
        problem += f", and they could not be downloaded ({refused})"
    return path, problem if path is None else ""


def load_lpips(setting: str, vgg_weights: str | None = None) -> tuple[LPIPS | None, str]:
    """LPIPS where weights allow, and one sentence on it.

    Args:
        setting, vgg_weights: as of `find_lpips_weights`.
    """
    path, problem = find_lpips_weights(setting, vgg_weights)
    if path is not None:
        return LPIPS(path), f"LPIPS: VGG16 weights from {path}"
    remedy = "; give a file with training.lpips_weights=FILE" * (setting == "auto")
    return None, f"LPIPS is not computed: {problem}{remedy}"
