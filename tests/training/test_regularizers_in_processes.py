"""Regularizers in two processes: the same networks in both, and resumed as if never interrupted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from launches import torchrun
from safetensors.torch import load_file

COMMON = [
    *("--data", "digits.csv", "--device", "cpu"),
    *("model.width=4", "model.d_width=4", "training.batch_size=2", "training.workers=0"),
    *("training.steps=6", "training.save_every=3", "training.samples=1", "data.flip=false"),
]
SETTINGS = [
    *("--model", "dcgan", *COMMON),
    *("model.norm=virtual", "model.d_norm=virtual", "model.references=3"),
    *("model.regularizers.instance_noise=0.2", "model.regularizers.instance_noise_steps=4"),
    *("model.regularizers.minibatch_discrimination=true", "model.regularizers.unrolled=2"),
]
# The command line in every process, each of which writes what its networks are after every step.
SCRIPT = """
import os, sys
from safetensors.torch import save_file
from img2img.cli import main
from img2img.training.stepper import Stepper

made = Stepper.step
def step(self, *args, **kwargs):
    made(self, *args, **kwargs)
    found = {name: value.clone() for name, value in self.model.state_dict().items()}
    save_file(found, f"{self.progress.step}-{os.environ['RANK']}.safetensors")
Stepper.step = step
sys.exit(main(["train", *sys.argv[1:]]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("regularizers"), SETTINGS)


def trained(folder, settings):
    """runs/whole, and runs/parted, which was stopped half-way and resumed, both of two processes."""
    rng = np.random.default_rng(0)
    rows = [",".join(map(str, [*rng.integers(0, 255, 256), n % 3])) for n in range(12)]
    (folder / "digits.csv").write_text("\n".join(rows))
    (folder / "script.py").write_text(SCRIPT)
    for arguments in (
        ["--run", "whole", *settings],
        ["--run", "parted", *settings, "--max-steps", "3"],
        ["--resume", "parted", "--max-steps", "6"],
    ):
        result = torchrun("script.py", *arguments, cwd=folder)
        assert result.returncode == 0, result.stderr
    return folder


@pytest.mark.slow
def test_both_processes_have_the_same_networks(folder):
    for step in range(6):
        both = [load_file(folder / f"{step}-{rank}.safetensors") for rank in (0, 1)]
        assert len(both[0]) == 20
        for name, value in both[0].items():
            assert torch.equal(value, both[1][name]), f"step {step}: {name}"
        assert all(value.isfinite().all() for value in both[0].values())


@pytest.mark.slow
def test_an_interrupted_training_is_the_uninterrupted_one(folder):
    assert_alike(folder)


@pytest.mark.slow
def test_each_process_goes_on_with_buffers_of_its_own(tmp_path):
    """BEGAN's k follows the errors of a process's own batches."""
    whole = assert_alike(trained(tmp_path, ["--model", "began", *COMMON, "model.k_rate=0.1"]))
    for step in range(6):
        first, second = (load_file(tmp_path / f"{step}-{rank}.safetensors") for rank in (0, 1))
        other = {name for name, value in first.items() if not torch.equal(value, second[name])}
        assert other == {"discriminator.k"}
    assert [name for name in whole if name.startswith("buffers/")] == ["buffers/1/discriminator.k"]


def assert_alike(folder):
    """Both runs ended with the same checkpoint, which is returned."""
    whole, parted = (
        load_file(folder / "runs" / run / Path("checkpoints/step-00000006.safetensors"))
        for run in ("whole", "parted")
    )
    assert whole.keys() == parted.keys()
    for name, value in whole.items():
        assert torch.equal(value, parted[name]), name
    return whole
