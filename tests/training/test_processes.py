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


# Runs the command line in every process, with something wrong in the main one alone, and stays
# until all processes are through: else the launcher would end the others by force.
FAILING = """
import os, sys, time
from pathlib import Path
from img2img.cli import main

rank = os.environ["RANK"]
if rank == "0":
    {sabotage}
code = main(["train", *sys.argv[1:]])
Path("exit-" + rank).write_text(str(code))
for _ in range(300):
    if Path("exit-" + str(1 - int(rank))).exists():
        break
    time.sleep(0.1)
sys.exit(code)
"""
SABOTAGE = {
    "validation": """
    from img2img.training.validation import Validator
    def unreadable(*_):
        from img2img.errors import DataError
        raise DataError("no such picture")
    Validator.run = unreadable
""",
    "checkpoint": """
    from img2img.training import checkpoint
    def full(*_): raise OSError("no space left")
    checkpoint.save_file = full
""",
    "download": """
    from img2img.models.pix2pixhd import Pix2PixHD
    from img2img.errors import ConfigError
    def no(_): raise ConfigError("no weights")
    Pix2PixHD.start_training = no
""",
}


@pytest.fixture
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def torchrun(*arguments, script=("-m", "--", "img2img", "train")):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    return subprocess.run(
        [*command, "--master_port", "29517", *script, *arguments],
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


@pytest.mark.parametrize("what", SABOTAGE)
def test_an_error_in_the_main_process_alone_ends_all(inside, what):
    script = inside / "failing.py"
    script.write_text(FAILING.format(sabotage=SABOTAGE[what].strip()))
    result = torchrun("--run", "two", *SETTINGS, script=("--", str(script)))
    codes = {name: (inside / name).read_text() for name in ("exit-0", "exit-1")}
    assert codes == {"exit-0": "2", "exit-1": "2"}, result.stderr
    assert "error: another process could not go on" in result.stderr
