"""Segmenters that judge pictures: trained on the spot, an ONNX file, or torchvision's."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from img2img.errors import ConfigError, nearest
from img2img.networks.download import fetch_file
from img2img.networks.pretrained import IMAGENET_MEAN, IMAGENET_STD, read_weights
from img2img.places import expand

TORCHVISION = "torchvision:"
# Of FCN and DeepLab, and of LR-ASPP: the last layer has one output for each class.
_LAST_LAYERS = ("classifier.4.weight", "classifier.low_classifier.weight")


def fingerprint(path: Path) -> str:
    """A file's SHA-256 in hexadecimal digits: what makes it the same file.

    Raises:
        OSError: it cannot be read.
    """
    with open(expand(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Segmenter(ABC):
    """Finds classes in images.

    Attributes:
        channels: of the images that it takes.
        classes: how many it tells apart; None where only its answers say so.
        about: what it is, for the protocol.
    """

    channels: int
    classes: int | None
    about: Mapping[str, Any]

    @abstractmethod
    def __call__(self, images: Tensor) -> Tensor:
        """Images (1, channels, H, W) in [-1, 1] -> class ids, int64 (1, H, W), on their device.

        -1 is none of the data's classes.
        """


def imagenet_normalised(images: Tensor) -> Tensor:
    """[-1, 1] as networks trained on ImageNet expect it."""
    mean, std = (images.new_tensor(v)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))
    return ((images + 1) / 2 - mean) / std


class NetworkSegmenter(Segmenter):
    """A network of ours or torchvision's.

    Args:
        network: images -> logits (N, classes, H, W), or a dictionary with them as "out".
        imagenet: whether it expects ImageNet's normalisation; else [-1, 1].
    """

    def __init__(
        self,
        network: torch.nn.Module,
        classes: int,
        about: Mapping[str, Any],
        *,
        channels: int = 3,
        imagenet: bool = True,
    ):
        self.network, self.classes, self.about = network.eval(), classes, about
        self.channels, self.imagenet = channels, imagenet

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        found = self.network(imagenet_normalised(images) if self.imagenet else images)
        return (found["out"] if isinstance(found, dict) else found).argmax(1)


class OnnxSegmenter(Segmenter):
    """A file that onnxruntime reads, with one input (N, 3, H, W) and one output that counts.

    An input of floats gets ImageNet's normalisation, one of uint8 the values 0..255. The output
    is logits (N, classes, H, W) or class ids (N, H, W) or (N, 1, H, W); of several the first.
    Sizes that the file fixes, and those that it returns, are reached by resizing.

    Raises:
        ConfigError: onnxruntime is not installed, or the file is not such a network.
    """

    channels = 3

    def __init__(self, path: Path):
        try:
            import onnxruntime
        except ImportError as error:
            raise ConfigError(
                'segmenters of ONNX files need onnxruntime: pip install -e ".[onnx]"'
            ) from error
        if not path.is_file():
            raise ConfigError(f"{path}: no such file")
        self.path = path
        try:
            providers = ["CPUExecutionProvider"]
            self.session = onnxruntime.InferenceSession(str(path), providers=providers)
        except Exception as error:  # onnxruntime has classes of its own for what it dislikes
            raise ConfigError(f"{path}: not an ONNX network that can be run ({error})") from error
        entry, *more = self.session.get_inputs()
        shape, exit_ = entry.shape, self.session.get_outputs()[0].shape
        kinds = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8}
        channels = shape[1] if len(shape) == 4 else None
        if more or entry.type not in kinds or (channels != 3 and not isinstance(channels, str)):
            raise ConfigError(
                f"{path}: takes {entry.type} {shape}{' and more' * bool(more)}; expected one input "
                "(N, 3, H, W) of float (ImageNet's normalisation) or uint8 (0..255)"
            )
        self.entry, self.kind = entry.name, kinds[entry.type]
        fixed = shape[2:]
        self.size = tuple(fixed) if all(isinstance(side, int) for side in fixed) else None
        count = exit_[1] if len(exit_) == 4 else None
        self.classes = count if isinstance(count, int) and count > 1 else None
        self.about = {"segmenter": path.name, "sha256": fingerprint(path)}

    def __call__(self, images: Tensor) -> Tensor:
        size = (images.shape[-2], images.shape[-1])
        shown = images
        if self.size not in (None, size):
            shown = F.interpolate(images, self.size, mode="bilinear", antialias=True)
        if self.kind == np.uint8:
            shown = ((shown + 1) * 127.5).round().clamp(0, 255)
        else:
            shown = imagenet_normalised(shown)
        try:
            array = shown.cpu().numpy().astype(self.kind)
            found = self.session.run(None, {self.entry: array})[0]
        except Exception as error:
            raise ConfigError(f"{self.path}: fails at {size[1]}x{size[0]}: {error}") from error
        return self._ids(torch.from_numpy(np.ascontiguousarray(found)), size).to(images.device)

    def _ids(self, found: Tensor, size: tuple[int, int]) -> Tensor:
        if found.dim() not in (3, 4) or found.shape[0] != 1:
            raise ConfigError(
                f"{self.path}: its output is {list(found.shape)}; expected logits (N, classes, H, W) "
                "or class ids (N, H, W)"
            )
        if found.dim() == 4 and found.shape[1] > 1:
            logits = found.float()
            if tuple(logits.shape[-2:]) != size:
                logits = F.interpolate(logits, size, mode="bilinear")
            return logits.argmax(1)
        ids = found.reshape(1, 1, *found.shape[-2:]).float()
        if tuple(ids.shape[-2:]) != size:
            ids = F.interpolate(ids, size, mode="nearest-exact")
        return ids[:, 0].round().long()


class Renumbered(Segmenter):
    """Another segmenter, its classes renumbered.

    Args:
        numbers: the data's class by the segmenter's; a class without one is never right.
    """

    def __init__(self, segmenter: Segmenter, numbers: Mapping[int, int], classes: int):
        self.segmenter, self.classes = segmenter, classes
        self.channels = segmenter.channels
        self.numbers = numbers
        self.about = {**segmenter.about, "classes renumbered": dict(numbers)}

    def __call__(self, images: Tensor) -> Tensor:
        found = self.segmenter(images)
        result = torch.full_like(found, -1)
        for own, number in self.numbers.items():
            result[found == own] = number
        return result


def read_numbers(path: Path, classes: int) -> dict[int, int]:
    """Lines `SEGMENTER'S CLASS  DATA'S CLASS`; what follows a # does not count.

    Raises:
        ConfigError: the file cannot be read, or says something else.
    """
    try:
        lines = expand(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    numbers = {}
    for count, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2 or not all(word.isdecimal() for word in words):
            raise ConfigError(f"{path}, line {count}: expected two numbers, such as `7 0`")
        own, number = map(int, words)
        if number >= classes:
            raise ConfigError(
                f"{path}, line {count}: the data have no class {number} (0..{classes - 1})"
            )
        numbers[own] = number
    if not numbers:
        raise ConfigError(f"{path}: no lines such as `7 0`")
    return numbers


def load_torchvision(name: str, weights: Path | None, device: torch.device) -> NetworkSegmenter:
    """One of torchvision's segmentation networks.

    Args:
        weights: a file; None takes torchvision's own from its cache, or downloads them.

    Raises:
        ConfigError: no such network, or its weights cannot be had.
    """
    from torchvision.models import get_model, get_model_weights, list_models, segmentation

    known = list_models(module=segmentation)
    if name not in known:
        raise ConfigError(f"torchvision has no segmenter {name!r}; {nearest(name, known)}")
    if weights is None:
        weights, problem = fetch_file(get_model_weights(name).DEFAULT.url)
        if weights is None:
            raise ConfigError(
                f"{name}: its weights are not in torchvision's cache and could not be downloaded "
                f"({problem}); give a file with --segmenter-weights FILE"
            )
    state = read_weights(expand(weights))
    last = next((key for key in _LAST_LAYERS if key in state), None)
    if last is None:
        raise ConfigError(f"{weights}: not the weights of torchvision's {name}")
    classes = len(state[last])
    aux = any(key.startswith("aux_classifier.") for key in state)
    options = {"aux_loss": aux} if not name.startswith("lraspp") else {}
    network = get_model(name, weights=None, weights_backbone=None, num_classes=classes, **options)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ConfigError(f"{weights}: not the weights of torchvision's {name}") from error
    about = {"segmenter": f"torchvision {name}", "weights": weights.name}
    about["sha256"] = fingerprint(weights)
    return NetworkSegmenter(network.to(device), classes, about)
