"""Coverage of modes and classes on sets whose coverage is known."""

import math

import pytest
import torch
from benchmarking.gaussians import Mixture, grid, ring

from img2img.metrics.modes import class_coverage, mixture_coverage


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_ring_and_the_grid_are_where_they_are_said_to_be():
    eight, square = ring(), grid()
    assert eight.centres.shape == (8, 2) and square.centres.shape == (25, 2)
    torch.testing.assert_close(eight.centres.norm(dim=1), torch.full((8,), 2.0))
    torch.testing.assert_close(eight.centres[2], torch.tensor([0.0, 2.0]))
    neighbours = (eight.centres - eight.centres.roll(1, 0)).norm(dim=1)
    torch.testing.assert_close(neighbours, torch.full((8,), 4 * math.sin(math.pi / 8)))
    places = sorted(map(tuple, square.centres.tolist()))
    assert places == [(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)]


@pytest.mark.parametrize("mixture", [ring(), grid()], ids=["ring", "grid"])
def test_samples_are_those_of_the_mixture(mixture):
    points = mixture.sample(20_000, generator=generator())
    assert points.dtype == torch.float32
    assert torch.equal(points, mixture.sample(20_000, generator=generator()))
    distance, mode = torch.cdist(points, mixture.centres).min(1)
    assert float(distance.square().mean()) == pytest.approx(2 * mixture.std**2, rel=0.03)
    shares = torch.bincount(mode) / len(points)
    expected = 1 / len(mixture.centres)
    assert (shares - expected).abs().max() < 5 * (expected / len(points)) ** 0.5
    means = torch.stack([points[mode == m].mean(0) for m in range(len(mixture.centres))])
    assert (means - mixture.centres).abs().max() < 5 * mixture.std / (20_000 * expected) ** 0.5
    # Of a round Gaussian in the plane, 1 - exp(-9/2) lies within 3 standard deviations.
    found = mixture_coverage(points, mixture.centres, mixture.std)
    assert found["modes"] == len(mixture.centres)
    assert found["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=0.003)
    assert found["even"] == pytest.approx(len(mixture.centres), rel=0.01)


def test_coverage_by_hand():
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    samples = torch.tensor(
        [[0.0, 2.9], [2.9, 0.0], [10.0, 0.5], [0.0, 6.9], [5.0, 5.0], [float("nan"), 0.0]]
    )
    found = mixture_coverage(samples, centres, 1.0)
    assert found["modes"] == 2 and found["high_quality"] == pytest.approx(3 / 6)
    entropy = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    assert found["even"] == pytest.approx(math.exp(entropy))


def test_a_collapsed_and_a_useless_generator():
    eight = ring()
    collapsed = Mixture(eight.centres[:1], eight.std).sample(2500, generator=generator())
    found = mixture_coverage(collapsed, eight.centres, eight.std)
    assert found["modes"] == 1 and found["even"] == pytest.approx(1)
    assert found["high_quality"] > 0.98
    nothing = mixture_coverage(torch.full((9, 2), 50.0), eight.centres, eight.std)
    assert nothing == {"modes": 0, "high_quality": 0.0, "even": 0.0}


def test_classes_that_are_hit():
    predicted = torch.tensor([0, 0, 3, 3])
    assert class_coverage(predicted, 10) == {"modes": 2, "even": pytest.approx(2)}
    assert class_coverage(torch.arange(10), 10) == {"modes": 10, "even": pytest.approx(10)}
