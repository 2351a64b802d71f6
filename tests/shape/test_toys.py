"""The test of the shape: what nobody has yet is added as one file and one line in a table.

The fixtures put the line into the table and take it out again; nothing else knows of the toys.
"""

import json

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from toy_noise import NoisyTranslator
from toy_norm import SpatiallyAdaptive, spatially_adaptive

from img2img.cli import main
from img2img.models import MODELS
from img2img.networks.layers import NORMS, downsample
from img2img.networks.pix2pixhd import GlobalGenerator, LocalEnhancer
from img2img.networks.unet import UNet

QUICK = ["--device", "cpu", "training.workers=0", "training.log_every=1", "training.seed=3"]
SCENES = ["data.scene_size=[32, 32]", "data.scenes=4", "data.val_scenes=1"]


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def norm(monkeypatch):
    monkeypatch.setitem(NORMS, "toy_norm", spatially_adaptive)


@pytest.fixture
def noise(monkeypatch):
    monkeypatch.setitem(MODELS, "toy_noise", NoisyTranslator)


def train(*arguments):
    assert main(["train", *QUICK, *arguments]) == 0


def checkpoint(run, step):
    return load_file(f"runs/{run}/checkpoints/step-{step:08d}.safetensors")


def assert_goes_on_exactly(*arguments, steps):
    """A run of so many steps in one go equals one that is stopped half-way, bit by bit."""
    train(*arguments, "--run", "whole", "--max-steps", str(steps))
    train(*arguments, "--run", "halves", "--max-steps", str(steps // 2))
    assert main(["train", "--resume", "halves", "--max-steps", str(steps)]) == 0
    whole, halves = checkpoint("whole", steps), checkpoint("halves", steps)
    assert whole.keys() == halves.keys()
    assert not [name for name in whole if not torch.equal(whole[name], halves[name])]
    return whole


def logged(run):
    with open(f"runs/{run}/metrics.jsonl") as file:
        return [json.loads(line) for line in file]


def translated(*arguments):
    assert main(["translate", "label.png", "--device", "cpu", "--out", "out.png", *arguments]) == 0
    return cv2.imread("out.png")


@pytest.fixture
def label(inside):
    cv2.imwrite("label.png", np.random.default_rng(0).integers(0, 5, (32, 32), np.uint8))


# --------------------------------------------------- a norm that reads the label map


def test_a_norm_reads_the_label_map(norm, label):
    settings = ["model.width=4", "model.d_width=4", "model.n_down=1", "model.n_blocks=1"]
    settings += ["model.num_D=1", "model.d_layers=1", "model.weights.perceptual=0"]
    common = ["--model", "pix2pixHD", *SCENES, *settings, "model.norm=toy_norm", "--low-memory"]
    weights = assert_goes_on_exactly(*common, steps=2)
    assert any("norm.gamma" in name for name in weights)
    assert not any("norm.gamma" in name for name in weights if "discriminator" in name)
    assert translated("--run", "whole").shape == (32, 32, 3)


SHAPE = {"in_channels": 5, "norm": "toy_norm", "width": 4}
GENERATORS = {
    "global": lambda: GlobalGenerator(out_channels=3, n_down=1, n_blocks=1, **SHAPE),
    "unet": lambda: UNet(out_channels=3, depth=3, **SHAPE),
    "enhancer": lambda: LocalEnhancer(
        GlobalGenerator(out_channels=None, n_down=1, n_blocks=1, **{**SHAPE, "width": 8}),
        out_channels=3,
        n_blocks=1,
        **SHAPE,
    ),
}


@pytest.mark.parametrize("name", GENERATORS)
def test_all_generators_show_their_norms_the_condition(norm, name):
    generator = GENERATORS[name]()
    norms = [layer for layer in generator.modules() if isinstance(layer, SpatiallyAdaptive)]
    seen = []
    for layer in norms:
        layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    condition = torch.randn(1, 5, 32, 32)
    generator(condition)
    # An enhancer's coarse generator is shown half of it.
    sizes = [condition, downsample(condition)] if name == "enhancer" else [condition]
    assert len(seen) == len(norms) > 4
    assert all(any(torch.equal(one, size) for size in sizes) for one in seen)
    assert any(torch.equal(one, condition) for one in seen)


def test_settings_know_a_norm_of_the_table(norm, capsys):
    assert main(["train", "--model", "pix2pixHD", "--print-config", "model.norm=toy_norm"]) == 0
    assert "(instance, batch, none, toy_norm)" in capsys.readouterr().out


def test_settings_know_no_norm_beside_the_table(capsys):
    assert main(["train", "--model", "pix2pixHD", "model.norm=toy_norm"]) == 2
    assert "should be one of instance, batch, none (got 'toy_norm')" in capsys.readouterr().err


# --------------------------------------------------- noise beside the label map


def test_noise_beside_a_label_map(noise, label, capsys):
    assert_goes_on_exactly("--model", "toy_noise", *SCENES, steps=4)
    values = {name for line in logged("whole") for name in line}
    assert {"g/adv", "g/l1", "d/real", "d/fake", "val/ssim", "g/moved"} <= values

    capsys.readouterr()
    plain, again = translated("--run", "whole"), translated("--run", "whole")
    first = translated("--run", "whole", "--stochastic", "--seed", "1")
    same = translated("--run", "whole", "--stochastic", "--seed", "1")
    other = translated("--run", "whole", "--stochastic", "--seed", "2")
    assert "--stochastic" not in capsys.readouterr().err  # that it changes nothing
    assert np.array_equal(plain, again)
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, plain)
