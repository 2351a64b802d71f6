"""Tiny trained runs that the translation tests share."""

import pytest
from pair_files import save_pairs

from img2img.cli import main

TINY = [
    "--device",
    "cpu",
    "--max-steps",
    "2",
    "data.scene_size=[32, 48]",
    "data.scenes=4",
    "data.val_scenes=1",
    "model.d_width=4",
    "training.workers=0",
]
NETWORKS = {
    "pix2pix": ["model.width=4", "model.patch=16", "model.dropout=0.5", "model.depth=6"],
    "pix2pixHD": ["model.width=4", "model.n_down=2", "model.n_blocks=1"],
    "enhancer": ["model.generator=enhancer", "model.width=4", "model.n_down=2", "model.n_blocks=1"],
    "styled": [
        *("model.features=true", "model.e_width=4", "model.e_down=1"),
        *("model.width=4", "model.n_down=2", "model.n_blocks=1"),
    ],
}


def train_tiny(root):
    for name, settings in NETWORKS.items():
        model = "pix2pix" if name == "pix2pix" else "pix2pixHD"
        extra = [] if model == "pix2pix" else ["model.weights.perceptual=0"]
        arguments = ["--model", model, "--run", str(root / name), *TINY, *settings, *extra]
        assert main(["train", *arguments]) == 0
    arguments = ["--run", str(root / "styled"), "--k", "2", "--device", "cpu"]
    assert main(["cluster-styles", *arguments]) == 0


@pytest.fixture(scope="session")
def tiny_runs(made_once):
    """name -> path of a run of two steps on the built-in scenes; "styled" has a style book."""
    root = made_once("tiny-runs", train_tiny)
    return {name: root / name for name in NETWORKS}


@pytest.fixture(scope="session")
def styled_run(tiny_runs):
    """A run with a style book of the built-in scenes."""
    return tiny_runs["styled"]


@pytest.fixture(scope="session")
def plain_run(tmp_path_factory):
    """A run trained on files as `save_pairs` writes them."""
    root = tmp_path_factory.mktemp("plain")
    save_pairs(root / "ds", ["a", "b"], "train")
    settings = ["model.width=4", "model.n_down=2", "model.n_blocks=1", "model.d_width=4"]
    arguments = ["--model", "pix2pixHD", "--data", str(root / "ds"), "--run", str(root / "run")]
    arguments += ["--device", "cpu", "--max-steps", "1", "model.weights.perceptual=0"]
    assert main(["train", *arguments, "training.workers=0", "data.num_classes=12", *settings]) == 0
    return root / "run"
