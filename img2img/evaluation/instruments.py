"""What scores are measured with: the networks, where their weights come from, what is missing."""

import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from img2img.devices import pick_device
from img2img.errors import ConfigError, counted
from img2img.evaluation.heldout import HeldOut, Styles
from img2img.evaluation.judges.segmentation import MEANS
from img2img.evaluation.judges.segmenters import (
    TORCHVISION,
    OnnxSegmenter,
    Renumbered,
    Segmenter,
    fingerprint,
    load_torchvision,
    read_numbers,
)
from img2img.evaluation.judges.trained_segmenter import FILE as TRAINED
from img2img.evaluation.judges.trained_segmenter import load, train
from img2img.evaluation.pictures import as_rgb
from img2img.evaluation.reals import Reals
from img2img.metrics import distribution
from img2img.metrics.paired import LPIPS, find_lpips_weights
from img2img.places import expand

LIBRARIES = "torch torchvision numpy scipy kornia lpips torchmetrics torch-fidelity opencv-python onnxruntime"


@dataclass(frozen=True)
class Options:
    """What was asked for; it holds for all pictures of one call.

    Attributes:
        data: pairs of another place than the run's own; real pictures, of a run that draws.
        limit: pairs that are scored at most, or pictures that are drawn.
        styles: of runs with styles.
        seed: of random styles, or of what is drawn.
        lpips_weights, inception: weight files; None looks in the caches, then downloads.
        segmenter: "train", a file, "torchvision:NAME", or None.
        segmenter_weights: of torchvision's.
        segmenter_classes: a file that says which of its classes is which of the data's.
        segmenter_steps: of training one; None for the usual number.
    """

    checkpoint: str | None = None
    data: Path | None = None
    limit: int | None = None
    device: str = "auto"
    styles: Styles = "usual"
    seed: int = 0
    lpips_weights: Path | None = None
    inception: Path | None = None
    segmenter: str | None = None
    segmenter_weights: Path | None = None
    segmenter_classes: Path | None = None
    segmenter_steps: int | None = None


@dataclass
class Instruments:
    """The networks that are there.

    Attributes:
        missing: metrics that will not be computed, and why.
        protocol: what the networks are.
    """

    device: torch.device
    lpips: LPIPS | None = None
    inception: distribution.Inception | None = None
    segmenter: Segmenter | None = None
    missing: dict[str, str] = field(default_factory=dict)
    protocol: dict[str, Any] = field(default_factory=dict)

    def features(self, images: Tensor) -> Tensor | None:
        """Inception's of images (N, C, H, W) in [-1, 1], (N, 2048) on the CPU.

        None without Inception, and for pictures that are neither grey nor RGB.
        """
        rgb = as_rgb(images)
        if self.inception is None or rgb is None:
            return None
        return self.inception(rgb.to(self.device)).cpu()


def gather(options: Options, reals: Reals, folder: Path) -> Instruments:
    """Loads, and trains, what is wanted and what can be had, to score pairs with.

    Args:
        folder: where a trained segmenter is written.

    Raises:
        UserError: a file that was named cannot be used.
    """
    tools = gather_for_sets(options, too_few(len(reals.names)))
    _add_lpips(tools, options, reals)
    _add_segmenter(tools, options, reals, folder)
    return tools


def gather_for_sets(options: Options, reason: str) -> Instruments:
    """Loads what scores sets of pictures.

    Args:
        reason: why these cannot be scored, or "".

    Raises:
        UserError: a file that was named cannot be used.
    """
    tools, path = Instruments(pick_device(options.device)), None
    tools.protocol["versions"] = versions()
    if not reason:
        path, reason = distribution.find_inception(options.inception)
    if path is None:
        tools.missing |= dict.fromkeys(distribution.BETTER, reason)
        return tools
    tools.inception = distribution.Inception(path).to(tools.device)
    tools.protocol["inception"] = {
        "network": "Inception-v3 of TensorFlow 2015, features of 2048",
        "resize": "299x299, bilinear as TensorFlow 1, after rounding to 8 bits",
        **_about_file(path),
    }
    return tools


def versions() -> dict[str, str]:
    """Of the libraries that scores depend on."""
    from img2img import __version__

    found = {"img2img": __version__, "python": platform.python_version()}
    for name in LIBRARIES.split():
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _about_file(path: Path) -> dict[str, str]:
    return {"file": path.name, "sha256": fingerprint(path)}


def _add_lpips(tools: Instruments, options: Options, reals: Reals) -> None:
    setting, own = "auto", None
    if options.lpips_weights is not None:
        setting = str(options.lpips_weights)
    elif isinstance(reals, HeldOut):
        own = _if_there(getattr(reals.config.model, "vgg_weights", None))
        setting = _if_there(reals.config.training.lpips_weights) or "auto"
    path, problem = find_lpips_weights(setting, own, fetch=True)
    if path is None:
        tools.missing["lpips"] = f"{problem}; give the file with --lpips-weights FILE"
        return
    tools.lpips = LPIPS(path).to(tools.device)
    tools.protocol["lpips"] = {"network": "VGG16", **_about_file(path)}


def _if_there(path: str | None) -> str | None:
    """A weight file that the run was trained with, unless it has gone since."""
    return path if path and expand(path).is_file() else None


def too_few(count: int) -> str:
    """Why sets of so many pictures are not compared, "" where they are."""
    if count >= distribution.LEAST:
        return ""
    return f"{counted(count, 'picture')}; sets of at least {distribution.LEAST} are compared"


def _add_segmenter(tools: Instruments, options: Options, reals: Reals, folder: Path) -> None:
    classes = len(reals.class_names)
    if options.segmenter is None or not classes:
        reason = "there are no label maps to hold the segmenter's answers against"
        if options.segmenter is None:
            reason = "no segmenter is named: --segmenter train, FILE.onnx, or torchvision:deeplabv3_resnet50"
        tools.missing |= dict.fromkeys(MEANS, reason)
        return
    segmenter = _load_segmenter(options.segmenter, options, reals, tools.device, folder)
    if options.segmenter_classes is not None:
        numbers = read_numbers(options.segmenter_classes, classes)
        segmenter = Renumbered(segmenter, numbers, classes)
    elif segmenter.classes not in (None, classes):
        raise ConfigError(
            f"the segmenter tells {segmenter.classes} classes apart, the data have {classes}; say "
            "which is which with --segmenter-classes FILE (lines: its class, the data's class)"
        )
    tools.segmenter = segmenter
    tools.protocol["segmentation"] = dict(segmenter.about)


def _load_segmenter(
    name: str, options: Options, reals: Reals, device: torch.device, folder: Path
) -> Segmenter:
    path = expand(name)
    if name == "train":
        if not isinstance(reals, HeldOut):
            raise ConfigError("--segmenter train needs a run, whose pairs it is trained on")
        return train(reals, folder / TRAINED, steps=options.segmenter_steps)
    if name.startswith(TORCHVISION):
        return load_torchvision(name.removeprefix(TORCHVISION), options.segmenter_weights, device)
    if path.suffix == ".safetensors":
        return load(path, device)
    if path.suffix == ".onnx":
        return OnnxSegmenter(path)
    raise ConfigError(
        f"--segmenter {name}: expected train, FILE.onnx, FILE.safetensors of an earlier evaluation, "
        "or torchvision:NAME"
    )


def about_sets(fakes: int, reals: int) -> Mapping[str, Any]:
    """How sets of so many pictures are compared, and what to beware of."""
    count = min(fakes, reals)
    about: dict[str, Any] = {
        "kid": f"{distribution.SUBSETS} subsets of {distribution.kid_subset_size(count)} pictures",
        "precision and recall": f"{distribution.NEIGHBOURS} nearest neighbours",
        "pictures": f"{fakes} generated, {reals} real",
    }
    if count < distribution.FEATURES:
        about["beware"] = (
            f"FID of {count} pictures is far too large, and the larger the fewer they are (a good "
            f"estimate takes many more than {distribution.FEATURES}): compare it only with the same "
            "number of pictures, or go by KID, which has no such error"
        )
    return about
