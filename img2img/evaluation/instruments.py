"""What scores are measured with: the networks, where their weights come from, what is missing."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from img2img.errors import ConfigError, counted
from img2img.evaluation.hashing import fingerprint
from img2img.evaluation.heldout import HeldOut
from img2img.evaluation.judges.segmentation import MEANS
from img2img.evaluation.judges.segmenters import (
    TORCHVISION,
    OnnxSegmenter,
    Renumbered,
    Segmenter,
    load_torchvision,
    read_numbers,
)
from img2img.evaluation.judges.trained_segmenter import FILE as TRAINED
from img2img.evaluation.judges.trained_segmenter import load, train
from img2img.evaluation.reals import Reals
from img2img.metrics import distribution
from img2img.metrics.paired import LPIPS, find_lpips_weights

LIBRARIES = "torch torchvision numpy scipy kornia lpips torchmetrics torch-fidelity opencv-python onnxruntime"


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    Attributes:
        lpips_weights, inception: weight files; None looks in the caches, then downloads.
        segmenter: "train", a file, "torchvision:NAME", or None.
        segmenter_weights: of torchvision's.
        segmenter_classes: a file that says which of its classes is which of the data's.
        segmenter_steps: of training one; None for the usual number.
    """

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


def gather(wanted: Wanted, reals: Reals, device: torch.device, folder: Path) -> Instruments:
    """Loads, and trains, what is wanted and what can be had, to score pairs with.

    Args:
        folder: where a trained segmenter is written.

    Raises:
        UserError: a file that was named cannot be used.
    """
    tools = gather_for_sets(wanted, device, too_few(len(reals.names)))
    _add_lpips(tools, wanted, reals)
    _add_segmenter(tools, wanted, reals, folder)
    return tools


def gather_for_sets(wanted: Wanted, device: torch.device, reason: str) -> Instruments:
    """Loads what scores sets of pictures.

    Args:
        reason: why these cannot be scored, or "".

    Raises:
        UserError: a file that was named cannot be used.
    """
    tools, path = Instruments(device), None
    tools.protocol["versions"] = versions()
    if not reason:
        path, reason = distribution.find_inception(wanted.inception)
    if path is None:
        tools.missing |= dict.fromkeys(distribution.BETTER, reason)
        return tools
    tools.inception = distribution.Inception(path).to(device)
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
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _about_file(path: Path) -> dict[str, str]:
    return {"file": path.name, "sha256": fingerprint(path)}


def _add_lpips(tools: Instruments, wanted: Wanted, reals: Reals) -> None:
    setting, own = "auto", None
    if wanted.lpips_weights is not None:
        setting = str(wanted.lpips_weights)
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
    return path if path and Path(path).expanduser().is_file() else None


def too_few(count: int) -> str:
    """Why sets of so many pictures are not compared, "" where they are."""
    if count >= distribution.LEAST:
        return ""
    return f"{counted(count, 'picture')}; sets of at least {distribution.LEAST} are compared"


def _add_segmenter(tools: Instruments, wanted: Wanted, reals: Reals, folder: Path) -> None:
    reason = ""
    if wanted.segmenter is None:
        reason = (
            "no segmenter is named: --segmenter train, FILE.onnx, or torchvision:deeplabv3_resnet50"
        )
    elif not reals.class_names:
        reason = "there are no label maps to hold the segmenter's answers against"
    if reason:
        tools.missing |= dict.fromkeys(MEANS, reason)
        return
    classes = len(reals.class_names)
    segmenter = _load_segmenter(wanted, reals, tools.device, folder)
    if wanted.segmenter_classes is not None:
        numbers = read_numbers(wanted.segmenter_classes, classes)
        segmenter = Renumbered(segmenter, numbers, classes)
    elif segmenter.classes not in (None, classes):
        raise ConfigError(
            f"the segmenter tells {segmenter.classes} classes apart, the data have {classes}; say "
            "which is which with --segmenter-classes FILE (lines: its class, the data's class)"
        )
    tools.segmenter = segmenter
    tools.protocol["segmentation"] = dict(segmenter.about)


def _load_segmenter(wanted: Wanted, reals: Reals, device: torch.device, folder: Path) -> Segmenter:
    name = wanted.segmenter
    path = Path(name).expanduser()
    if name == "train":
        if not isinstance(reals, HeldOut):
            raise ConfigError("--segmenter train needs a run, whose pairs it is trained on")
        return train(reals, folder / TRAINED, steps=wanted.segmenter_steps)
    if name.startswith(TORCHVISION):
        return load_torchvision(name.removeprefix(TORCHVISION), wanted.segmenter_weights, device)
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
