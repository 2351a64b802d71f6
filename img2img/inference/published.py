"""Reading the published networks' state dicts: what network it is, its sizes, its weights.

The files of NVIDIA/pix2pixHD and junyanz/pytorch-CycleGAN-and-pix2pix name their layers by
position. Sorted by position, their layers stand in the order in which data pass through
them, and so do ours: weights are handed over one by one, every shape checked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from img2img.errors import CheckpointError
from img2img.inference.network_sizes import Layer, StateDict, read_layers, read_network
from img2img.networks.patchgan import MultiscaleDiscriminator, PatchDiscriminator
from img2img.networks.pix2pixhd import GlobalGenerator, LocalEnhancer
from img2img.networks.unet import UNet


@dataclass(frozen=True)
class Published:
    """A published network, recognised.

    Attributes:
        kind: `unet`, `resnet` (also the global generator), `enhancer`, `encoder`,
            `multiscale` or `patchgan`.
        sizes: keyword arguments of our network.
        layers: in the order in which data pass through our network.
        where: the file, for messages.
        dropped: keys that no network of ours needs, such as old instance-norm statistics.
    """

    kind: str
    sizes: dict[str, Any]
    layers: tuple[Layer, ...]
    where: str
    dropped: tuple[str, ...] = ()

    @property
    def is_discriminator(self) -> bool:
        return self.kind in ("multiscale", "patchgan")

    def build(self) -> nn.Module:
        """Our network with the published weights.

        Raises:
            CheckpointError: no network has these sizes, or a layer does not fit.
        """
        try:
            network = _BUILDERS[self.kind](dict(self.sizes))
        except ValueError as error:  # sizes that our networks refuse
            raise CheckpointError(
                f"{self.where}: named like a {self.kind} of pix2pixHD or "
                f"pytorch-CycleGAN-and-pix2pix, but not one that can be built: {error}"
            ) from error
        _hand_over(self.layers, network, self.where)
        return network


def recognise(state: StateDict, where: str | Path, norm: str | None = None) -> Published:
    """What a published state dict holds.

    Args:
        norm: "instance" or "none", where the file's user knows better than its tensors tell.

    Raises:
        CheckpointError: nothing that is known, with the first keys, or norms that contradict `norm`.
    """
    state = {key.removeprefix("module."): value for key, value in state.items()}
    layers, dropped = read_layers(state)
    try:
        found = read_network(layers)
    except (IndexError, KeyError, ValueError) as error:
        raise CheckpointError(f"{where}: an incomplete network ({error})") from error
    if found is None:
        raise CheckpointError(
            f"{where}: not a network of pix2pixHD or pytorch-CycleGAN-and-pix2pix; it holds "
            f"{', '.join(list(state)[:4]) or 'nothing'} ..."
        )
    kind, sizes, ordered = found
    if any(key.endswith("running_mean") for key in dropped):  # of old instance norms
        sizes["norm"] = "instance"
    lacking = any(layer.is_norm and "running_mean" not in layer.tensors for layer in ordered)
    if lacking:
        raise CheckpointError(
            f"{where}: norms with weights but without statistics (instance norms with affine=True), "
            "which neither published code makes and no network here has"
        )
    if norm and norm != sizes["norm"] and "batch" in (norm, sizes["norm"]):
        has = "has" if sizes["norm"] == "batch" else "has no"
        raise CheckpointError(f"{where}: --norm {norm}, but the file {has} weights of batch norms")
    sizes["norm"] = norm or sizes["norm"]
    return Published(kind, sizes, tuple(ordered), str(where), tuple(dropped))


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
    "patchgan": lambda sizes: PatchDiscriminator(**sizes),
}


def _hand_over(layers: Iterable[Layer], network: nn.Module, where: str) -> None:
    """Copies weights layer by layer, in the order in which data pass through them."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)
    ours = [(name, m) for name, m in network.named_modules() if isinstance(m, kinds)]
    theirs = list(layers)
    if len(ours) != len(theirs):
        raise CheckpointError(
            f"{where}: {len(theirs)} layers in the file, but the network has {len(ours)}"
        )
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
            homeless = [f"{layer.name}.{k} has no place in {name}" for k in extra]
            raise CheckpointError(f"{where}: {'; '.join([*wrong, *homeless])}")
        module.load_state_dict(given)
