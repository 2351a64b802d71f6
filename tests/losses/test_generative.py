"""Losses of generative networks against closed forms."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import jensenshannon
from scipy.special import expit

from img2img.losses.divergences import DIVERGENCES
from img2img.losses.generative import LABELLED, discriminator_loss, generator_loss, verdict

KINDS = [*LABELLED, "wasserstein", *DIVERGENCES]
CROSS_ENTROPY = ["minimax", "non_saturating", "max_likelihood"]


@pytest.fixture
def logits():
    return torch.tensor([-2.0, 0.5, 3.0], dtype=torch.float64)


@pytest.mark.parametrize("kind", CROSS_ENTROPY)
def test_a_discriminator_that_knows_nothing_is_at_minus_log_4(kind):
    """Goodfellow et al. 2014, Theorem 1: V = -log 4 at D = 1/2, where JS is 0."""
    terms = discriminator_loss(torch.zeros(5), torch.zeros(5), kind=kind)
    assert -float(sum(terms.values())) == pytest.approx(-math.log(4))


@pytest.mark.parametrize("kind", CROSS_ENTROPY)
def test_the_best_discriminator_measures_jensen_shannon(kind):
    """V(D*) = 2 JS - log 4 with D* = p / (p + q) (Goodfellow et al. 2014, Eq. 2 and 6)."""
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3, 0.6])
    best = torch.from_numpy(np.log(p / q))  # the logit of D*
    value = -sum(
        w * float(discriminator_loss(best[i : i + 1], best[i : i + 1], kind=kind)[side])
        for side, weights in (("real", p), ("fake", q))
        for i, w in enumerate(weights)
    )
    assert value == pytest.approx(2 * jensenshannon(p, q) ** 2 - math.log(4), rel=1e-5)


def test_generators_of_the_first_game_by_hand(logits):
    d = expit(logits.numpy())
    by_hand = {
        "minimax": np.mean(np.log(1 - d)),
        "non_saturating": -np.mean(np.log(d)),
        "max_likelihood": -np.mean(d / (1 - d)),
        "lsgan": np.mean((logits.numpy() - 1) ** 2),
        "wasserstein": -np.mean(logits.numpy()),
    }
    for kind, expected in by_hand.items():
        assert float(generator_loss(logits, kind=kind)) == pytest.approx(expected, rel=1e-5), kind


def test_max_likelihood_follows_the_gradient_of_the_likelihood():
    """With D = D*, -E_q[p / q] has the gradient -E_p[score of q]: here of a Bernoulli's parameter."""
    p, q = 0.7, torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    ratios = torch.tensor([(1 - p) / 0.6, p / 0.4], dtype=torch.float64).log()
    losses = torch.stack([generator_loss(logit, kind="max_likelihood") for logit in ratios])
    (found,) = torch.autograd.grad((torch.stack([1 - q, q]) * losses).sum(), q)
    assert float(found) == pytest.approx(-(p / 0.4 - (1 - p) / 0.6), rel=1e-5)


def test_least_squares_and_wasserstein_by_hand(logits):
    terms = discriminator_loss(logits, 2 * logits, kind="lsgan")
    assert float(terms["real"]) == pytest.approx((9 + 0.25 + 4) / 3)
    assert float(terms["fake"]) == pytest.approx((16 + 1 + 36) / 3)
    terms = discriminator_loss(logits, 2 * logits, kind="wasserstein")
    assert float(terms["real"]) == pytest.approx(-0.5)
    assert float(terms["fake"]) == pytest.approx(1.0)


@pytest.mark.parametrize("kind", CROSS_ENTROPY)
def test_label_smoothing_moves_the_best_answer_to_the_real_alone(kind):
    """With labels 0.9 and 0, D* = 0.9 p / (p + q) (Salimans et al. 2016, Sec. 3.4)."""

    def total(v):
        v = torch.tensor([v], dtype=torch.float64)
        terms = discriminator_loss(v, v, kind=kind, real_label=0.9)
        return 0.3 * float(terms["real"]) + 0.7 * float(terms["fake"])

    best = minimize_scalar(total, bounds=(-5, 5), method="bounded").x
    assert expit(best) == pytest.approx(0.9 * 0.3, abs=1e-3)


def test_there_is_nothing_to_smooth_without_labels(logits):
    for kind in ("wasserstein", "kl"):
        with pytest.raises(ValueError, match=f"{kind} has no labels.*minimax"):
            discriminator_loss(logits, logits, kind=kind, real_label=0.9)


@pytest.mark.parametrize("kind", KINDS)
def test_losses_are_float32_and_reach_the_raw_output(kind):
    raw = torch.tensor([0.5, -1.0], dtype=torch.bfloat16, requires_grad=True)
    terms = discriminator_loss(raw, raw, kind=kind)
    assert list(terms) == ["real", "fake"]
    for value in (*terms.values(), generator_loss(raw, kind=kind)):
        assert value.dtype == torch.float32 and value.shape == ()
        (gradient,) = torch.autograd.grad(value, raw)
        assert gradient.abs().min() > 0
    # The discriminator wants more for the real, the generator for its own.
    assert torch.autograd.grad(discriminator_loss(raw, raw, kind=kind)["real"], raw)[0].max() < 0
    assert torch.autograd.grad(generator_loss(raw, kind=kind), raw)[0].max() < 0


@pytest.mark.parametrize("name", DIVERGENCES)
def test_conjugates_are_the_largest_ut_minus_f(name):
    divergence = DIVERGENCES[name]
    grid = torch.logspace(-9, 9, 2_000_001, dtype=torch.float64)
    for raw in (-1.5, -0.3, 0.0, 0.4, 1.2):
        t = divergence.activation(torch.tensor(raw, dtype=torch.float64))
        least_upper_bound = float((grid * t - divergence.f(grid)).max())
        assert float(divergence.conjugate(t)) == pytest.approx(least_upper_bound, abs=1e-6)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_activations_and_thresholds(name):
    divergence = DIVERGENCES[name]
    raw = torch.linspace(-5, 5, 101, dtype=torch.float64)
    t = divergence.activation(raw)
    assert (t.diff() > 0).all()  # more is more real (Sec. 3.2)
    torch.testing.assert_close(divergence.conjugate_of_raw(raw), divergence.conjugate(t))
    one = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    value = divergence.f(one)
    (slope,) = torch.autograd.grad(value, one)
    assert float(value.detach()) == 0
    at = divergence.activation(torch.tensor(divergence.threshold, dtype=torch.float64))
    assert float(at) == pytest.approx(float(slope))
    # Far out too the value is what it should be, not infinite, where the plain formula is.
    far = divergence.conjugate_of_raw(torch.tensor([-60.0, 60.0]))
    assert far.isfinite().all()


def gaussian_divergence(name, p, q):
    """The divergences of two Gaussians (mean, deviation) as textbooks define them."""
    (m1, s1), (m2, s2) = p, q

    def kl(m1, s1, m2, s2):
        return math.log(s2 / s1) + (s1**2 + (m1 - m2) ** 2) / (2 * s2**2) - 0.5

    if name == "kl":
        return kl(m1, s1, m2, s2)
    if name == "reverse_kl":
        return kl(m2, s2, m1, s1)
    density_p, density_q = stats.norm(m1, s1).pdf, stats.norm(m2, s2).pdf
    if name == "squared_hellinger":  # 2 (1 - Bhattacharyya coefficient)
        sum_ = s1**2 + s2**2
        overlap = math.sqrt(2 * s1 * s2 / sum_) * math.exp(-((m1 - m2) ** 2) / (4 * sum_))
        return 2 - 2 * overlap
    if name == "pearson":
        return integrate.quad(lambda x: density_p(x) ** 2 / density_q(x), -15, 15)[0] - 1

    def to_mixture(x):
        middle = (density_p(x) + density_q(x)) / 2
        return sum(d(x) * math.log(d(x) / middle) for d in (density_p, density_q))

    return integrate.quad(to_mixture, -8, 8)[0]


def raw_output(name, t):
    """The v with g_f(v) = t."""
    return {
        "kl": lambda: t,
        "reverse_kl": lambda: -torch.log(-t),
        "jensen_shannon": lambda: -torch.log(2 * torch.exp(-t) - 1),
        "squared_hellinger": lambda: -torch.log(1 - t),
        "pearson": lambda: t,
    }[name]()


@pytest.mark.parametrize("name", DIVERGENCES)
def test_the_bound_is_tight_at_f_prime_of_the_ratio(name):
    """Nowozin et al. 2016, Eq. 5, on two Gaussians by fine sums over a grid."""
    p, q = (0.3, 0.8), (0.0, 1.0)
    x = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    densities = [torch.from_numpy(stats.norm(*g).pdf(x.numpy())) for g in (p, q)]
    ratio = (densities[0] / densities[1]).requires_grad_()
    (best,) = torch.autograd.grad(DIVERGENCES[name].f(ratio).sum(), ratio)

    def bound(t):
        raw = raw_output(name, t)
        step = float(x[1] - x[0])
        divergence = DIVERGENCES[name]
        real = (densities[0] * divergence.activation(raw)).sum() * step
        fake = (densities[1] * divergence.conjugate_of_raw(raw)).sum() * step
        return float(real - fake)

    assert bound(best) == pytest.approx(gaussian_divergence(name, p, q), rel=1e-5)
    assert bound(best - 0.1) < bound(best)  # anything else is less


@pytest.mark.parametrize("name", DIVERGENCES)
def test_terms_are_the_sides_of_the_bound(name, logits):
    divergence = DIVERGENCES[name]
    terms = discriminator_loss(logits, logits - 1, kind=name)
    t, other = divergence.activation(logits), divergence.activation(logits - 1)
    assert float(terms["real"]) == pytest.approx(-float(t.mean()), rel=1e-5)
    assert float(terms["fake"]) == pytest.approx(
        float(divergence.conjugate(other).mean()), rel=1e-5
    )
    assert float(generator_loss(logits, kind=name)) == pytest.approx(-float(t.mean()), rel=1e-5)


def test_verdicts():
    on_real, on_fake = torch.tensor([2.0, 0.5, -1.0, 3.0]), torch.tensor([-1.0, 0.7, -2.0, -3.0])
    for kind, right in (("minimax", 6), ("lsgan", 5), ("reverse_kl", 6), ("kl", 6)):
        assert float(verdict(on_real, on_fake, kind=kind)["accuracy"]) == right / 8, kind
    assert float(verdict(on_real, on_fake, kind="minimax")["gain"]) > 0
    found = verdict(on_real, on_fake, kind="wasserstein")
    assert list(found) == ["distance"] and float(found["distance"]) == pytest.approx(2.45)
    pearson = verdict(on_real, on_fake, kind="pearson")["distance"]
    expected = on_real.mean() - (on_fake**2 / 4 + on_fake).mean()
    assert float(pearson) == pytest.approx(float(expected))
