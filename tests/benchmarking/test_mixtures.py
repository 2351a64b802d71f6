"""GANs on mixtures in the plane: what they are shown, and that what they draw is measured."""

import pytest
import torch
from benchmarking import mixtures
from benchmarking.mixtures import KINDS, MIXTURES, study

from img2img.metrics.modes import mixture_coverage
from img2img.training.stepper import Stepper


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_trains(kind):
    (result,) = study("ring", [kind], [0], 2)
    assert (result.kind, result.seed) == (kind, 0)
    assert result.points.shape == (2500, 2) and torch.isfinite(result.points).all()
    assert 0 <= result.modes <= 8 and 0 <= result.high_quality <= 1 and 0 <= result.even <= 8


@pytest.mark.parametrize("name", MIXTURES)
def test_the_training_sees_the_mixture(name, monkeypatch):
    seen = []
    monkeypatch.setattr(Stepper, "step", lambda self, group: seen.append(group[0]["target"]))
    study(name, ["gan"], [0], 4)
    points, mixture = torch.stack(seen), MIXTURES[name]
    assert points.shape == (4, 128, 2, 1, 1)
    found = mixture_coverage(points.view(-1, 2), mixture.centres, mixture.std)
    assert found["modes"] == len(mixture.centres) and found["high_quality"] > 0.98
    assert not torch.equal(points[0], points[1])


def test_the_generator_s_points_are_counted(monkeypatch):
    ideal = MIXTURES["grid"].sample(2500, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(mixtures, "_draw", lambda model, seed: ideal)
    (result,) = study("grid", ["gan"], [3], 1)
    torch.testing.assert_close(result.points, ideal)
    assert result.modes == 25 and result.high_quality > 0.98 and result.even > 24


def test_a_seed_is_one_training():
    once, again, other = (study("ring", ["gan"], [seed], 3)[0].points for seed in (0, 0, 1))
    assert torch.equal(once, again) and not torch.equal(once, other)


def test_no_point_is_out_of_the_generator_s_reach():
    """Behind a tanh a generator that strays to its ends cannot come back."""
    (result,) = study("grid", ["gan"], [0], 1)
    assert result.points.abs().max() > 1


def test_a_critic_s_steps_come_on_top(monkeypatch):
    seen = []
    monkeypatch.setattr(Stepper, "step", lambda self, group: seen.append(group))
    study("ring", ["wgan"], [0], 2)
    assert len(seen) == 2 * 5
