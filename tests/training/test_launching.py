"""A process knows how many it is one of, and notices when a launcher promised more."""

import os
import subprocess
import sys

import pytest
from accelerate import PartialState

from img2img.cli import main
from img2img.distributed.launching import introduction, promised, require_all, require_gpus
from img2img.errors import ConfigError

TINY = [
    "--model=pix2pix",
    "--device=cpu",
    "--max-steps=1",
    "model.width=4",
    "model.d_width=4",
    "model.patch=16",
    "data.scene_size=[32, 32]",
    "data.scenes=2",
    "data.val_scenes=1",
    "training.workers=0",
]


@pytest.mark.parametrize(
    ("environment", "number"),
    [
        ({}, 1),
        ({"WORLD_SIZE": "4", "RANK": "3"}, 4),
        ({"OMPI_COMM_WORLD_SIZE": "3"}, 3),
        ({"SLURM_STEP_NUM_TASKS": "2", "WORLD_SIZE": "16"}, 16),  # torchrun on each of two nodes
        ({"SLURM_NTASKS": "2"}, 1),  # of an allocation; no step has been started
    ],
)
def test_what_launchers_promise(environment, number):
    assert promised(environment) == number
    require_all(number, environment)
    if number > 1:
        with pytest.raises(ConfigError, match=f"there are {number} processes"):
            require_all(1, environment)


def test_more_processes_than_gpus_are_refused():
    require_gpus(2, {"LOCAL_WORLD_SIZE": "2"})
    require_gpus(1, {})
    with pytest.raises(ConfigError, match="3 processes on this machine, but 2 of its GPUs"):
        require_gpus(2, {"LOCAL_WORLD_SIZE": "3"})


def test_only_a_launched_process_introduces_itself():
    state = PartialState(cpu=True)
    assert introduction(state, {}) == ""
    assert introduction(state, {"RANK": "0"}).startswith("process 1 of 1 (")


def test_a_single_process_in_a_step_of_several_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    assert main(["train", "--run", "alone", *TINY]) == 2
    assert "SLURM_STEP_NUM_TASKS=2), but this one is alone" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def accelerate_launch(folder, *flags):
    return subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", *flags]
        + ["-m", "img2img", "train", "--run", "one", *TINY],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )


@pytest.mark.slow
def test_accelerate_launching_one_process_instead_of_two_is_noticed(tmp_path):
    result = accelerate_launch(tmp_path, "--cpu", "--num_processes", "2")
    assert result.returncode != 0
    assert "error: `accelerate launch` was told of several processes, but" in result.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_accelerate_launching_one_process(tmp_path):
    result = accelerate_launch(tmp_path, "--cpu", "--num_processes", "1")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("process 1 of 1 (")
