"""What only a GPU shows. Skipped where there is none."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from img2img.cli import main
from img2img.config import load_config
from img2img.data.loader import PairDataset, collate, draw_samples
from img2img.data.transforms import JointTransform
from img2img.distributed.engine import make_accelerator
from img2img.models import MODELS, OPTIONS, build_model
from img2img.models.latents import Latents
from img2img.networks.channels_last import use_channels_last
from img2img.networks.compiling import compile_networks
from img2img.runs.checkpoint import read_checkpoint
from img2img.tasks import find_data
from img2img.training.state import TrainingState
from img2img.training.stepper import Stepper

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
CUDA = torch.device("cuda")
SMALL = {
    "model.width": 8,
    "model.d_width": 8,
    "data.scene_size": [64, 64],
    "data.scenes": 4,
    "data.val_scenes": 1,
}
HD = {"model": "pix2pixHD", "model.n_down": 2, "model.n_blocks": 1, "model.num_D": 2}
TRAININGS = {
    "pix2pix": {"model": "pix2pix", "model.patch": 16, "model.dropout": 0.0},
    "batch-norm": {"model": "pix2pix", "model.patch": 16, "model.norm": "batch"},
    "global": HD,
    "features": {**HD, "model.features": True, "model.e_width": 8, "model.e_down": 1},
    "enhancer": {**HD, "model.generator": "enhancer", "model.n_blocks_enhancer": 1},
    "recomputed": {**HD, "training.activation_checkpointing": True},
    "transposed": {**HD, "model.up": "transposed", "training.ema": 0.9},
}
REGULARIZERS = {
    "model.regularizers.instance_noise": 0.1,
    "model.regularizers.unrolled": 2,
    "model.d_norm": "virtual",
    "model.references": 2,
}
OBJECTIVES = {
    "wgan": {"model": "wgan"},  # RMSprop
    "wgan_gp": {"model": "wgan_gp"},
    "infogan": {"model": "infogan"},
    "regularizers": {
        "model": "acgan",
        "data.scenes": 30,
        **REGULARIZERS,
        "model.regularizers.minibatch_discrimination": True,
    },
}
GANS = [name for name, model in MODELS.items() if model.task == "generative"]
FEW = [
    *("training.max_steps=4", "training.log_every=1", "training.workers=0", "data.scenes=8"),
    *("data.scene_size=64", "data.val_scenes=2", "model.width=8", "model.d_width=8"),
]


@pytest.fixture(autouse=True)
def exact(tmp_path, monkeypatch):
    """Products in float32 as they are on a CPU, not rounded to TF32."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


class Training:
    """A training on a device without a run folder; two pictures a batch."""

    def __init__(self, options, device="cuda", precision="fp32", prepare=lambda model: None):
        config = load_config(OPTIONS, overrides={**SMALL, **options, "training.device": device})
        torch.manual_seed(0)
        data = find_data(config)
        self.model = build_model(config, data.spec)
        engine = make_accelerator(device, precision)
        self.model.to(engine.device).train()
        prepare(self.model)
        self.state = TrainingState(config, self.model, engine, pairs=4, criterion="ssim")
        self.stepper = Stepper(self.state, engine)
        samples = PairDataset(data.train, JointTransform(config.data, data.spec, train=True))
        if getattr(self.model, "references", 0):
            kept = draw_samples(samples, self.model.references, seed=0)
            self.model.keep_reference({n: value.to(engine.device) for n, value in kept.items()})
        batch = collate([samples[(0, 0)], samples[(1, 0)]])
        self.batch = {name: value.to(engine.device) for name, value in batch.items()}

    def step(self):
        self.stepper.step([self.batch])
        self.state.progress.step += 1

    def losses(self, steps=3):
        found = []
        for _ in range(steps):
            self.step()
            found.append(self.stepper.means.read()[0])
        return found


def close(found, expected, rtol=2e-3, atol=1e-4):
    """Adam's first steps are signs of gradients, so that rounding grows from step to step."""
    for step, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        growth = 10 if step else 1
        assert_close(ours, theirs, rtol=growth * rtol, atol=growth * atol)


def lines(run):
    return [json.loads(line) for line in Path(f"runs/{run}/metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", TRAININGS)
def test_training_is_that_of_the_cpu(name):
    """In float32, channels last as by default on a GPU."""
    expected = Training(TRAININGS[name], "cpu").losses()
    close(Training(TRAININGS[name]).losses(), expected)
    found = Training(TRAININGS[name], prepare=use_channels_last).losses()
    close(found, expected)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("name", TRAININGS)
def test_half_precision_stays_near(name, precision):
    expected = Training(TRAININGS[name]).losses()
    found = Training(TRAININGS[name], precision=precision, prepare=use_channels_last).losses()
    close(found, expected, 0.02, 5e-3)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", ["pix2pix", "global", "features", "recomputed"])
def test_compiled_training_is_the_same(name, precision):
    torch._dynamo.reset()

    def compiled(model):
        use_channels_last(model)
        assert "compiled when" in compile_networks(model, CUDA)

    expected = Training(TRAININGS[name], precision=precision).losses()
    found = Training(TRAININGS[name], precision=precision, prepare=compiled).losses()
    close(found, expected, *(() if precision == "fp32" else (0.02, 5e-3)))
    torch._dynamo.reset()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", TRAININGS | OBJECTIVES)
def test_no_step_waits_for_the_gpu(name, precision):
    training = Training(
        (TRAININGS | OBJECTIVES)[name], precision=precision, prepare=use_channels_last
    )
    training.step()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        training.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_checkpointing_takes_less_memory():
    def peak(**more):
        torch.cuda.empty_cache()
        options = HD | {"model.width": 32, "data.scene_size": [256, 256], "model.n_blocks": 4}
        training = Training(options | more)
        training.step()
        torch.cuda.reset_peak_memory_stats()
        training.step()
        return torch.cuda.max_memory_allocated()

    plain = peak()
    assert peak(**{"training.activation_checkpointing": True}) < 0.8 * plain


@pytest.mark.parametrize("model", ["pix2pix", "pix2pixHD"])
def test_a_run_moves_between_devices_and_translates_alike(model):
    given = ["--model", model, *FEW, "training.batch_size=2"]
    assert main(["train", *given, "--run", "a", "--device", "cuda"]) == 0
    assert main(["train", "--resume", "a", "--device", "cpu", "--max-steps", "6"]) == 0
    assert main(["train", "--resume", "a", "--device", "cuda", "--max-steps", "8"]) == 0
    steps = [line for line in lines("a") if "g/adv" in line]
    assert [line["step"] for line in steps] == list(range(1, 9))
    assert all(np.isfinite(value) for line in steps for value in line.values())
    assert read_checkpoint(Path("runs/a/checkpoints/step-00000008.safetensors"))

    label = np.zeros((64, 64), np.uint8)
    label[32:] = 2
    Image.fromarray(label).save("label.png")
    ways = {"cpu": ["--device", "cpu"], "gpu": ["--device", "cuda"]}
    ways["graph"] = ["--device", "cuda", "--compile"]
    pictures = {}
    for name, way in ways.items():
        assert main(["translate", "label.png", "--run", "a", "--out", f"{name}.png", *way]) == 0
        pictures[name] = np.asarray(Image.open(f"{name}.png")).astype(int)
    for name in ("gpu", "graph"):
        assert np.abs(pictures[name] - pictures["cpu"]).max() <= 2
    torch._dynamo.reset()


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("name", GANS)
def test_models_of_noise_train_and_draw(name, precision):
    few = [*FEW, "training.batch_size=4", "data.flip=false"]
    given = ["--model", name, "--device", "cuda", "--precision", precision, "--run", "a"]
    assert main(["train", *given, *few]) == 0
    logged = [line for line in lines("a") if "d/real" in line]
    assert logged and all(np.isfinite(line["d/real"]) for line in logged)
    for device in ("cpu", "cuda"):
        grid = ["--grid", f"{device}.png", "--device", device]
        assert main(["generate", "--run", "a", "-n", "4", *grid]) == 0
    cpu, cuda = (np.asarray(Image.open(f"{d}.png")).astype(int) for d in ("cpu", "cuda"))
    assert np.abs(cpu - cuda).max() <= 2


def test_compiled_run_by_the_command_line(capsys):
    given = ["--model", "pix2pixHD", *FEW, "--device", "cuda", "--precision", "bf16"]
    assert main(["train", *given, "--run", "a", "--compile"]) == 0
    assert "compiled when" in capsys.readouterr().out
    assert all(np.isfinite(line["g/l1"]) for line in lines("a") if "g/l1" in line)
    torch._dynamo.reset()


def test_a_gallery_is_on_the_device_of_its_generator():
    for latents in (Latents(5, "normal", ("x", "y")), Latents(5, "uniform", (), 3, 2)):
        for _, row in latents.gallery(2, 4, torch.Generator(CUDA)):
            assert all(value.is_cuda for value in row.values())
