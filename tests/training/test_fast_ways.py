"""Ways to the same training in less time, on the CPU: what they change, and that no step waits."""

import pytest
import torch
from accelerate import Accelerator
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from img2img import shortcuts
from img2img.cli import main
from img2img.config import load_config
from img2img.data.describe import describe_data
from img2img.data.loader import PairDataset, collate
from img2img.data.transforms import JointTransform
from img2img.models import OPTIONS, build_model
from img2img.networks.channels_last import as_channels_last, is_channels_last, use_channels_last
from img2img.runs.checkpoint import read_checkpoint
from img2img.shortcuts import PLAIN
from img2img.training.session import Session
from img2img.training.state import TrainingState
from img2img.training.stepper import Stepper

SMALL = {
    "model.width": 4,
    "model.d_width": 4,
    "training.device": "cpu",
    "data.scene_size": [32, 32],
    "data.scenes": 4,
    "data.val_scenes": 1,
}
HD = {"model": "pix2pixHD", "model.n_down": 2, "model.n_blocks": 1, "model.num_D": 2}
TRAININGS = {
    "pix2pix": {"model": "pix2pix", "model.patch": 16, "model.dropout": 0.0},
    "batch-norm": {"model": "pix2pix", "model.patch": 16, "model.norm": "batch"},
    "global": HD,
    "features": {**HD, "model.features": True, "model.e_width": 4, "model.e_down": 1},
    "accumulation": {**HD, "training.accumulation": 2, "training.ema": 0.9},
}


class Training:
    """A training without a run folder; `model`, `stepper` and two `batches`."""

    def __init__(self, options, prepare=lambda model: None):
        config = load_config(OPTIONS, overrides={**SMALL, **options})
        torch.manual_seed(0)
        data = describe_data(config.data)
        self.model = build_model(config, data.spec).train()
        prepare(self.model)
        engine = Accelerator(cpu=True, mixed_precision="no")
        self.state = TrainingState(config, self.model, engine, pairs=4, criterion="ssim")
        self.stepper = Stepper(self.state, engine)
        pairs = PairDataset(data.train, JointTransform(config.data, data.spec, train=True))
        self.batches = [collate([pairs[(i, 0)], pairs[(i + 1, 0)]]) for i in (0, 2)]

    def step(self, **how):
        several = self.state.config.training.accumulation > 1
        group = self.batches if several else [self.batches[self.state.progress.step % 2]]
        self.stepper.step(group, **how)
        self.state.progress.step += 1

    def losses(self, steps=3):
        """Of each step."""
        found = []
        for _ in range(steps):
            self.step()
            found.append(self.stepper.means.read()[0])
        return found


class Waiting(TorchDispatchMode):
    """Notes what would make the processor wait for a GPU: reading values, or counts of them."""

    READS = ("_local_scalar_dense", "nonzero", "unique", "masked_select", "equal.default")

    def __init__(self):
        super().__init__()
        self.waits = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if any(name in str(func) for name in self.READS):
            self.waits.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", TRAININGS)
def test_no_step_waits_for_the_device(name, fresh_engine, monkeypatch):
    monkeypatch.setattr("img2img.labels._require_ids", lambda *_: None)  # on the CPU alone
    training = Training(TRAININGS[name])
    training.step()
    with Waiting() as found:
        training.step(observed=True)
    assert not found.waits
    with Waiting() as found:
        training.stepper.means.read()
        training.stepper.guard.read()
    assert len(found.waits) > 4  # the log is where one waits


@pytest.mark.parametrize("name", TRAININGS)
def test_channels_last_trains_alike(name, fresh_engine, monkeypatch):
    monkeypatch.setenv(PLAIN, "1")
    expected = Training(TRAININGS[name]).losses()
    training = Training(TRAININGS[name], use_channels_last)
    training.batches = [
        {key: as_channels_last(value) for key, value in batch.items()} for batch in training.batches
    ]
    inputs = []
    training.model.discriminator.register_forward_pre_hook(lambda _, given: inputs.extend(given))
    found = training.losses()
    assert inputs and all(map(is_channels_last, inputs))
    weights = [p for p in training.model.parameters() if p.dim() == 4 and min(p.shape) > 1]
    moments = training.state.optimizers["d"].state
    assert weights and all(map(is_channels_last, weights))
    assert all(v["exp_avg"].stride() == p.stride() for p, v in moments.items())
    for ours, plain in zip(found, expected, strict=True):
        assert_close(ours, plain, rtol=2e-3, atol=1e-4)


@pytest.mark.slow
def test_a_run_goes_on_exactly_in_channels_last(tmp_path, monkeypatch):
    monkeypatch.setenv(PLAIN, "1")
    monkeypatch.chdir(tmp_path)
    given = ["--model", "pix2pix", "training.workers=0", "training.memory_format=channels_last"]
    given += [
        f"{key}={value}" for key, value in (SMALL | TRAININGS["pix2pix"]).items() if "." in key
    ]
    assert main(["train", *given, "--run", "whole", "--max-steps", "4"]) == 0
    assert main(["train", *given, "--run", "parts", "--max-steps", "2"]) == 0
    assert main(["train", "--resume", "parts", "--max-steps", "4"]) == 0
    last = "checkpoints/step-00000004.safetensors"
    whole, parts = (read_checkpoint(tmp_path / "runs" / n / last) for n in ("whole", "parts"))
    ours, theirs = parts.tensors(""), whole.tensors("")
    assert ours.keys() == theirs.keys() and len(ours) > 50
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    # Nothing of it is in the files: they go on in the other layout, too.
    monkeypatch.delenv(PLAIN)
    first = "training.memory_format=channels_first"
    assert main(["train", "--resume", "parts", "--max-steps", "5", first]) == 0


def test_a_run_records_that_it_has_no_fast_ways(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load_config(OPTIONS, overrides={"model": "pix2pix"})
    assert not Session.new(config, "a").config.training.reference_mode
    monkeypatch.setenv(PLAIN, "1")
    assert Session.new(config, "a").config.training.reference_mode
    monkeypatch.delenv(PLAIN)
    assert shortcuts.allowed()
    tiny = ["data.scenes=2", "data.val_scenes=1", "training.workers=0", "training.samples=0"]
    tiny += ["model.width=4", "model.d_width=4", "--device=cpu", "--max-steps=1"]
    seen = []
    monkeypatch.setattr(Stepper, "set_learning_rate", lambda *_: seen.append(shortcuts.allowed()))
    how = ["--model=lsgan", "--run=a", "training.reference_mode=true", *tiny]
    assert main(["train", *how, "training.batch_size=2"]) == 0
    assert seen == [False] and shortcuts.allowed()
    assert "reference_mode: true" in (tmp_path / "runs/a/config.yaml").read_text()
