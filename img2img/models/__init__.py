"""The methods, by the name that `--model` takes."""

from collections.abc import Iterator, Mapping

from img2img.data.spec import DataSpec
from img2img.errors import ConfigError
from img2img.models.acgan import ACGAN
from img2img.models.base import Model
from img2img.models.began import BEGAN
from img2img.models.cgan import CGAN
from img2img.models.dcgan import DCGAN
from img2img.models.gan import GAN
from img2img.models.infogan import InfoGAN
from img2img.models.pix2pix import Pix2Pix
from img2img.models.pix2pixhd import Pix2PixHD
from img2img.models.semi_supervised import SemiSupervisedGAN
from img2img.networks.layers import BatchNorm
from img2img.schema import Config, ModelOptions

# One class may go by several names, each with settings of its own (`Options.presets`).
MODELS: dict[str, type[Model]] = {
    "pix2pix": Pix2Pix,
    "pix2pixHD": Pix2PixHD,
    "gan": GAN,
    "dcgan": DCGAN,
    "cgan": CGAN,
    "acgan": ACGAN,
    "infogan": InfoGAN,
    "lsgan": DCGAN,
    "wgan": DCGAN,
    "wgan_gp": DCGAN,
    "wgan_div": DCGAN,
    "fgan": DCGAN,
    "began": BEGAN,
    "semi_supervised": SemiSupervisedGAN,
}


class _Options(Mapping[str, type[ModelOptions]]):
    """The `Options` of `MODELS`, of a model that has just been added to them, too."""

    def __getitem__(self, name: str) -> type[ModelOptions]:
        return MODELS[name].Options

    def __iter__(self) -> Iterator[str]:
        return iter(MODELS)

    def __len__(self) -> int:
        return len(MODELS)


OPTIONS = _Options()


def build_model(config: Config, spec: DataSpec) -> Model:
    """The model that a config names, with fresh weights.

    Raises:
        ConfigError: settings that exclude each other, or do not go with the pictures.
    """
    model = MODELS[config.model.name](config.model, spec)
    if config.training.batch_size < model.least_batch:
        raise ConfigError(
            f"{config.model.name}, as configured, compares the pictures of a batch: set "
            f"training.batch_size to {model.least_batch} or more"
        )
    for layer in model.modules():
        if isinstance(layer, BatchNorm):
            layer.own_statistics = getattr(config.model, "own_statistics", False)
    return model
