"""Gradients of two processes equal those of one with the batch of both, for every kind of network."""

from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from launches import torchrun
from safetensors.torch import load_file
from step_cases import CASES, SINGLE, train
from torch.testing import assert_close


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """The folder in which each of two processes wrote what came of every case."""
    folder = tmp_path_factory.mktemp("steps")
    script = Path(__file__).with_name("step_cases.py")
    result = torchrun(str(script), str(folder))
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def one_thread():
    """As each of torchrun's processes has: rounding in float32 may turn what an activation lets pass."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_two_processes_make_the_steps_of_one(case, two_processes, one_thread):
    both = [load_file(two_processes / f"{case}-{rank}.safetensors") for rank in (0, 1)]
    alone = train(case, Accelerator(cpu=True))
    assert both[0].keys() == both[1].keys() == alone.keys()
    bound = 1e-5 if case in SINGLE else 1e-9
    for name, value in alone.items():
        assert torch.equal(both[0][name], both[1][name]), name
        largest = max(1, float(value.abs().max()))
        assert_close(both[0][name], value, rtol=0, atol=bound * largest, msg=f"{name}: {{}}".format)


@pytest.mark.slow
def test_a_fixed_coarse_generator_has_no_gradients_until_it_is_free(two_processes):
    found = load_file(two_processes / "enhancer-coarse-fixed-then-free-1.safetensors")
    steps = {key.split("/")[1] for key in found if key.startswith("g/") and ".coarse." in key}
    assert steps == {"2", "3"}
