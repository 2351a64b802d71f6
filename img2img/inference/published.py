"""Reading the published networks' state dicts: what network it is, its sizes, its weights.

The files of NVIDIA/pix2pixHD and junyanz/pytorch-CycleGAN-and-pix2pix name their layers by
position. Sorted by position, their layers stand in the order in which data pass through
them, and so do ours: weights are handed over one by one, every shape checked.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from img2img.errors import CheckpointError
from img2img.networks.patchgan import MultiscaleDiscriminator, PatchGAN
from img2img.networks.pix2pixhd import GlobalGenerator, LocalEnhancer
from img2img.networks.unet import UNet

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


@dataclass(frozen=True)
class Published:
    """A published network, recognised.

    Attributes:
        kind: `unet`, `resnet` (also the global generator), `enhancer`, `encoder`,
            `multiscale` or `patchgan`.
        sizes: keyword arguments of our network.
        dropped: keys that no network of ours needs, such as old instance-norm statistics.
    """

    kind: str
    sizes: dict[str, Any]
    layers: tuple[Layer, ...]
    dropped: tuple[str, ...] = ()

    @property
    def is_discriminator(self) -> bool:
        return self.kind in ("multiscale", "patchgan")

    def build(self) -> nn.Module:
        """Our network with the published weights.

        Raises:
            CheckpointError: a layer does not fit.
        """
        network = _BUILDERS[self.kind](dict(self.sizes))
        _hand_over(self.layers, network)
        return network


def recognise(state: StateDict, where: str | Path) -> Published:
    """What a published state dict holds.

    Raises:
        CheckpointError: nothing that is known, with the first keys.
    """
    state = {key.removeprefix("module."): value for key, value in state.items()}
    layers, dropped = _layers(state)
    names = [layer.name for layer in layers]
    try:
        for test, reader in _READERS:
            if names and any(test(name) for name in names):
                kind, sizes = reader(layers)
                ordered = _full_resolution_first(layers) if kind == "multiscale" else layers
                return Published(kind, sizes, tuple(ordered), tuple(dropped))
    except (IndexError, KeyError, StopIteration) as error:
        raise CheckpointError(f"{where}: an incomplete network ({error})") from error
    raise CheckpointError(
        f"{where}: not a network of pix2pixHD or pytorch-CycleGAN-and-pix2pix; it holds "
        f"{', '.join(list(state)[:4]) or 'nothing'} ..."
    )


def _position(name: str) -> list[list[tuple[int, int | str]]]:
    """A sort key that counts: model.2 before model.10, all of model before model1_1."""
    return [
        [(0, int(p)) if p.isdecimal() else (1, p) for p in re.findall(r"\d+|\D+", part)]
        for part in name.split(".")
    ]


def _layers(state: StateDict) -> tuple[list[Layer], list[str]]:
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


def _full_resolution_first(layers: Iterable[Layer]) -> list[Layer]:
    """The published scale with the highest number is the full resolution; ours is the first."""
    return sorted(layers, key=lambda layer: -_scale(layer.name))


def _scale(name: str) -> int:
    return int(re.match(r"(?:scale|layer)(\d+)", name).group(1))


# ------------------------------------------------------------------ sizes


def _convs(layers: Iterable[Layer]) -> list[Layer]:
    return [layer for layer in layers if layer.is_conv]


def _shared(layers: list[Layer]) -> dict[str, Any]:
    """Norm and bias: the first convolution before a norm tells (the U-Net's first of all)."""
    norm = "batch" if any(layer.is_norm for layer in layers) else "instance"
    convs = _convs(layers)
    return {"norm": norm, "bias": "bias" in convs[1].tensors}


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


_READERS = (
    (lambda name: name.startswith("model.model."), _read_unet),
    (lambda name: name.startswith("model1_1."), _read_enhancer),
    (lambda name: re.match(r"(scale\d+_layer\d+|layer\d+)\.", name), _read_multiscale),
    (lambda name: name.startswith("net."), _read_patchgan),
    (lambda name: re.match(r"model\.\d+", name), _read_single_chain),
)


# ------------------------------------------------------------------ weights


def _build_enhancer(sizes: dict[str, Any]) -> nn.Module:
    shared = {k: sizes[k] for k in ("in_channels", "norm", "bias", "up")}
    coarse = GlobalGenerator(
        out_channels=None,
        width=sizes["width"] << sizes["n_enhancers"],
        n_down=sizes["n_down"],
        n_blocks=sizes["n_blocks"],
        **shared,
    )
    return LocalEnhancer(
        coarse,
        out_channels=sizes["out_channels"],
        width=sizes["width"],
        n_enhancers=sizes["n_enhancers"],
        n_blocks=sizes["n_blocks_enhancer"],
        **shared,
    )


_BUILDERS = {
    "unet": lambda sizes: UNet(**sizes),
    "resnet": lambda sizes: GlobalGenerator(**sizes),
    "encoder": lambda sizes: GlobalGenerator(**sizes),
    "enhancer": _build_enhancer,
    "multiscale": lambda sizes: MultiscaleDiscriminator(**sizes),
    "patchgan": lambda sizes: PatchGAN(**sizes),
}


def _hand_over(layers: Iterable[Layer], network: nn.Module) -> None:
    """Copies weights layer by layer, in the order in which data pass through them."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)
    ours = [(name, m) for name, m in network.named_modules() if isinstance(m, kinds)]
    theirs = list(layers)
    if len(ours) != len(theirs):
        raise CheckpointError(f"{len(theirs)} layers in the file, but the network has {len(ours)}")
    for (name, module), layer in zip(ours, theirs, strict=True):
        own = module.state_dict()
        given = {k: v.to(own[k].dtype) for k, v in layer.tensors.items() if k in own}
        # The published files of before 2018 do not count batches.
        given.setdefault("num_batches_tracked", torch.zeros((), dtype=torch.long))
        given = {k: v for k, v in given.items() if k in own}
        wrong = [
            f"{layer.name}.{k} is {list(given[k].shape) if k in given else 'missing'}, "
            f"{name}.{k} needs {list(own[k].shape)}"
            for k in own
            if k not in given or given[k].shape != own[k].shape
        ]
        if wrong or set(layer.tensors) - set(own):
            extra = sorted(set(layer.tensors) - set(own))
            raise CheckpointError(
                "; ".join([*wrong, *(f"{layer.name}.{k} has no place in {name}" for k in extra)])
            )
        module.load_state_dict(given)
