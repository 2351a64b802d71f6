"""A checkpoint's model, ready to be used."""

from collections.abc import Sequence

import torch

from img2img.config import parse_config
from img2img.models import OPTIONS, build_model
from img2img.models.base import Model, load_strictly
from img2img.networks.channels_last import use_channels_last, wanted
from img2img.runs.checkpoint import Checkpoint


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
