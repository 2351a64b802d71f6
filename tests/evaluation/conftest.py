"""Tiny runs that the tests of evaluations share; nothing is downloaded."""

import pytest
from tiny_settings import SETTINGS

from img2img.cli import main


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    """No weights in the caches, and connections are refused."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")


def train_two(root):
    for name, steps in (("a", "2"), ("b", "30")):
        arguments = ["--model", "pix2pixHD", "--run", str(root / name), "--max-steps", steps]
        assert main(["train", *arguments, *SETTINGS]) == 0


@pytest.fixture(scope="session")
def runs(made_once):
    """Runs "a" and "b" of 2 and 30 steps on the built-in scenes."""
    return made_once("evaluated-runs", train_two)
