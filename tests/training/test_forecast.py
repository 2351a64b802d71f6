"""Forecasts against counts by hand and against a real training; what the command line says."""

import json
import mmap
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState

from img2img.cli import main
from img2img.config import load_config
from img2img.data.describe import describe_data
from img2img.distributed.engine import make_accelerator
from img2img.models import OPTIONS, build_model
from img2img.training.forecast import forecast, free_memory, held_memory
from img2img.training.memory import (
    ACTIVATIONS,
    AVERAGE,
    FROZEN,
    OPTIMIZER,
    PARAMETERS,
)

ROOT = Path(__file__).resolve().parents[2]
SMALL = {
    "training.device": "cpu",
    "model.width": 8,
    "model.d_width": 8,
    "data.scene_size": (64, 64),
    "data.scenes": 4,
    "data.val_scenes": 1,
}
PIX2PIX = {**SMALL, "model": "pix2pix", "model.patch": 16}
HD = {**SMALL, "model": "pix2pixHD", "model.n_down": 2, "model.weights.perceptual": 0}


def foresee(options):
    config = load_config(OPTIONS, overrides=options)
    AcceleratorState._reset_state(reset_partial_state=True)  # another precision may come
    accelerator = make_accelerator("cpu", config.training.precision)
    return forecast(config, describe_data(config.data), accelerator)


def real_model(options):
    config = load_config(OPTIONS, overrides=options)
    return build_model(config, describe_data(config.data).spec)


def test_parameters_and_what_goes_with_them_are_exact():
    found = foresee({**PIX2PIX, "training.ema": 0.9, "model.norm": "batch"})
    model = real_model({**PIX2PIX, "model.norm": "batch"})
    parameters = list(model.parameters())
    buffers = sum(b.nbytes for b in model.buffers())
    count = sum(p.numel() for p in parameters)
    assert found.parts[PARAMETERS] == 4 * count + buffers
    # Two moments and a step for each parameter tensor.
    assert found.parts[OPTIMIZER] == 2 * 4 * count + 4 * len(parameters)
    generator = model.generator.state_dict().values()
    assert found.parts[AVERAGE] == sum(t.nbytes for t in generator)
    assert found.parts[FROZEN] == 0
    assert found.peak == sum(found.parts.values())


@pytest.mark.slow
def test_the_perceptual_loss_is_counted_without_its_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    without, found = foresee(HD), foresee({**HD, "model.weights.perceptual": 10})
    # VGG19 up to relu5_1: a bias and 3x3 weights for every channel.
    widths = [3, 64, 64, 128, 128, *[256] * 4, *[512] * 5]
    count = sum(b * (9 * a + 1) for a, b in pairwise(widths))
    norm = 2 * 3  # ImageNet's mean and deviation
    assert found.parts[FROZEN] - without.parts[FROZEN] == 4 * (count + norm)
    assert found.parts[ACTIVATIONS] > without.parts[ACTIVATIONS]
    assert found.remarks == (
        "perceptual loss: vgg19 with weights from a download (off where that fails)",
    )
    assert not list(tmp_path.iterdir())  # nothing was downloaded


@pytest.mark.slow
def test_activations_grow_with_the_batch_and_not_with_accumulation():
    one, two, four = (
        foresee({**PIX2PIX, "training.batch_size": size}).parts[ACTIVATIONS] for size in (1, 2, 4)
    )
    assert four - two == pytest.approx(2 * (two - one), rel=0.02)
    assert four > 3 * one
    several = foresee({**PIX2PIX, "training.accumulation": 4}).parts[ACTIVATIONS]
    assert one < several < 2 * one


@pytest.mark.slow
def test_activations_grow_with_the_pictures():
    small = foresee(HD).parts[ACTIVATIONS]
    large = foresee({**HD, "data.scene_size": (128, 128)}).parts[ACTIVATIONS]
    assert large == pytest.approx(4 * small, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("model", [PIX2PIX, HD], ids=["pix2pix", "pix2pixHD"])
def test_checkpointing_saves_activations(model):
    large = {**model, "data.scene_size": (128, 128)}
    before = foresee(large).parts[ACTIVATIONS]
    after = foresee({**large, "training.activation_checkpointing": True}).parts[ACTIVATIONS]
    assert after < 0.75 * before


@pytest.mark.slow
def test_half_the_precision_needs_less():
    whole = foresee({**HD, "data.scene_size": (128, 128)})
    half = foresee({**HD, "data.scene_size": (128, 128), "training.precision": "bf16"})
    assert half.parts[PARAMETERS] == whole.parts[PARAMETERS]
    assert half.parts[ACTIVATIONS] < 0.85 * whole.parts[ACTIVATIONS]


@pytest.mark.parametrize(
    "options",
    [
        {"model.features": True, "model.e_width": 8},
        {"model.generator": "enhancer", "model.coarse_fixed_epochs": 10},
        {"model.generator": "unet", "data.crop": (50, 60), "training.ema": 0.9},
        {
            "data.ignore_id": 3,
            "training.accumulation": 2,
            "training.activation_checkpointing": True,
        },
    ],
    ids=["features", "enhancer", "padded", "accumulation"],
)
def test_every_kind_of_training_can_be_forecast(options):
    found = foresee({**HD, **options})
    assert all(found.parts[use] > 0 for use in (PARAMETERS, OPTIMIZER, ACTIVATIONS))


@pytest.mark.slow
def test_whole_pictures_in_validation_can_need_the_most():
    cropped = {**HD, "data.scene_size": (512, 512), "data.crop": (32, 32)}
    found = foresee(cropped)
    assert found.validating and found.size == (512, 512)
    found = foresee({**cropped, "training.val_pairs": 0, "training.samples": 0})
    assert not found.validating and found.size == (32, 32)


def test_forecasting_leaves_the_random_state_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    foresee({**PIX2PIX, "training.activation_checkpointing": True})
    assert torch.equal(torch.get_rng_state(), before)


def test_free_and_held_memory():
    device = torch.device("cpu")
    held, free = held_memory(device), free_memory(device)
    size = 200_000_000
    with mmap.mmap(-1, size) as block:  # not of the heap, which may have room from before
        block[:: mmap.PAGESIZE] = bytes(-(-size // mmap.PAGESIZE))
        assert held_memory(device) - held == pytest.approx(size, rel=0.05)
    assert free > 2**20


def limited(folder, megabytes):
    """A folder like that in which the system tells a container's limit."""
    (folder / "memory.max").write_text(f"{megabytes * 10**6}\n")
    (folder / "memory.current").write_text("1000000\n")
    return folder


def test_a_containers_limit_counts(tmp_path, monkeypatch):
    monkeypatch.setattr("img2img.training.forecast.CGROUP", limited(tmp_path, 101))
    assert free_memory(torch.device("cpu")) == 100 * 10**6
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(torch.device("cpu")) > 100 * 10**6


ARGUMENTS = [f"{key}={list(v) if isinstance(v, tuple) else v}" for key, v in PIX2PIX.items()]


def test_a_dry_run_says_what_would_be_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--dry-run", "--run", "first", *ARGUMENTS]) == 0
    out = capsys.readouterr().out
    found = foresee(PIX2PIX)
    assert "training runs/first on cpu (auto: fp32): discriminator" in out
    assert "in a step on a batch of 1 at 64x64:" in out
    for use, size in {**found.parts, "in all": found.peak}.items():
        assert size == 0 or f"  {use:24} {size / 1e9:.2f} GB" in out
    assert out.endswith("dry run: nothing was written\n")
    assert not list(tmp_path.iterdir())


def test_a_training_is_warned_before_its_first_step(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    short = [*ARGUMENTS, "training.workers=0", "training.max_steps=1"]
    assert main(["train", "--run", "enough", *short]) == 0
    assert "of memory" not in capsys.readouterr().out
    monkeypatch.setattr("img2img.training.forecast.CGROUP", limited(tmp_path, 101))
    assert main(["train", "--run", "short", *short]) == 0
    need = f"{foresee(PIX2PIX).peak / 1e9:.2f} GB"
    told = f"WARNING: this training is going to need {need} of memory, but 0.10 GB are free; "
    out = capsys.readouterr().out
    assert told in out and out.index(told) < out.index("done: 1 step")


def test_a_dry_run_meets_the_mistakes_that_a_training_would(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--dry-run", *ARGUMENTS, "training.batch_siez=2"]) == 2
    assert "did you mean 'batch_size'" in capsys.readouterr().err
    assert main(["train", "--dry-run", "--data", "nowhere", *ARGUMENTS]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak from /proc")
def test_the_forecast_is_near_the_peak_of_a_real_training():
    """The tool that measures docs/performance.md, on a training of a few seconds."""
    options = {
        **SMALL,
        "model": "pix2pix",
        "model.width": 16,
        "data.scene_size": (256, 256),
        "training.batch_size": 2,
        "training.max_steps": 3,
    }
    given = [f"{key}={list(v) if isinstance(v, tuple) else v}" for key, v in options.items()]
    tool = str(ROOT / "tools" / "benchmark_memory.py")
    done = subprocess.run(
        [sys.executable, tool, "--inside", "measure", *given], stdout=subprocess.PIPE, text=True
    )
    assert done.returncode == 0
    peak = json.loads(done.stdout.splitlines()[-1])["peak"]
    assert foresee(options).peak == pytest.approx(peak, rel=0.3)


EXHAUSTING = """
import resource, sys
import torch, torch._dynamo, torch.utils.tensorboard, torchvision.models, torchmetrics, lpips
from img2img.cli import main
import img2img.training.session
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 1_000_000_000, resource.RLIM_INFINITY))
sys.exit(main(["train", "--run", "large", "training.batch_size=256", *sys.argv[1:]]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the process's memory")
def test_too_little_memory_is_told_with_what_helps(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", EXHAUSTING, *ARGUMENTS, "data.scenes=256", "training.workers=0"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 2, done.stderr
    assert "error: the memory does not suffice" in done.stderr
    assert "--fit" in done.stderr and "Traceback" not in done.stderr
