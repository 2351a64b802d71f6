"""A process knows how many it is one of, and notices when a launcher promised more."""

import os
import re
import subprocess
import sys

import pytest
import torch
from accelerate import PartialState

from img2img.cli import main
from img2img.distributed.launching import (
    introduction,
    leftovers,
    promised,
    rank,
    require_all,
    require_gpus,
)
from img2img.errors import ConfigError
from img2img.runs.checkpoint import read_checkpoint

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


RUNS = ("plain", "strays")
LAUNCHED = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1"}


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
    require_gpus(2, {**LAUNCHED, "LOCAL_WORLD_SIZE": "2"})
    require_gpus(1, {})
    with pytest.raises(ConfigError, match="3 processes on this machine, but 2 of its GPUs"):
        require_gpus(2, {**LAUNCHED, "LOCAL_WORLD_SIZE": "3"})
    require_gpus(2, {"LOCAL_WORLD_SIZE": "3"})  # left behind by a launcher


def test_only_a_launched_process_introduces_itself():
    state = PartialState(cpu=True)
    assert introduction(state, {}) == ""
    assert introduction(state, {"RANK": "0"}) == ""  # left behind by a launcher
    alone = {**LAUNCHED, "RANK": "0", "WORLD_SIZE": "1"}
    assert introduction(state, alone).startswith("process 1 of 1 (")


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, []),
        (LAUNCHED, []),
        ({"LOCAL_RANK": "0"}, ["LOCAL_RANK"]),
        ({"RANK": "3"}, ["RANK"]),
        ({"RANK": "x", "WORLD_SIZE": "1"}, ["RANK", "WORLD_SIZE"]),
        ({"ACCELERATE_USE_DEEPSPEED": "true"}, ["ACCELERATE_USE_DEEPSPEED"]),
        ({**LAUNCHED, "ACCELERATE_USE_FSDP": "true"}, ["ACCELERATE_USE_FSDP"]),
        ({"ACCELERATE_DYNAMO_BACKEND": "no", "ACCELERATE_USE_FSDP": "false"}, []),
        (
            {"ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "4"},
            ["ACCELERATE_GRADIENT_ACCUMULATION_STEPS"],
        ),
    ],
)
def test_what_a_launcher_left_behind_is_not_believed(environment, found):
    assert leftovers(environment) == found
    assert rank(environment) == (1 if environment.keys() >= LAUNCHED.keys() else 0)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"WORLD_SIZE": "2"}, "there is no RANK and no LOCAL_RANK and no MASTER_ADDR. Start"),
        (
            {"WORLD_SIZE": "2", "RANK": "0"},
            "^error: WORLD_SIZE=2 in .* but there is no LOCAL_RANK and no MASTER_ADDR",
        ),
        (
            {**LAUNCHED, "RANK": "3"},
            "RANK=3, LOCAL_RANK=1, WORLD_SIZE=3 in the environment: no such",
        ),
        ({**LAUNCHED, "LOCAL_RANK": "x"}, "LOCAL_RANK=x, .*not all are numbers; unset them"),
    ],
)
@pytest.mark.parametrize("command", ["train", "translate"])
def test_promises_that_nobody_keeps_are_named(
    tmp_path, monkeypatch, capsys, command, environment, said
):
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    arguments = {"train": ["--run", "r", *TINY], "translate": ["x.png"]}[command]
    assert main([command, *arguments]) == 2
    assert re.search(said, capsys.readouterr().err)
    assert not (tmp_path / "runs").exists()


def test_a_stray_variable_changes_no_training(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--run", "plain", *TINY]) == 0
    strays = {"LOCAL_RANK": "0", "RANK": "5", "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "4"}
    for name, value in {**strays, "ACCELERATE_USE_DEEPSPEED": "true"}.items():
        monkeypatch.setenv(name, value)
    capsys.readouterr()
    assert main(["train", "--run", "strays", *TINY]) == 0
    said = capsys.readouterr().out
    assert (
        "not used: ACCELERATE_USE_DEEPSPEED=true, ACCELERATE_GRADIENT_ACCUMULATION_STEPS=4" in said
    )
    assert "RANK=5, LOCAL_RANK=0 in the environment, which a launcher left behind" in said
    runs = [read_checkpoint(next((tmp_path / "runs" / name).rglob("step-*"))) for name in RUNS]
    states = [run.networks()["generator"] for run in runs]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


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
