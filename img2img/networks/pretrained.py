"""VGG features for the perceptual loss, and where their weights come from.

Never random weights: a file, torchvision's cache, or its download, or no network at all.
"""

from collections.abc import Collection
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from img2img.errors import ConfigError
from img2img.networks.checkpointing import Recomputable
from img2img.networks.convolution import Conv2d
from img2img.networks.download import cached_file, fetch_file
from img2img.places import expand

# Convolutions in each block of torchvision's networks, and the layers after which features
# are taken: relu1_1, relu2_1, relu3_1, relu4_1, relu5_1 (Wang et al. 2018, Sec. 3.5).
BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
CHANNELS = (64, 128, 256, 512, 512)  # of torchvision's networks, in each block
TAPS = {"vgg16": (1, 6, 11, 18, 25), "vgg19": (1, 6, 11, 20, 29)}
# A convolution that only this one has: the other has an activation at the same place.
TELLTALE = {"vgg16": "features.17.weight", "vgg19": "features.16.weight"}

MOST_TIMES = 8  # of a file's size, its tensors' together: tied ones count several times
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of torchvision's weights, for images in [0, 1]
IMAGENET_STD = (0.229, 0.224, 0.225)


class VGGFeatures(nn.Module):
    """Five feature maps of a frozen VGG: images (N, 3, H, W) in [-1, 1] -> list of tensors.

    Args:
        arch: "vgg16" or "vgg19".
        state: tensors under torchvision's names `features.N.weight` and `.bias`; the
            channel counts are read off them. Keys beyond the last tap are not needed.
        imagenet_norm: shift and scale as in the network's training; False feeds [-1, 1].

    Raises:
        KeyError: a layer is missing from `state`.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, arch: str, state: dict[str, Tensor], *, imagenet_norm: bool = True):
        super().__init__()
        self.imagenet_norm = imagenet_norm
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), False)
        taps = TAPS[arch]
        layers: list[nn.Module] = []
        for count in BLOCKS[arch]:
            for _ in range(count):
                if len(layers) < taps[-1]:
                    layers += [_frozen_conv(state, f"features.{len(layers)}"), nn.ReLU()]
            layers.append(nn.MaxPool2d(2))
        starts = (0, *(tap + 1 for tap in taps[:-1]))
        self.stages = nn.ModuleList(
            Stage(layers[start : tap + 1]) for start, tap in zip(starts, taps, strict=True)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        x = image
        if self.imagenet_norm:
            x = ((image + 1) / 2 - self.mean) / self.std
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class Stage(Recomputable):
    """The layers of a VGG from one feature map to the next."""

    def __init__(self, layers: list[nn.Module]):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def _frozen_conv(state: dict[str, Tensor], name: str) -> Conv2d:
    weight, bias = state[f"{name}.weight"].float(), state[f"{name}.bias"].float()
    conv = Conv2d(weight.shape[1], weight.shape[0], 3, padding=1, device="meta")
    conv.weight = nn.Parameter(weight, requires_grad=False)
    conv.bias = nn.Parameter(bias, requires_grad=False)
    return conv


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors or .pth file; nothing in it is executed.

    Raises:
        ConfigError: the file is missing, damaged, or holds something else.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such weight file")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the readers raise whatever a damaged file leads them to
        raise _unreadable(path, error) from error
    state = state.get("state_dict", state) if isinstance(state, dict) else None
    if not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise ConfigError(f"{path}: expected a dictionary of tensors by name")
    # One value can be stored as a tensor of any size: whoever copies it runs out of memory.
    claimed = sum(value.numel() * value.element_size() for value in state.values())
    if claimed > MOST_TIMES * path.stat().st_size:
        raise ConfigError(
            f"{path}: a file of {path.stat().st_size:,} bytes whose tensors would take {claimed:,}: "
            "no weights"
        )
    return state


def _unreadable(path: Path, error: Exception) -> ConfigError:
    # Not the reader's own words: torch's advise to load without protection.
    return ConfigError(
        f"{path}: not a readable weight file ({type(error).__name__}); expected .safetensors, "
        "or a .pth that holds tensors alone"
    )


def _weight_names(path: Path) -> Collection[str]:
    """What a weight file's tensors are called, without reading those of a .safetensors file."""
    if path.suffix != ".safetensors" or not path.is_file():
        return read_weights(path).keys()
    try:
        with safe_open(path, "pt") as file:
            return file.keys()
    except SafetensorError as error:
        raise _unreadable(path, error) from error


def cached_weights(arch: str) -> Path | None:
    """torchvision's own file in its download cache, None where it is not there."""
    return cached_file(weights_url(arch))


def weights_url(arch: str) -> str:
    """Where torchvision's weights are."""
    from torchvision.models import get_model_weights

    return get_model_weights(arch).DEFAULT.url


def detect_arch(state: Collection[str], path: Path) -> str:
    """vgg16 or vgg19, by the layer that only one of them has.

    Args:
        state: the tensors by name, or the names alone.

    Raises:
        ConfigError: neither.
    """
    found = [arch for arch, key in TELLTALE.items() if key in state]
    if len(found) != 1:
        raise ConfigError(
            f"{path}: not VGG16 or VGG19 weights in torchvision's key names (features.0.weight ...)"
        )
    return found[0]


def _arch_of(asked: str, state: Collection[str], path: Path) -> str:
    """The architecture that a file holds; ConfigError where another one is asked for."""
    found = detect_arch(state, path)
    if asked not in ("auto", found):
        raise ConfigError(f"{path}: holds {found}, but model.vgg is {asked}")
    return found


def load_vgg(
    arch: str, file: str | None = None, *, imagenet_norm: bool = True
) -> tuple[VGGFeatures | None, str]:
    """The feature network, and one sentence on where its weights come from.

    Args:
        arch: "vgg19", "vgg16", or "auto": VGG19 (or what `file` holds), and no network
            where its weights cannot be had.
        file: a weight file; None looks in torchvision's cache, then downloads.

    Raises:
        ConfigError: `file` does not hold the network, or a network asked for by name
            cannot be had.

    >>> from img2img.losses import PerceptualLoss
    >>> network, origin = load_vgg("vgg19")  # doctest: +SKIP
    >>> perceptual = PerceptualLoss(network)  # doctest: +SKIP
    """
    path: Path | None
    if file is not None:
        path = expand(file)
        state = read_weights(path)
        found = _arch_of(arch, state, path)
    else:
        found = "vgg19" if arch == "auto" else arch
        path, problem = fetch_file(weights_url(found))
        if path is None:
            ways = (
                "give a file with --vgg-weights FILE (torchvision's key names), or copy "
                f"torchvision's {found} file to {Path(torch.hub.get_dir()) / 'checkpoints'}"
            )
            if arch == "auto":
                return None, (
                    f"PERCEPTUAL LOSS OFF: no {found} weights in the cache, and they could not be "
                    f"downloaded ({problem}). To use it, {ways}."
                )
            raise ConfigError(
                f"model.vgg is {arch}, but its weights are not in the cache and could not be "
                f"downloaded ({problem}): {ways}, or switch the term off with "
                "model.weights.perceptual=0"
            )
        state = read_weights(path)
    try:
        network = VGGFeatures(found, state, imagenet_norm=imagenet_norm)
    except (KeyError, RuntimeError, IndexError) as error:
        raise ConfigError(f"{path}: incomplete {found} weights ({error})") from error
    return network.eval(), f"perceptual loss: {found} with weights from {path}"


def blank_vgg(
    arch: str, file: str | None = None, *, imagenet_norm: bool = True
) -> tuple[VGGFeatures, str]:
    """The network that `load_vgg` would bring, without weights, and where they would come from.

    Arguments and errors are those of `load_vgg`, but nothing is downloaded.
    """
    if file is not None:
        path = expand(file)
        arch, origin = _arch_of(arch, _weight_names(path), path), f"weights from {path}"
    else:
        absent = " (off where that fails)" if arch == "auto" else ""
        arch = "vgg19" if arch == "auto" else arch
        origin = (
            "weights from the cache" if cached_weights(arch) else f"weights from a download{absent}"
        )
    state, layer, channels = {}, 0, 3
    for count, width in zip(BLOCKS[arch], CHANNELS, strict=True):
        for _ in range(count):
            state[f"features.{layer}.weight"] = torch.empty(width, channels, 3, 3)
            state[f"features.{layer}.bias"] = torch.empty(width)
            layer, channels = layer + 2, width  # a convolution and its activation
        layer += 1  # a pooling
    network = VGGFeatures(arch, state, imagenet_norm=imagenet_norm)
    return network.eval(), f"perceptual loss: {arch} with {origin}"
