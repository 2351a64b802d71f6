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
from toy_unpaired import History, TinyCycleGAN, ToB, Unpaired

import img2img
from img2img.cli import main
from img2img.config import load_config
from img2img.models import MODELS, OPTIONS
from img2img.networks.checkpointing import recompute_activations
from img2img.networks.layers import NORMS, downsample
from img2img.networks.patchgan import PatchDiscriminator
from img2img.networks.pix2pixhd import GlobalGenerator, LocalEnhancer
from img2img.networks.unet import UNet
from img2img.tasks import TASKS, find_data
from img2img.training.health import Monitor
from img2img.training.history import Line

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


def test_a_norm_reads_the_same_when_it_is_recomputed(norm):
    torch.manual_seed(0)
    generator, condition = GENERATORS["unet"](), torch.randn(1, 5, 32, 32)
    grads = []
    for recomputes in (False, True):
        if recomputes:
            recompute_activations(generator)
        picture = generator.eval()(condition)  # without dropout
        grads.append(torch.autograd.grad(picture.square().mean(), list(generator.parameters())))
    assert all(map(torch.equal, *grads))
    names = [name for name, _ in generator.named_parameters()]
    read = [g for name, g in zip(names, grads[0], strict=True) if "norm.shared.weight" in name]
    assert len(read) > 4
    assert all(grad.any() for grad in read)


@pytest.mark.parametrize("network", [UNet, GlobalGenerator, PatchDiscriminator])
def test_a_norm_of_ones_own_needs_no_table(network):
    def groups(channels):
        return torch.nn.GroupNorm(2, channels)

    given = {"in_channels": 3, "width": 4, "norm": groups}
    built = network(**given) if network is PatchDiscriminator else network(out_channels=3, **given)
    assert any(isinstance(layer, torch.nn.GroupNorm) for layer in built.modules())
    built(torch.zeros(1, 3, 256, 256))


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


# --------------------------------------------------- pictures of two kinds without pairs


@pytest.fixture
def unpaired(monkeypatch, inside):
    monkeypatch.setitem(TASKS, "unpaired", Unpaired())
    monkeypatch.setitem(MODELS, "toy_cycle", TinyCycleGAN)
    rng = np.random.default_rng(0)
    for side, count, size in (("A", 4, (40, 36)), ("B", 5, (36, 48))):
        (inside / "zoo" / side).mkdir(parents=True)
        for number in range(count):
            picture = rng.integers(0, 255, (*size, 3), np.uint8)
            cv2.imwrite(f"zoo/{side}/{number}.png", picture)
    return ["--model", "toy_cycle", "--data", "zoo", "data.crop=32", "training.save_every=1"]


def test_unpaired_training(unpaired, capsys):
    steps = 8  # more than an epoch, and than the history is long
    weights = assert_goes_on_exactly(*unpaired, steps=steps)
    said = capsys.readouterr().out
    assert "4 pictures of A, 5 of B" in said
    assert "img2img translate PICTURE.png" in said
    assert "forecast" not in said  # that it could not be made
    assert weights["model/history_a/filled"] == 3
    assert weights["model/history_b/pictures"].flatten(1).any(1).all()
    assert any(name.startswith("optim/g/b_to_a") for name in weights)

    names = {name for line in logged("whole") for name in line}
    assert {"g/adv", "g/cycle", "g/moved", "val/cycle", "fake/spread", "real/grid"} <= names
    for judge in ("d_a", "d_b"):
        rest = "real fake accuracy gain moved"
        assert {f"{judge}/{name}" for name in rest.split()} <= names

    cv2.imwrite("label.png", np.zeros((21, 30, 3), np.uint8))
    assert translated("--run", "whole", "--checkpoint", "best").shape == (21, 30, 3)
    predictor = img2img.load("whole", device="cpu")
    assert isinstance(predictor, ToB)
    assert predictor.translate(cv2.imread("label.png")).shape == (21, 30, 3)

    capsys.readouterr()
    assert main(["evaluate", "--run", "whole"]) == 2
    assert "nothing to be scored by" in capsys.readouterr().err


def test_health_of_two_discriminators(unpaired):
    train(*unpaired, "--run", "ill", "--max-steps", "2", "model.weights.cycle=1e300")
    with open("runs/ill/health.jsonl") as file:
        told = [json.loads(line) for line in file]
    assert [line["rule"] for line in told] == ["non_finite"]
    assert "(1 of g)" in told[0]["message"]

    # What is logged is what the rules look for: the same lines, but that one has won.
    names = {name for line in logged("ill") for name in line}
    config = load_config(OPTIONS, overrides={"model": "toy_cycle", "data.path": "zoo"})
    monitor = Monitor(config.model.weights.model_dump(), _roles())
    values = dict.fromkeys(names & {"g/adv", "d_a/real", "d_b/real", "d_a/gain", "d_b/gain"}, 0.3)
    values |= {"d_a/accuracy": 0.6, "d_b/accuracy": 1.0}
    found = [f for step in range(10, 310, 10) for f in monitor.line(Line(step, values))]
    assert [f.rule for f in found] == ["discriminator_saturated"]
    assert "the discriminator d_b is right" in found[0].message


def _roles():
    return {update.name: update.role for update in TinyCycleGAN.updates}


def test_a_partner_is_drawn_afresh(unpaired):
    config = load_config(OPTIONS, overrides={"model": "toy_cycle", "data.path": "zoo"})
    source = find_data(config).train
    seen = [source.read(0, np.random.default_rng(seed)) for seed in (*range(60), 0)]
    assert len({sample["target"].tobytes() for sample in seen}) == 5
    assert len({sample["a"].tobytes() for sample in seen}) == 1
    assert np.array_equal(seen[0]["target"], seen[-1]["target"])
    assert np.array_equal(source.read(0)["target"], source.read(0)["target"])


def test_history_gives_back_what_it_took():
    torch.manual_seed(0)
    history = History(2, (1, 1, 1))
    given = [history.swap(torch.full((1, 1, 1, 1), float(n + 1))).item() for n in range(40)]
    assert given[:2] == [1, 2]  # none older yet
    older = [was for now, was in enumerate(given, start=1) if was != now]
    assert 10 < len(older) == len(set(older)) < 30
    assert set(older) <= set(range(1, 40))
