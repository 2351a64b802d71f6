"""Runs written before fields, roles and tasks are read, translated by and resumed as they are."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import img2img
from img2img.cli import main
from img2img.data.scenes import draw_scene
from img2img.fields.files import read_image, write_image

OLD = Path(__file__).parent / "old_runs"


@pytest.fixture
def old_run(tmp_path, monkeypatch):
    """A copy of an old run in the current folder, by name."""
    monkeypatch.chdir(tmp_path)

    def copy(name: str) -> Path:
        return Path(shutil.copytree(OLD / name, tmp_path / name))

    return copy


def test_an_old_run_translates_in_its_styles(old_run):
    run = old_run("styled")
    scene = draw_scene(0, seed=0, height=32, width=64)
    write_image(Path("scene.png"), scene.label.astype(np.uint8))
    arguments = ["translate", "scene.png", "--run", str(run), "--device", "cpu"]
    for name, styles in {
        "usual.png": (),
        "one.png": ("--style", "random", "--seed", "1"),
        "same.png": ("--style", "random", "--seed", "1"),
        "other.png": ("--style", "random", "--seed", "2"),
    }.items():
        assert main([*arguments, *styles, "--out", name]) == 0
    usual, one, same, other = (read_image(f"{n}.png") for n in ("usual", "one", "same", "other"))
    assert usual.shape == (32, 64, 3) and (one == same).all()
    assert (one != other).any() and (one != usual).any()  # styles are those of its book


def test_an_old_run_draws(old_run):
    run = old_run("drawn")
    arguments = ["generate", "--run", str(run), "-n", "2", "--device", "cpu"]
    assert main([*arguments, "--out", "drawn"]) == 0
    assert len(list(Path("drawn").rglob("*.png"))) >= 2
    sampler = img2img.load(run, device="cpu")
    assert len(sampler.render(sampler.latents_of([0, 1]))) == 2


@pytest.mark.parametrize("name", ["styled", "drawn"])
def test_an_old_run_goes_on(old_run, name):
    run = old_run(name)
    assert main(["train", "--resume", str(run), "--max-steps", "4"]) == 0
    assert (run / "checkpoints" / "step-00000004.safetensors").is_file()
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert max(steps) == 4


def test_an_old_runs_settings_are_said_by_their_new_names(old_run, capsys, monkeypatch):
    monkeypatch.setattr("img2img.config._told", set())
    run = old_run("styled")
    assert main(["train", "--resume", str(run), "--max-steps", "3"]) == 0
    said = capsys.readouterr().err
    assert said.count("training.checkpointing is now called training.activation_checkpointing") == 1
    assert "activation_checkpointing: true" in (run / "config.yaml").read_text()
