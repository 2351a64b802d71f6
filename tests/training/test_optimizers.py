"""Optimizers and schedules by name, and clipped gradients."""

import copy
import math

import pytest
import torch
from safetensors.torch import load_file
from toy_models import TwoWays, batch_of, stepper_of

from img2img.cli import main
from img2img.config import load_config
from img2img.models import OPTIONS
from img2img.schema import TrainingConfig
from img2img.training.optim import OPTIMIZERS, Schedule
from img2img.training.stepper import Stepper

TINY = ["--device=cpu", "data.scenes=4", "data.val_scenes=1", "model.width=4", "model.d_width=4"]
TINY += ["training.workers=0", "training.batch_size=2", "training.samples=0"]


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_schedules(schedule):
    config = TrainingConfig(steps=10, decay_steps=20, warmup_steps=5, schedule=schedule)
    made = Schedule.of(config, steps_per_epoch=7)
    factors = [made.factor(step=step, epoch=0) for step in range(made.total)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0]) and set(factors[5:11]) == {1.0}
    quarter, half = factors[15], factors[20]
    assert half == pytest.approx(0.5)
    assert quarter == pytest.approx(0.75 if schedule == "linear" else (1 + math.sqrt(0.5)) / 2)
    assert made.factor(step=30, epoch=0) == 0
    by_epoch = Schedule.of(
        TrainingConfig(epochs=2, decay_epochs=4, schedule=schedule), steps_per_epoch=7
    )
    assert [by_epoch.factor(step=7 * e, epoch=e) for e in (2, 4)] == pytest.approx([1, 0.5])


def stepped(steps=3, scale=1.0, **training):
    """A toy after a few steps, and the stepper."""
    torch.manual_seed(0)
    stepper = stepper_of(TwoWays(), lr=0.01, **training)
    for number in range(steps):
        stepper.step([{k: scale * v for k, v in batch_of(seed=number).items()}])
    return stepper


def by_hand(name, steps=3, clip=0.0):
    """The same steps by PyTorch's own optimizers and clipping, one update after the other."""
    torch.manual_seed(0)
    model = TwoWays().train()
    parts = {update.name: list(model.trainable(update, 0)) for update in model.updates}
    settings = TrainingConfig()
    made = {n: OPTIMIZERS[name](p, 0.01, settings, False) for n, p in parts.items()}
    for number in range(steps):
        batch = batch_of(seed=number)
        out = model.generate(batch)
        for update in model.updates:
            total = model.weigh(update.name, model.losses(update.name, batch, out))
            total.backward(inputs=parts[update.name])
            if clip:
                torch.nn.utils.clip_grad_norm_(parts[update.name], clip)
            made[update.name].step()
            made[update.name].zero_grad()
    return model


@pytest.mark.parametrize("clip", [0.0, 0.05])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_the_optimizer_of_that_name(name, clip):
    found = stepped(optimizer=name, clip=clip).model.state_dict()
    expected = by_hand(name, clip=clip).state_dict()
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=1e-5, atol=1e-6)
    others = by_hand(name, clip=0.0 if clip else 0.05).state_dict()
    if name == "sgd":  # which goes as far as the gradient is long
        assert not any(map(torch.equal, found.values(), others.values()))


def test_clipping_switches_stepping_in_the_backward_pass_off():
    assert stepped(0)._early and not stepped(0, clip=1.0)._early


def test_a_gradient_that_is_not_finite_is_skipped_not_clipped():
    stepper = stepped(2, clip=0.05, optimizer="sgd")
    before = copy.deepcopy(stepper.model.state_dict())
    stepper.step([{k: v * math.inf for k, v in batch_of().items()}])
    assert all(torch.equal(v, before[k]) for k, v in stepper.model.state_dict().items())
    assert set(stepper.guard.read()) == set(stepper.model.roles)


@pytest.mark.parametrize(
    "settings",
    [
        ("training.optimizer=sgd", "training.lr=0.05"),
        ("training.optimizer=sgd", "training.momentum=0", "training.lr=0.05"),
        ("training.optimizer=adamw", "training.schedule=cosine", "training.warmup_steps=3"),
        ("training.optimizer=adamw", "training.clip=0.1"),
    ],
    ids=["sgd", "no momentum", "adamw", "clipped"],
)
def test_a_resumed_run_goes_on_exactly(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    how = ["--model=lsgan", *TINY, *settings, "training.steps=2", "training.decay_steps=4"]
    assert main(["train", "--run=whole", *how, "--max-steps=5"]) == 0
    assert main(["train", "--run=parts", *how, "--max-steps=2"]) == 0
    assert main(["train", "--resume=parts", "--max-steps=5"]) == 0
    whole, parts = (
        load_file(f"runs/{run}/checkpoints/step-00000005.safetensors") for run in ("whole", "parts")
    )
    assert whole.keys() == parts.keys()
    assert all(torch.equal(value, parts[key]) for key, value in whole.items())


def test_an_old_config_of_gan_keeps_adam():
    """A run stores its config, so that one from before the preset goes on by what it says."""
    said = {"optimizer": "adam", "lr": 2e-4, "d_lr": None, "beta1": 0.5, "beta2": 0.999}
    overrides = {"model": "gan"} | {f"training.{key}": value for key, value in said.items()}
    training = load_config(OPTIONS, overrides=overrides).training
    assert {key: getattr(training, key) for key in said} == said
    assert load_config(OPTIONS, overrides={"model": "gan"}).training.optimizer == "sgd"


def test_every_optimizer_of_the_settings_is_made():
    names = TrainingConfig.model_fields["optimizer"].annotation.__args__
    assert set(names) == set(OPTIMIZERS)
    assert isinstance(stepped(0), Stepper)
