"""Logs, sheets and the best checkpoint are those of an uninterrupted training, whatever interrupts it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import img2img
from img2img.cli import main
from img2img.runs.folder import last_checkpoint

SETTINGS = {
    "model": "pix2pix",
    "model.width": 4,
    "model.d_width": 4,
    "model.depth": 4,
    "data.scenes": 5,
    "data.val_scenes": 2,
    "data.scene_size": (32, 32),
    "training.steps": 12,
    "training.log_every": 3,
    "training.validate_every": 4,
    "training.save_every": 5,
    "training.samples": 1,
    "training.workers": 0,
    "training.device": "cpu",
    "training.lpips_weights": "none",
}


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kept(run):
    """What a run leaves for people to read, by name, and its best weights."""
    files = [*Path(run, "samples").iterdir(), Path(run, "metrics.jsonl"), Path(run, "health.jsonl")]
    best = Path(run, "checkpoints/best.safetensors")
    return {path.name: path.read_bytes() for path in [*files, *([best] if best.exists() else [])]}


@pytest.fixture(scope="module")
def whole(made_once):
    def make(root):
        img2img.train(SETTINGS, run=str(root / "run"))

    return kept(made_once("logged-whole", make) / "run")


@pytest.mark.parametrize("stops", [(1, 7), (4, 11), (5,)], ids=str)
def test_a_stop_leaves_no_trace(whole, stops):
    for step in stops:
        start = {"run": "./run", "resume": True} if Path("run").exists() else {"run": "./run"}
        img2img.train(
            {} if "resume" in start else SETTINGS, **start, on_step=lambda n, _, s=step: n < s
        )
    img2img.train(run="./run", resume=True)
    assert kept("run") == whole


@pytest.mark.parametrize(
    "moment", ["validator.run", "state.save_best", "tracker.sheet", "tracker.scalars"]
)
def test_what_a_killed_validation_leaves_is_made_up_for(whole, moment):
    """Killed in the validation after step 8, at several moments: as by kill -9, nothing runs after it."""
    code = f"""
import os, sys
import img2img
from img2img.training.trainer import Trainer
moment = {moment!r}
real = Trainer._validate

def validate(self, tracker):
    if self.progress.step == 8:
        owner, name = moment.split(".")
        thing = tracker if owner == "tracker" else getattr(self, owner)
        setattr(thing, name, lambda *a, **k: os._exit(137))
    real(self, tracker)

Trainer._validate = validate
img2img.train({SETTINGS!r}, run="./run")
"""
    path = os.pathsep.join(p for p in sys.path if p)
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 137 and last_checkpoint(Path("run")).meta["step"] == 8
    img2img.train(run="./run", resume=True)
    assert kept("run") == whole


def start(*arguments, **how):
    path = os.pathsep.join(p for p in sys.path if p)
    settings = [f"{key}={list(v) if isinstance(v, tuple) else v}" for key, v in SETTINGS.items()]
    settings = [
        s for s in settings if not s.startswith(("model=", "training.steps", "training.device"))
    ]
    command = [sys.executable, "-m", "img2img", "train", "--model", "pix2pix", "--run", "./run"]
    command += ["--device", "cpu", *settings, "training.steps=100000", *arguments]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, text=True, **how)


def wait_for_lines(process, count):
    path = Path("run/metrics.jsonl")
    for _ in range(600):
        if path.is_file() and path.read_text().count("\n") >= count:
            return
        assert process.poll() is None
        time.sleep(0.1)
    raise AssertionError("the training did not begin")


@pytest.mark.slow
def test_when_nobody_reads_any_more_the_run_is_saved():
    """`img2img train | head`: the pipe closes in mid-training."""
    process = start(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for_lines(process, 2)
    process.stdout.close()
    said = process.stderr.read()
    assert process.wait(60) == 141
    assert "disk space" not in said and "Traceback" not in said
    step = last_checkpoint(Path("run")).meta["step"]
    assert step >= 3
    assert main(["train", "--resume", "./run", "--max-steps", str(step + 1)]) == 0


@pytest.mark.slow
def test_a_closed_terminal_saves():
    process = start(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for_lines(process, 2)
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 129 and "stopped at step" in out, err


@pytest.mark.slow
def test_nohup_goes_on():
    process = start(
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    wait_for_lines(process, 2)
    process.send_signal(signal.SIGHUP)
    before = Path("run/metrics.jsonl").read_text().count("\n")
    wait_for_lines(process, before + 3)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 143
