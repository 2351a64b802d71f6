"""What network the layers of a published file make up, and its sizes, read off their shapes.

The published files name their layers by position: sorted by position, they stand in the
order in which data pass through them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

HD_MAX_CHANNELS = 512

StateDict = Mapping[str, Tensor]


@dataclass
class Layer:
    """The tensors of one layer of a published network.

    Attributes:
        name: its dotted name in the file.
        tensors: by their last name, such as `weight`.
    """

    name: str
    tensors: dict[str, Tensor] = field(default_factory=dict)

    @property
    def is_conv(self) -> bool:
        return "weight" in self.tensors and self.tensors["weight"].dim() == 4

    @property
    def is_norm(self) -> bool:
        """A batch norm; instance norms of old files have statistics, but no weight."""
        return "weight" in self.tensors and self.tensors["weight"].dim() == 1

    @property
    def shape(self) -> torch.Size:
        return self.tensors["weight"].shape


def _position(name: str) -> list[list[tuple[int, int | str]]]:
    """A sort key that counts: model.2 before model.10, all of model before model1_1."""
    return [
        [(0, int(p)) if p.isdecimal() else (1, p) for p in re.findall(r"\d+|\D+", part)]
        for part in name.split(".")
    ]


def read_layers(state: StateDict) -> tuple[list[Layer], list[str]]:
    """Layers with weights in the order of their positions, and the keys left over."""
    by_name: dict[str, Layer] = {}
    for key, value in state.items():
        name, _, leaf = key.rpartition(".")
        by_name.setdefault(name, Layer(name)).tensors[leaf] = value
    known = [layer for layer in by_name.values() if layer.is_conv or layer.is_norm]
    dropped = [
        f"{layer.name}.{leaf}"
        for layer in by_name.values()
        if not (layer.is_conv or layer.is_norm)
        for leaf in layer.tensors
    ]
    return sorted(known, key=lambda layer: _position(layer.name)), dropped


def read_network(layers: list[Layer]) -> tuple[str, dict[str, Any], list[Layer]] | None:
    """The kind of network, its sizes, and its layers in the order of ours.

    Args:
        layers: as `read_layers` returns them.

    Returns:
        `Published.kind`, keyword arguments of our network, and the layers; None where the
        names are of no network known here.

    Raises:
        IndexError, KeyError, ValueError: names of a known network, but not its layers.
    """
    names = [layer.name for layer in layers]
    for pattern, reader in _READERS:
        if names and all(re.fullmatch(pattern, name) for name in names):
            kind, sizes = reader(layers)
            # The published scale with the highest number is the full resolution; ours is the first.
            if kind == "multiscale":
                layers = sorted(layers, key=lambda layer: -_scale(layer.name))
            return kind, sizes, layers
    return None


def _scale(name: str) -> int:
    """The 3 of `scale3_layer0` and of `layer3`."""
    return int(re.findall(r"\d+", name)[0])


def _convs(layers: Iterable[Layer]) -> list[Layer]:
    return [layer for layer in layers if layer.is_conv]


def _shared(layers: list[Layer]) -> dict[str, Any]:
    """Norm and bias, by the second convolution, which stands before a norm in every network.

    Batch norms have weights. Instance norms and no norms have none, but
    pytorch-CycleGAN-and-pix2pix gives the convolutions before them a bias with instance norms alone,
    and pix2pixHD knows no other norms.
    """
    bias = "bias" in _convs(layers)[1].tensors
    batch = any(layer.is_norm for layer in layers)
    return {"norm": "batch" if batch else "instance" if bias else "none", "bias": bias}


def _read_unet(layers: list[Layer]) -> tuple[str, dict[str, Any]]:
    convs = _convs(layers)
    return "unet", {
        "in_channels": convs[0].shape[1],
        "out_channels": convs[-1].shape[1],  # transposed: (in, out, 4, 4)
        "width": convs[0].shape[0],
        "depth": len(convs) // 2,
        "up": "transposed",
        "dropout": 0.0,
        **_shared(layers),
    }


def _read_residual(layers: list[Layer]) -> tuple[str, dict[str, Any]]:
    """Global generator, CycleGAN's ResNet, or (without blocks) the encoder."""
    convs = _convs(layers)
    in_blocks = [layer for layer in convs if "conv_block" in layer.name]
    outside = [layer for layer in convs if "conv_block" not in layer.name]
    # With dropout the second convolution of a block is one place further on.
    dropout = any(layer.name.endswith("conv_block.6") for layer in in_blocks)
    sizes = {
        "in_channels": outside[0].shape[1],
        "out_channels": outside[-1].shape[0],
        "width": outside[0].shape[0],
        "n_down": (len(outside) - 2) // 2,
        "n_blocks": len(in_blocks) // 2,
        "dropout": 0.5 if dropout else 0.0,
        "up": "transposed",
        **_shared(layers),
    }
    return ("resnet" if in_blocks else "encoder"), sizes


def _read_enhancer(layers: list[Layer]) -> tuple[str, dict[str, Any]]:
    coarse = _convs(layer for layer in layers if layer.name.startswith("model."))
    stages = {layer.name.split(".")[0] for layer in layers if not layer.name.startswith("model.")}
    n_enhancers = len(stages) // 2
    front = _convs(layer for layer in layers if layer.name.startswith(f"model{n_enhancers}_1."))
    back = _convs(layer for layer in layers if layer.name.startswith(f"model{n_enhancers}_2."))
    outside = [layer for layer in coarse if "conv_block" not in layer.name]
    return "enhancer", {
        "in_channels": front[0].shape[1],
        "out_channels": back[-1].shape[0],
        "width": front[0].shape[0],
        "n_down": (len(outside) - 1) // 2,  # no last convolution
        "n_blocks": (len(coarse) - len(outside)) // 2,
        "n_enhancers": n_enhancers,
        "n_blocks_enhancer": sum("conv_block" in layer.name for layer in back) // 2,
        "up": "transposed",
        **_shared(layers),
    }


def _read_multiscale(layers: list[Layer]) -> tuple[str, dict[str, Any]]:
    scales = {_scale(layer.name) for layer in layers}
    convs = _convs(layer for layer in layers if _scale(layer.name) == max(scales))
    return "multiscale", {
        "in_channels": convs[0].shape[1],
        "width": convs[0].shape[0],
        "n_layers": len(convs) - 2,
        "scales": len(scales),
        "padding": 2,
        "max_channels": max(HD_MAX_CHANNELS, convs[0].shape[0]),
        **_shared(layers),
    }


def _read_patchgan(layers: list[Layer]) -> tuple[str, dict[str, Any]]:
    convs = _convs(layers)
    single_pixels = convs[0].shape[-1] == 1
    return "patchgan", {
        "in_channels": convs[0].shape[1],
        "width": convs[0].shape[0],
        "n_layers": 0 if single_pixels else len(convs) - 2,
        "padding": 1,
        **_shared(layers),
    }


def _read_single_chain(layers: list[Layer]) -> tuple[str, dict[str, Any]]:
    """`model.N`: a PatchGAN by its 4x4 kernels, else a generator or an encoder."""
    if _convs(layers)[0].shape[-1] == 4:
        return _read_patchgan(layers)
    return _read_residual(layers)


# Other networks share a prefix with these (a ResNet has layer1.0.conv1), so whole names count.
_READERS = (
    (r"model\.model\..*", _read_unet),
    (r"model\.\d+.*", _read_single_chain),
    (r"model(\d+_[12])?\.\d+.*", _read_enhancer),
    (r"(scale\d+_layer\d+|layer\d+)\.\d+", _read_multiscale),
    (r"net\.\d+", _read_patchgan),
)
