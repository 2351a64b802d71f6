"""Two processes on the CPU: the same script under torchrun is one training with a larger batch."""

import json
import os
import subprocess
import sys

import pytest
from safetensors.torch import load_file

from img2img.cli import main

SETTINGS = [
    "--model",
    "pix2pixHD",
    "--device",
    "cpu",
    "--max-steps",
    "3",
    "model.width=4",
    "model.n_down=2",
    "model.n_blocks=1",
    "model.d_width=4",
    "model.weights.perceptual=0",
    "data.scene_size=[32, 32]",
    "data.scenes=8",
    "data.val_scenes=1",
    "data.flip=false",
    "training.workers=0",
    "training.log_every=1",
]


@pytest.fixture
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def torchrun(*arguments):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    return subprocess.run(
        [*command, "--master_port", "29517", "-m", "--", "img2img", "train", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )


def weights(run, step=3):
    tensors = load_file(f"runs/{run}/checkpoints/step-{step:08d}.safetensors")
    return {name: t for name, t in tensors.items() if name.startswith("model/")}, tensors


def test_two_processes_equal_one_with_twice_the_batch(inside):
    result = torchrun("--run", "two", *SETTINGS, "training.batch_size=1")
    assert result.returncode == 0, result.stderr
    assert "batch 1 on each of 2 processes" in result.stdout
    assert main(["train", "--run", "one", *SETTINGS, "training.batch_size=2"]) == 0
    (two, everything), (one, _) = weights("two"), weights("one")
    assert any(name.startswith("rng/1/") for name in everything)
    # Adam makes a step of the sign of a gradient: where it is float noise around 0, the two may
    # part, but not on average.
    drift = [(two[n] - one[n]).abs().mean() for n in one if n.endswith("conv.weight")]
    moved = 3 * 2e-4
    assert len(drift) > 10 and max(drift) < 0.05 * moved
    with open("runs/two/metrics.jsonl") as file:
        assert [json.loads(line)["step"] for line in file] == [1, 2, 3, 3]


def test_another_number_of_processes_is_refused_on_resume(inside, capsys):
    assert main(["train", "--run", "one", *SETTINGS]) == 0
    result = torchrun("--resume", "one", "--max-steps", "4")
    assert result.returncode != 0
    assert "began with processes 1" in result.stderr
