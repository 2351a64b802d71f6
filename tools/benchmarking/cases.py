"""What is measured: training steps and translations at published sizes, the loader, start-up."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarking.machine import best_time
from img2img.config import load_config
from img2img.data.spec import DataSpec
from img2img.distributed.engine import make_accelerator
from img2img.fields import Instance, Label
from img2img.models import OPTIONS, build_model
from img2img.models.base import Model
from img2img.networks.channels_last import use_channels_last, wanted
from img2img.networks.compiling import compile_networks
from img2img.schema import Config
from img2img.training.state import TrainingState
from img2img.training.stepper import Stepper

CLASSES = 35  # of Cityscapes, as published
WIDTHS = ("model.width", "model.d_width")
REGION = 16  # pixels a side of a label region in the made-up maps


@dataclass(frozen=True)
class Setup:
    """Where and how a case runs.

    Attributes:
        shrink: sizes and widths are divided by it; 1 measures, more only tries the case out.
        queued: steps made before a GPU is waited for; a training waits only where it logs.
        extra: settings beside the case's own, by dotted key.
    """

    device: str = "cpu"
    precision: str = "fp32"
    batch: int = 1
    shrink: int = 1
    queued: int = 1
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """A case that is ready: `step` does it once, for so many `images`, and need not wait for a GPU.

    Attributes:
        beside: seconds of a step that are another case's and do not count.
    """

    step: Callable[[], None]
    images: int
    beside: float = 0.0


@dataclass(frozen=True)
class Case:
    """Attributes: what it is, in half a line; `build` makes it ready."""

    what: str
    build: Callable[[Setup], Work]


# ------------------------------------------------------------------ networks

# The published networks' choices, at the published widths.
GLOBAL = {
    "model.name": "pix2pixHD",
    "model.width": 64,
    "model.num_D": 2,
    "model.up": "transposed",
    "model.weights.l1": 0,
}
ENHANCER = GLOBAL | {"model.generator": "enhancer", "model.width": 32, "model.num_D": 3}
PIX2PIX = {"model.name": "pix2pix", "model.norm": "batch", "model.up": "transposed"}


def train(size: tuple[int, int], settings: dict[str, Any]) -> Case:
    """One whole training step: both updates, VGG19 with random weights where the model has it."""

    def build(setup: Setup) -> Work:
        config, model, batch = _model_and_batch(size, settings, setup)
        accelerator = make_accelerator(setup.device, setup.precision)
        model = model.to(accelerator.device).train()
        if getattr(model.options.weights, "perceptual", 0):
            model.perceptual = _random_vgg().to(accelerator.device)
        _quicken(model, config, accelerator.device)
        state = TrainingState(config, model, accelerator, pairs=1, criterion="ssim")
        stepper = Stepper(state, accelerator)
        batch = {name: value.to(accelerator.device) for name, value in batch.items()}

        def step() -> None:
            stepper.step([batch])

        return Work(step, setup.batch)

    return Case(f"training step, {_describe(size, settings)}", build)


def translate(size: tuple[int, int], settings: dict[str, Any]) -> Case:
    """The network's part of a translation, from ids to the picture in [-1, 1]."""

    def build(setup: Setup) -> Work:
        config, model, batch = _model_and_batch(size, settings, setup)
        accelerator = make_accelerator(setup.device, setup.precision)
        model = model.to(accelerator.device).eval()
        _quicken(model, config, accelerator.device, graphs=True)
        batch = {n: v.to(accelerator.device) for n, v in batch.items() if n != "target"}

        def step() -> None:
            with torch.inference_mode(), accelerator.autocast():
                model.translate(batch)

        return Work(step, setup.batch)

    return Case(f"translation, {_describe(size, settings)}", build)


def _quicken(model: Model, config: Config, device: torch.device, *, graphs: bool = False) -> None:
    """As a training or a translation does it before its first step."""
    if wanted(config.training.memory_format, device):
        use_channels_last(model)
    if config.training.compile:
        print(compile_networks(model, device, graphs=graphs))


def _describe(size: tuple[int, int], settings: dict[str, Any]) -> str:
    name = settings["model.name"]
    kind = settings.get("model.generator", "global" if name == "pix2pixHD" else "U-Net")
    return f"{name} {kind}, {size[0]}x{size[1]}"


def _model_and_batch(
    size: tuple[int, int], settings: dict[str, Any], setup: Setup
) -> tuple[Any, Model, dict[str, Tensor]]:
    torch.manual_seed(0)
    small = {key: max(4, settings.get(key, 64) // setup.shrink) for key in WIDTHS}
    overrides = {**settings, **(small if setup.shrink > 1 else {}), **setup.extra}
    overrides["training.batch_size"] = setup.batch
    config = load_config(OPTIONS, overrides=overrides)
    height, width = (max(64, side // setup.shrink) for side in size)
    spec = DataSpec(
        inputs=(
            Label(name="label", part="label", classes=CLASSES),
            Instance(name="instance", part="instance"),
        ),
        size=(height, width),
    )
    return config, build_model(config, spec), _batch(setup.batch, height, width)


def _batch(count: int, height: int, width: int) -> dict[str, Tensor]:
    """Label maps of square regions, each an instance, and noise for the photo."""
    rows, columns = -(-height // REGION), -(-width // REGION)
    regions = torch.arange(rows * columns).view(1, 1, rows, columns).expand(count, -1, -1, -1)
    classes = torch.randint(0, CLASSES, (count, 1, rows, columns))

    def enlarged(ids: Tensor) -> Tensor:
        wide = ids.repeat_interleave(REGION, 2).repeat_interleave(REGION, 3)
        return wide[..., :height, :width].contiguous()

    return {
        "label": enlarged(classes),
        "instance": enlarged(regions + 1000 * classes),
        "target": torch.rand(count, 3, height, width) * 2 - 1,
    }


def _random_vgg() -> torch.nn.Module:
    """The perceptual loss with VGG19's shape: its time does not depend on its weights."""
    from torchvision.models.vgg import cfgs, make_layers

    from img2img.losses.matching import PerceptualLoss
    from img2img.networks.pretrained import VGGFeatures

    layers = make_layers(cfgs["E"])
    state = {f"features.{name}": value for name, value in layers.state_dict().items()}
    return PerceptualLoss(VGGFeatures("vgg19", state))


# -------------------------------------------------------- the rest of a day's work


def load(size: tuple[int, int], pairs: int = 48) -> Case:
    """The loader alone: label, instance map and JPEG photo from disk, cropped and mirrored."""

    def build(setup: Setup) -> Work:
        from img2img.data.describe import describe_data
        from img2img.data.loader import EpochBatches, PairDataset, make_loader
        from img2img.data.transforms import JointTransform

        folder = tempfile.TemporaryDirectory(prefix="img2img-benchmark-")
        height, width = (max(64, side // setup.shrink) for side in size)
        _write_pairs(Path(folder.name), pairs, height, width)
        crop = [height // 2, width // 2]
        overrides = {"model.name": "pix2pix", "data.path": folder.name, "data.crop": crop}
        config = load_config(OPTIONS, overrides=overrides | {"data.val_fraction": 0, **setup.extra})
        data = describe_data(config.data)
        dataset = PairDataset(data.train, JointTransform(config.data, data.spec, train=True))
        batches = EpochBatches(len(dataset), setup.batch, seed=0)
        loader = make_loader(dataset, batches, workers=config.training.workers)

        def step() -> None:
            for _ in loader:
                assert folder  # the files are there as long as this function is
            batches.epoch += 1

        return Work(step, len(dataset))

    return Case(f"loading {pairs} pairs of {size[0]}x{size[1]} with 2 workers", build)


def _write_pairs(folder: Path, count: int, height: int, width: int) -> None:
    import cv2

    from img2img.data.scenes import draw_scene

    for part in ("train_label", "train_inst", "train_img"):
        (folder / part).mkdir()
    for index in range(count):
        scene = draw_scene(index, height=height, width=width)
        cv2.imwrite(str(folder / "train_label" / f"{index}.png"), scene.label)
        cv2.imwrite(str(folder / "train_inst" / f"{index}.png"), scene.instance.astype("uint16"))
        cv2.imwrite(str(folder / "train_img" / f"{index}.jpg"), scene.image[..., ::-1])


def start(*arguments: str) -> Case:
    """A command of the command line, from the shell's call to its end."""

    def build(setup: Setup) -> Work:
        command = [sys.executable, "-m", "img2img", *arguments]

        def step() -> None:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

        return Work(step, 1)

    return Case(f"`img2img {' '.join(arguments)}`", build)


def start_translating(size: tuple[int, int], settings: dict[str, Any]) -> Case:
    """From the shell's call of `translate` to its end with one picture, without the network."""

    def build(setup: Setup) -> Work:
        _, model, batch = _model_and_batch(size, settings, setup)
        del batch["target"]
        with torch.inference_mode():
            network = best_time(lambda: model.eval().translate(batch), "cpu")
        folder = tempfile.TemporaryDirectory(prefix="img2img-benchmark-")
        height, width = batch["label"].shape[-2:]
        _write_pairs(Path(folder.name), 2, height, width)
        run, widths = f"{folder.name}/run", [f"{k}={getattr(model.options, k[6:])}" for k in WIDTHS]
        command = [sys.executable, "-m", "img2img"]
        data = ["--data", folder.name, "training.workers=0"]
        once = ["--run", run, "--device", "cpu", "--max-steps", "1", *data, *widths]
        given = [f"{key}={value}" for key, value in settings.items()]
        subprocess.run([*command, "train", *once, *given], check=True, stdout=subprocess.DEVNULL)
        label = f"{folder.name}/train_label/0.png"
        translation = [*command, "translate", label, "--run", run, "--out", f"{folder.name}/0.png"]

        def step() -> None:
            assert folder  # the files are there as long as this function is
            done = [*translation, "--device", "cpu"]
            subprocess.run(done, check=True, stdout=subprocess.DEVNULL)

        return Work(step, 1, beside=network)

    return Case("`img2img translate LABEL.png` less the network's own time", build)


CASES = {
    "train-global": train((256, 512), GLOBAL),
    "train-global-512": train((512, 1024), GLOBAL),
    "train-enhancer": train((512, 1024), ENHANCER),
    "train-enhancer-1024": train((1024, 2048), ENHANCER),
    "train-pix2pix": train((256, 256), PIX2PIX),
    "translate-global": translate((512, 1024), GLOBAL),
    "translate-enhancer": translate((1024, 2048), ENHANCER),
    "translate-pix2pix": translate((256, 256), PIX2PIX),
    "load-256": load((256, 256)),
    "load": load((512, 1024)),
    "load-2048": load((1024, 2048), pairs=12),
    "start-help": start("translate", "--help"),
    "start-translate": start_translating((256, 256), PIX2PIX),
}
