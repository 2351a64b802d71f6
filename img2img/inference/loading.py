"""A checkpoint's model, ready to be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from img2img.config import parse_config
from img2img.errors import ConfigError
from img2img.models import OPTIONS, build_model
from img2img.models.abilities import DrawsFromNoise
from img2img.models.base import Model, load_strictly
from img2img.networks.channels_last import use_channels_last, wanted
from img2img.runs.checkpoint import Checkpoint
from img2img.runs.folder import find_run, pick_checkpoint

# What a model does, by whether it draws from noise, and what uses it instead.
USES = {
    True: (
        "draws pictures from noise and translates none",
        "draw some with `img2img generate --run {run}`",
    ),
    False: (
        "translates pictures and draws none from noise",
        "use `img2img translate PICTURE --run {run}`",
    ),
}


@dataclass(frozen=True)
class LoadedRun:
    """A run's folder, one of its checkpoints, and the model of that."""

    path: Path
    checkpoint: Checkpoint
    model: Model


def load_run(
    run: str | Path | None,
    checkpoint: str | Path | None,
    device: torch.device,
    *,
    drawing: bool,
) -> LoadedRun:
    """A run's model, for who draws pictures from noise, or else for who translates pictures.

    Args:
        run, checkpoint: as of `Translator.load`.

    Raises:
        ConfigError: the model does the other of the two.
        CheckpointError: no such run or checkpoint, or it cannot be read.
    """
    name, which = (None if value is None else str(value) for value in (run, checkpoint))
    path = find_run(name)
    found = pick_checkpoint(path, which)
    model = load_model(found, device)
    draws = isinstance(model, DrawsFromNoise)
    if draws != drawing:
        does, instead = USES[draws]
        raise ConfigError(
            f"{path}: a run of {model.options.name}, which {does}; {instead.format(run=path)}"
        )
    return LoadedRun(path, found, model)


def load_model(checkpoint: Checkpoint, device: torch.device, *, also: Sequence[str] = ()) -> Model:
    """A checkpoint's model, ready to translate; networks that only train stay empty.

    Args:
        also: such networks that are wanted all the same.

    Raises:
        CheckpointError: weights are missing or have other shapes.
    """
    config = parse_config(checkpoint.meta["config"], OPTIONS, str(checkpoint.path))
    # No memory and no random numbers for weights that are about to be replaced.
    with torch.device("meta"):
        model = build_model(config, checkpoint.spec)
    states = checkpoint.networks()
    for name in (*model.inference_nets, *also):
        network = getattr(model, name)
        load_strictly(network, states.get(name, {}), name, assign=True)
        network.to(device)
    if wanted("auto", device):
        use_channels_last(model)
    return model.eval().requires_grad_(False)
