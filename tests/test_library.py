"""The toolkit as a library: `import img2img` in a program, a notebook, a thread."""

import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from launches import torchrun
from safetensors.torch import load_file

import img2img
from img2img.errors import CheckpointError, ConfigError, DataError

ROOT = Path(__file__).resolve().parents[1]
TINY = {
    "model": "pix2pix",
    "model.width": 4,
    "model.d_width": 4,
    "model.patch": 16,
    "data": {"scene_size": [32, 32], "scenes": 3, "val_scenes": 1},
    "training": {"device": "cpu", "workers": 0, "max_steps": 4, "log_every": 1},
}


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_import_is_light():
    code = (
        "import sys, img2img\n"
        "assert {'load', 'train', 'networks', 'losses'} <= set(dir(img2img))\n"
        "heavy = {'torch', 'numpy', 'pydantic', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "try: img2img.nothing\n"
        "except AttributeError: pass\n"
        "else: raise AssertionError\n"
        "assert img2img.errors.ConfigError and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_trains_and_translates():
    run = img2img.train(TINY, run="first")
    assert run.path.is_absolute()
    assert run.path.samefile("runs/first")
    label = np.zeros((32, 32), np.int64)
    picture = img2img.load(run, device="cpu").translate(label)
    assert picture.shape == (32, 32, 3)
    assert (img2img.load("first", device="cpu").translate(label) == picture).all()


def test_what_a_step_says():
    seen = []
    run = img2img.train(TINY, run="run", on_step=lambda step, losses: seen.append((step, losses)))
    assert [step for step, _ in seen] == [1, 2, 3, 4]
    for _, losses in seen:
        assert all(value.dim() == 0 and not value.requires_grad for value in losses.values())
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    logged = {line["step"]: line for line in lines if "g/l1" in line}
    for step, losses in seen:
        for name, value in losses.items():  # the log has six digits
            assert math.isclose(float(value), logged[step][name], rel_tol=1e-5)


def test_a_step_of_several_batches_says_their_mean():
    seen = []
    settings = {**TINY, "training.accumulation": 3, "training.max_steps": 1}
    run = img2img.train(settings, run="run", on_step=lambda _, losses: seen.append(losses))
    line = json.loads((run.path / "metrics.jsonl").read_text().splitlines()[0])
    assert math.isclose(float(seen[0]["g/l1"]), line["g/l1"], rel_tol=1e-5)


def test_enough_is_saved_and_gone_on_with_exactly():
    whole = img2img.train(TINY, run="whole")
    steps = []

    def until_two(step, losses):
        steps.append(step)
        return step < 2

    parts = img2img.train(TINY, run="parts", on_step=until_two)
    assert steps == [1, 2]
    again = img2img.train(run=parts, resume=True, on_step=lambda step, _: steps.append(step))
    assert again == parts
    assert steps == [1, 2, 3, 4]
    assert_same_weights(whole, parts)


def test_resumed_with_other_settings(inside):
    settings = {**TINY, "training.max_steps": 1}
    run = img2img.train(settings, run="run")
    img2img.train({"training": {"max_steps": 2}}, run=run, resume=True)
    assert (run.path / "checkpoints" / "step-00000002.safetensors").is_file()
    with pytest.raises(ConfigError, match=r"model\.width"):
        img2img.train({"model.width": 8}, run=run, resume=True)
    with pytest.raises(ConfigError, match="own config"):
        img2img.train("some.yaml", run=run, resume=True)
    with pytest.raises(ConfigError, match="own config"):
        img2img.train(run=run, resume=True, overwrite=True)


def assert_same_weights(first, second, step=4):
    a, b = (load_file(r.path / f"checkpoints/step-{step:08d}.safetensors") for r in (first, second))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_file_a_mapping_and_a_config_are_one(inside):
    first = img2img.train(TINY, run="first")
    second = img2img.train(first.path / "config.yaml", run="second")
    assert_same_weights(first, second)
    nested = {"model": {"name": "pix2pix", "width": 4, "d_width": 4, "patch": 16}}
    third = img2img.train({**nested, "data": TINY["data"], "training": TINY["training"]}, run="c")
    assert_same_weights(first, third)


def test_own_data(inside):
    from PIL import Image

    folder = inside / "pairs"
    for side in ("A", "B"):
        (folder / side).mkdir(parents=True)
        for number in range(2):
            noise = np.random.default_rng(number).integers(0, 255, (32, 32, 3), np.uint8)
            Image.fromarray(noise).save(folder / side / f"{number}.png")
    settings = {**TINY, "data": {}, "training.max_steps": 1}
    run = img2img.train(settings, data=folder, run=inside / "out" / "run")
    assert run.path == inside / "out" / "run"
    photo = np.zeros((32, 32, 3), np.uint8)
    assert img2img.load(run, device="cpu").translate(photo).shape == (32, 32, 3)


def test_mistakes_are_exceptions(inside):
    with pytest.raises(ConfigError, match="did you mean 'width'"):
        img2img.train({**TINY, "model.widht": 4})
    with pytest.raises(ConfigError, match="no model is named"):
        img2img.train({})
    with pytest.raises(ConfigError, match=r"missing\.yaml"):
        img2img.train(inside / "missing.yaml")
    with pytest.raises(DataError):
        img2img.train({**TINY, "data": {}}, data=inside / "nowhere", run="x")
    assert not (inside / "runs").exists()
    img2img.train({**TINY, "training.max_steps": 1}, run="there")
    with pytest.raises(ConfigError, match="exists"):
        img2img.train(TINY, run="there")
    with pytest.raises(CheckpointError):
        img2img.load("nobody")


def test_an_error_of_the_callers_own_passes_through():
    def fail(step, losses):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        img2img.train(TINY, run="run", on_step=fail)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.slow
def test_the_process_is_as_before():
    """Signal handlers, random states, environment, modes, threads; Accelerate in another precision."""
    own = Accelerator(cpu=True, mixed_precision="bf16")
    own_part = {"process": AcceleratorState().mixed_precision}
    img2img.train({**TINY, "training.max_steps": 1}, run="warm")  # what imports leave is no concern
    torch.manual_seed(5)

    def state():
        return (
            [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
            torch.get_rng_state().tolist(),
            random.getstate(),
            np.random.get_state()[1].tolist(),
            dict(os.environ),
            os.getcwd(),
            torch.is_grad_enabled(),
            torch.get_num_threads(),
            torch.get_default_dtype(),
            threading.active_count(),
        )

    before = state()
    img2img.train({**TINY, "training.precision": "fp32"}, run="again")
    assert state() == before
    assert own.mixed_precision == own_part["process"] == "bf16"


def test_in_a_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(img2img.train(TINY, run="run")))
    thread.start()
    thread.join()
    assert img2img.load(found[0], device="cpu").spec


def test_an_interrupt_is_saved_and_then_raised():
    def interrupt(step, losses):
        if step == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        img2img.train(TINY, run="run", on_step=interrupt)
    run = img2img.train(run="run", resume=True)
    assert_same_weights(run, img2img.train(TINY, run="whole"))


@pytest.mark.slow
def test_in_two_processes_one_that_has_enough_ends_both(inside):
    script = inside / "train.py"
    script.write_text(
        "import json, os, img2img\n"
        f"settings = json.loads({json.dumps(json.dumps({**TINY, 'training.max_steps': 6}))})\n"
        "rank, seen = os.environ['RANK'], []\n"
        "def on_step(step, losses):\n"
        "    seen.append(step)\n"
        "    return not (rank == '1' and step == 2)\n"
        "run = img2img.train(settings, run='run', on_step=on_step)\n"
        "assert seen == [1, 2], seen\n"
    )
    found = torchrun(str(script), environment={"PYTHONPATH": str(ROOT)})
    assert found.returncode == 0, found.stderr
    assert [path.stem for path in (inside / "runs/run/checkpoints").iterdir()] == ["step-00000002"]
