"""The monitor on trainings made ill on purpose, through the real command line, and rule by rule."""

import json
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from accelerate import Accelerator

from img2img.cli import main
from img2img.config import load_config, parse_overrides
from img2img.data.loader import PairDataset, collate
from img2img.data.transforms import JointTransform
from img2img.losses.adversarial import verdict
from img2img.models import OPTIONS, build_model
from img2img.tasks import find_data
from img2img.training.finite import BUDGET, FiniteGuard, Skipped
from img2img.training.health import RULES, Monitor, overfitting
from img2img.training.history import WINDOW, History, Line, trend
from img2img.training.means import RunningMeans
from img2img.training.observing import grid, spread
from img2img.training.optim import Schedule
from img2img.training.trainer import Trainer

SMALL = [
    "--device=cpu",
    "data.scene_size=[32,64]",
    "data.scenes=20",
    "data.val_scenes=2",
    "model.width=4",
    "model.d_width=4",
    "training.workers=0",
    "training.samples=0",
    "training.lpips_weights=none",
    "training.decay_steps=0",
    "training.validate_every=1000",
]
PIX2PIX = ["--model=pix2pix", "model.depth=3"]
HD = ["--model=pix2pixHD", "model.weights.perceptual=0", "model.n_down=2", "model.n_blocks=1"]
HD += ["model.num_D=1"]


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(*arguments, steps=200):
    """The exit code, and what was found, as rule -> sentence."""
    code = main(["train", "--run=r", *SMALL, f"training.steps={steps}", *arguments])
    with open("runs/r/health.jsonl") as file:
        found = [json.loads(line) for line in file]
    return code, {line["rule"]: line["message"] for line in found}


# ------------------------------------------------------- trainings made ill


@pytest.mark.slow
def test_discriminator_thrown_about(inside, capsys):
    code, found = train(
        *PIX2PIX, "training.d_lr=1e-2", "model.d_width=8", "model.width=8", steps=300
    )  # 50 times the generator's
    assert code == 0 and "a smaller training.d_lr" in found["generator_wins"]
    said = capsys.readouterr().out
    assert f"health: {found['generator_wins']}" in said and "health.jsonl" in said.split("done:")[1]


@pytest.mark.slow
def test_discriminator_left_behind():
    _, found = train(*PIX2PIX, "training.d_lr=1e-7", steps=280)
    assert "a larger training.d_lr" in found["generator_wins"]


@pytest.mark.slow
def test_discriminator_saturated():
    # It sees all four pairs again and again, at five times the generator's rate.
    _, found = train(*PIX2PIX, "data.scenes=4", "training.d_lr=1e-3", "model.d_width=8", steps=500)
    assert "model.d_width" in found["discriminator_saturated"]


def write_pairs(folder, target, count=4):
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for part in "AB":
            (folder / split / part).mkdir(parents=True)
        for i in range(count):
            picture = rng.integers(0, 256, (32, 32, 3), np.uint8)
            cv2.imwrite(str(folder / split / "A" / f"{i}.png"), picture)
            cv2.imwrite(str(folder / split / "B" / f"{i}.png"), target(picture))


@pytest.mark.slow
def test_black_targets(inside):
    write_pairs(inside / "pairs", np.zeros_like)
    _, found = train(*PIX2PIX, "--data=pairs", "model.patch=16", "training.lr=2e-3", steps=400)
    assert "check-data" in found["one_colour"]


@pytest.mark.slow
def test_collapsed_generator(inside):
    write_pairs(inside / "pairs", lambda picture: picture)
    _, found = train(*PIX2PIX, "--data=pairs", "model.patch=16", "training.lr=1", "model.norm=none")
    assert "one colour" in found["one_colour"] and "collapsed" in found["one_colour"]


@pytest.mark.slow
def test_checkerboard_of_an_odd_kernel():
    _, found = train(*HD, "model.up=transposed", "data.scene_size=[64,64]")
    assert "model.up=resize" in found["checkerboard"]


@pytest.mark.slow
def test_learning_by_heart():
    often = ["training.validate_every=50", "data.scenes=2", "data.flip=false", "model.width=16"]
    _, found = train(*PIX2PIX, *often, "training.lr=2e-3", "model.dropout=0", steps=500)
    assert "best checkpoint" in found["overfitting"] and "val/l1" in found["overfitting"]


@pytest.mark.slow
def test_nothing_learns():
    _, found = train(*PIX2PIX, "training.lr=1e-12")
    assert "no weight of g has moved" in found["nothing_learns"]


def test_learning_rate_zero(monkeypatch):
    monkeypatch.setattr(Schedule, "factor", lambda self, *, step, epoch: float(step < 10))
    _, found = train(*PIX2PIX, steps=40)
    assert set(found) == {"learning_rate_zero"}


def test_infinite_weights_stop_the_training(capsys):
    code, _ = train(*PIX2PIX, "training.lr=1e30", steps=100)
    assert code == 2
    error = capsys.readouterr().err
    assert "d/real" in error and f"last {BUDGET} updates" in error and "training.lr" in error
    assert "Traceback" not in error


def make_trainer(folder, name="pix2pix"):
    settings = [*SMALL, *PIX2PIX] if name == "pix2pix" else SMALL
    overrides = parse_overrides([s for s in settings if not s.startswith("--")])
    overrides |= {"model.name": name, "training.device": "cpu"}
    config = load_config(OPTIONS, overrides=overrides)
    data = find_data(config)
    torch.manual_seed(0)
    sets = [
        PairDataset(d, JointTransform(config.data, data.spec, train=False))
        for d in (data.train, data.val)
    ]
    return Trainer(config, build_model(config, data.spec), *sets, folder, Accelerator(cpu=True))


def test_an_update_with_an_infinite_gradient_is_not_made(inside):
    trainer = make_trainer(inside)
    stepper, batch = trainer.stepper, collate([trainer.loader.dataset[(0, 0)]])
    stepper.step([batch])
    weights = {k: v.clone() for k, v in trainer.model.state_dict().items()}
    moments = {
        name: [v["exp_avg"].clone() for v in optimizer.state.values()]
        for name, optimizer in trainer.state.optimizers.items()
    }
    spoilt = batch | {"target": batch["target"].clone()}
    spoilt["target"][0, 0, 0, 0] = float("inf")
    stepper.means.read()
    stepper.step([spoilt])
    assert all(torch.equal(v, weights[k]) for k, v in trainer.model.state_dict().items())
    for name, optimizer in trainer.state.optimizers.items():
        after = [v["exp_avg"] for v in optimizer.state.values()]
        assert all(map(torch.equal, after, moments[name]))
    assert stepper.guard.read() == {"d": Skipped(1, 1), "g": Skipped(1, 1)}
    means, bad = stepper.means.read()
    assert set(bad) == {"d/real", "g/l1"} and np.isnan(means["g/l1"]) and means["d/fake"] > 0
    stepper.step([batch])
    assert stepper.guard.longest() == 0 and not stepper.guard.read()
    moved = trainer.model.state_dict()
    assert not any(
        torch.equal(v, moved[k]) for k, v in weights.items() if k.endswith("conv.weight")
    )


# ---------------------------------------------------------------- the pieces


def history(values, weights=None, step=10):
    made = History(weights or {"adv": 1.0, "real": 0.5})
    for number, line in enumerate(values, 1):
        made.add(Line(number * step, line))
    return made


def test_trends():
    noise = np.random.default_rng(0).normal(0, 0.1, 40)
    assert trend(np.linspace(1, 0, 40) + noise) == "falling"
    assert trend(np.linspace(0, 1, 40) + noise) == "rising"
    assert trend(noise) == "steady"


def test_a_window_is_empty_before_it_is_full():
    lines = [{"g/l1": float(i)} for i in range(1, 31)]
    assert len(history(lines[:16]).window("g/l1")) == 0
    assert history(lines).window("g/l1").tolist() == [float(i) for i in range(11, 31)]
    assert history(lines[:3]).window("g/l1", whole=False).tolist() == [1, 2, 3]
    assert history(lines).window("g/l1", after=250).size == 0
    rare = history(lines[:6], step=WINDOW)
    assert rare.window("g/l1").tolist() == [2, 3, 4, 5, 6]


def saturated(gain=0.99):
    """A hundred lines in which the discriminator has won."""
    rng = np.random.default_rng(0)
    line = {"d/accuracy": 1.0, "d/gain": gain, "d/real": 0.01}
    return [line | {"g/adv": 1 + 0.01 * rng.normal()} for _ in range(100)]


def test_a_finding_is_said_once(monkeypatch):
    monitor = Monitor({"adv": 1.0, "real": 0.5})
    said = [
        (line.step, finding.rule)
        for number, values in enumerate(saturated(), 1)
        for line in [Line(10 * number, values)]
        for finding in monitor.line(line)
    ]
    assert [rule for _, rule in said] == ["discriminator_saturated"] and said[0][0] <= WINDOW


def test_a_balance_that_is_still_sought_is_not_judged():
    monitor = Monitor({"adv": 1.0, "real": 0.5}, settling=600)
    lines = [Line(10 * number, values) for number, values in enumerate(saturated(), 1)]
    said = [(line.step, finding.rule) for line in lines for finding in monitor.line(line)]
    assert [rule for _, rule in said] == ["discriminator_saturated"] and 600 < said[0][0] < 800
    skipping = Line(10, {"g/adv": 1.0, "lr": 1.0}, skipped={"g": 1})
    found = Monitor({"adv": 1.0}, settling=600).line(skipping)
    assert [finding.rule for finding in found] == ["non_finite"]


def test_networks_that_draw_from_noise_are_given_time(inside):
    assert make_trainer(inside, "dcgan").monitor.settling == 1000
    assert make_trainer(inside, "pix2pix").monitor.settling == 0


def test_a_discriminator_that_is_switched_off_is_not_judged():
    monitor = Monitor({"adv": 0.0, "real": 0.0, "fake": 0.0, "l1": 100.0})
    worse = [line | {"d/gain": -5.0, "d/accuracy": 0.5} for line in saturated()]
    lines = [Line(10 * i, values) for i, values in enumerate(saturated() + worse, 1)]
    assert not [finding for line in lines for finding in monitor.line(line)]


@pytest.mark.parametrize(
    ("scores", "train", "ill"),
    [
        ([0.5, 0.3, 0.33, 0.34, 0.35], [0.5, 0.4, 0.3, 0.25, 0.2], True),
        ([0.5, 0.3, 0.31, 0.31, 0.31], [0.5, 0.4, 0.3, 0.25, 0.2], False),  # hardly worse
        ([0.5, 0.3, 0.33, 0.34, 0.35], [0.5, 0.2, 0.3, 0.35, 0.4], False),  # training is worse, too
        ([0.5, 0.4, 0.3, 0.34, 0.35], [0.5, 0.4, 0.3, 0.25, 0.2], False),  # only twice
    ],
)
@pytest.mark.parametrize("name", ["val/l1", "val/lpips"])
def test_overfitting(scores, train, ill, name):
    made = History({})
    for number, (score, l1) in enumerate(zip(scores, train, strict=True), 1):
        made.lines.clear()
        made.add(Line(100 * number, {"g/l1": l1}))
        made.validated(100 * number, {"val/l1": 1.0, name: score})
    assert bool(overfitting(made)) == ill


def test_pattern_of_a_grid_is_measured_apart_from_the_picture():
    torch.manual_seed(0)
    flat = torch.zeros(1, 1, 70, 70)
    # Every second pixel of every second row is 0.2 higher. The filter makes all pixels a quarter of
    # that (a high one: 1/4 of itself; one between two: 2 x 1/8; between four: 4 x 1/16).
    flat[..., ::2, ::2] = 0.2
    expected = np.std(np.repeat(0.2 * np.array([0.75, -0.25, -0.25, -0.25]), 4), ddof=1)
    assert float(grid(flat)) == pytest.approx(expected, rel=0.15)
    ramp = torch.linspace(-1, 1, 70).expand(1, 3, 70, 70)
    assert float(grid(ramp)) < 1e-5 and float(grid(torch.rand(1, 3, 70, 70))) < 0.04
    noisy = flat + 0.3 * torch.randn(1, 1, 70, 70)
    assert float(grid(noisy)) == pytest.approx(expected, rel=0.35)
    assert float(grid(torch.zeros(1, 3, 8, 8))) == 0
    assert float(spread(flat)) == pytest.approx(0.2 * np.sqrt(3) / 4, rel=1e-3)


def test_verdict_by_hand():
    real, fake = torch.tensor([[1.0, 0.4]]), torch.tensor([[0.5, 0.8]])
    found = verdict([real], [fake], kind="lsgan")
    loss = (0 + 0.36) / 2 + (0.25 + 0.64) / 2
    assert float(found["accuracy"]) == pytest.approx((0.5 + 0.5) / 2)
    assert float(found["gain"]) == pytest.approx(1 - loss / 0.5)
    guess = verdict([torch.zeros(4)], [torch.zeros(4)], kind="non_saturating")
    assert float(guess["gain"]) == pytest.approx(0, abs=1e-6)
    both = verdict([real, real], [fake, fake], kind="lsgan")
    assert float(both["gain"]) == pytest.approx(float(found["gain"]))


@pytest.mark.parametrize(
    "make",
    [
        partial(torch.optim.Adam, fused=True),
        partial(torch.optim.Adam, fused=False),
        torch.optim.RMSprop,
        partial(torch.optim.AdamW, fused=True),
        partial(torch.optim.SGD, momentum=0.9, fused=True),
        partial(torch.optim.SGD, momentum=0.9),
    ],
)
@pytest.mark.parametrize("clip", [0.0, 0.1])
def test_guard_counts_in_a_row(make, clip):
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = make([parameter], lr=0.1)
    guard = FiniteGuard(clip)
    for value, streak in ((1, 0), (np.nan, 1), (np.inf, 2), (1, 0), (-np.inf, 1)):
        before = parameter.detach().clone()
        parameter.grad = torch.tensor([1.0, float(value), 1.0])
        guard.count("g", guard.step(optimizer, [parameter], torch.tensor(0.0)))
        assert torch.equal(parameter, before) == (not np.isfinite(value))
        assert guard.longest() == streak
    assert guard.read() == {"g": Skipped(3, 1)} and guard.read() == {}


def test_means_leave_out_what_is_not_finite():
    means = RunningMeans()
    for value in (1.0, float("nan"), 3.0):
        means.add("a", torch.tensor(value))
    means.add("b", torch.tensor(float("inf")))
    found, bad = means.read()
    assert found["a"] == 2 and np.isnan(found["b"]) and bad == {"a": 1, "b": 1}
    assert means.read() == ({}, {})


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rules_tolerate_an_empty_history(rule):
    assert rule(History({"adv": 1.0, "l1": 10.0})) is None


def test_a_validation_before_the_first_logged_line():
    """As in a run that is resumed shortly before a validation."""
    monitor = Monitor({"adv": 1.0, "l1": 10.0})
    assert monitor.validation(3, {"val/l1": 0.2}) == []
    assert monitor.pulse() == ""
