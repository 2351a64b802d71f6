"""The methods, by the name that `--model` takes."""

from img2img.data.spec import DataSpec
from img2img.models.base import Model
from img2img.models.pix2pix import Pix2Pix
from img2img.models.pix2pixhd import Pix2PixHD
from img2img.networks.layers import BatchNorm
from img2img.schema import Config

MODELS: dict[str, type[Model]] = {"pix2pix": Pix2Pix, "pix2pixHD": Pix2PixHD}

OPTIONS = {name: model.Options for name, model in MODELS.items()}


def build_model(config: Config, spec: DataSpec) -> Model:
    """The model that a config names, with fresh weights."""
    model = MODELS[config.model.name](config.model, spec)
    for layer in model.modules():
        if isinstance(layer, BatchNorm):
            layer.own_statistics = config.model.own_statistics
    return model
