"""Compiled trainings and translations: as without, and where there is no compiler, without."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from test_fast_ways import HD, TRAININGS, Training
from test_recomputed_trainings import thin_vgg
from torch.testing import assert_close

from img2img.cli import main
from img2img.losses.matching import PerceptualLoss
from img2img.networks import compiling
from img2img.networks.channels_last import use_channels_last
from img2img.shortcuts import PLAIN

CPU = torch.device("cpu")
SMALLEST = [
    *("--model", "pix2pix", "--device", "cpu", "--max-steps", "4", "training.workers=0"),
    *("data.scene_size=[16, 16]", "data.scenes=4", "data.val_scenes=1", "training.log_every=1"),
    *("model.generator=resnet", "model.n_down=1", "model.n_blocks=0", "model.width=4"),
    *("model.d_width=4", "model.patch=1", "model.norm=batch"),
]


@pytest.fixture
def traced(monkeypatch):
    """The compiler up to the point where it would write C++: seconds instead of minutes."""
    monkeypatch.setattr(compiling, "BACKEND", "aot_eager")
    monkeypatch.setenv(PLAIN, "1")
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def compiled(model):
    assert "compiled when" in compiling.compile_networks(model, CPU)


def losses(run):
    lines = Path("runs", run, "metrics.jsonl").read_text().splitlines()
    steps = [json.loads(line) for line in lines]
    wanted = ("g/l1", "g/adv", "d/real", "d/fake")
    return [{name: s[name] for name in wanted} for s in steps if "g/l1" in s][:4]


def calls():
    from torch._dynamo.utils import counters

    return dict(counters["stats"]), dict(counters["graph_break"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["pix2pix", "global", "features", "accumulation", "recomputed", "vgg"]
)
def test_a_compiled_training_is_the_same(name, traced, fresh_engine):
    recomputed = {**HD, "training.activation_checkpointing": True, "training.accumulation": 2}
    options = {"recomputed": recomputed, "vgg": HD}.get(name) or TRAININGS[name]

    def perceive(model):
        if name == "vgg":
            model.perceptual = PerceptualLoss(thin_vgg())

    plain = Training(options, perceive)
    expected, names = plain.losses(), plain.model.state_dict().keys()
    training = Training(options, perceive)
    compiled(training.model)
    torch._dynamo.utils.counters.clear()
    found = training.losses()
    stats, breaks = calls()
    assert stats["unique_graphs"] >= 2 and not breaks
    assert training.model.state_dict().keys() == names
    for ours, theirs in zip(found, expected, strict=True):
        assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    if training.state.average:  # a copy of the networks, made before
        assert training.state.average.networks["generator"].state_dict().keys() == {
            key.removeprefix("generator.") for key in names if key.startswith("generator.")
        }


@pytest.mark.slow
def test_compiled_in_channels_last_at_two_sizes(traced, fresh_engine):
    def both(model):
        use_channels_last(model)
        compiled(model)

    options = [HD, {**HD, "data.scene_size": [48, 64]}]
    expected = [Training(o).losses(1) for o in options]
    training = Training(HD, both)
    found = [training.losses(1)]
    other = Training(options[1])
    training.batches, training.state.progress.step = other.batches, 0
    training.model.load_state_dict(other.model.state_dict())
    found.append(training.losses(1))
    for ours, theirs in zip(found, expected, strict=True):
        assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_what_cannot_be_compiled_runs_as_it_is(fresh_engine, monkeypatch):
    def only_small_ones(graph, inputs):
        if len(list(graph.graph.nodes)) > 8:
            raise RuntimeError("too large")
        return graph.forward

    monkeypatch.setattr(compiling, "BACKEND", only_small_ones)
    monkeypatch.setenv(PLAIN, "1")
    expected = Training(HD).losses(2)
    torch._dynamo.reset()
    training = Training(HD, compiled)
    for ours, theirs in zip(training.losses(2), expected, strict=True):
        assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    torch._dynamo.reset()


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="no C++ compiler")
def test_a_compiled_run_with_the_real_compiler(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    torch._dynamo.reset()
    assert main(["train", *SMALLEST, "--run", "plain"]) == 0
    assert main(["train", *SMALLEST, "--run", "fast", "--compile"]) == 0
    assert "compiled when" in capsys.readouterr().out
    assert main(["train", "--resume", "fast", "--max-steps", "5", "training.compile=false"]) == 0
    plain, fast = map(losses, ("plain", "fast"))
    assert len(plain) == len(fast) == 4
    assert_close(fast[0], plain[0], rtol=1e-4, atol=1e-5)
    assert_close(fast[3], plain[3], rtol=2e-2, atol=1e-3)
    last = "checkpoints/step-00000004.safetensors"
    weights = [load_file(tmp_path / "runs" / run / last).keys() for run in ("plain", "fast")]
    assert weights[0] == weights[1]
    torch._dynamo.reset()


@pytest.mark.slow
def test_without_a_compiler_there_is_one_message(tmp_path):
    environment = os.environ | {
        "CXX": "/nonsense/c++",
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache"),
    }
    command = [sys.executable, "-m", "img2img", "train", *SMALLEST, "--compile", "--run", "r"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the compiler does not work here") == 1
    assert "Traceback" not in done.stdout + done.stderr and "/nonsense/c++" in done.stdout
    assert (tmp_path / "runs/r/checkpoints/step-00000004.safetensors").is_file()
