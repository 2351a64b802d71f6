"""Class, code and reconstruction losses by hand."""

import math

import pytest
import torch
from torch.distributions import Normal
from torch.testing import assert_close

from img2img.losses.classes import (
    categorical_information,
    class_loss,
    continuous_information,
    mean_feature_loss,
    realness,
)
from img2img.losses.equilibrium import convergence, next_k, reconstruction_loss
from img2img.losses.generative import discriminator_loss


def test_class_loss_by_hand():
    logits = torch.tensor([[0.0, math.log(3)], [math.log(4), 0.0]], dtype=torch.bfloat16)
    found = class_loss(logits, torch.tensor([1, 1]))
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(-(math.log(3 / 4) + math.log(1 / 5)) / 2, rel=2e-3)


def test_realness_is_that_of_k_plus_one_classes():
    """1 - D is the softmax of K + 1 logits of which the last is 0."""
    torch.manual_seed(0)
    logits = torch.randn(6, 10) * 4
    probabilities = torch.cat([logits, torch.zeros(6, 1)], dim=1).softmax(1)
    generated = probabilities[:, 10]
    assert_close(realness(logits).sigmoid(), 1 - generated)
    terms = discriminator_loss(realness(logits), realness(logits), kind="non_saturating")
    assert_close(terms["real"], -(1 - generated).log().mean())
    assert_close(terms["fake"], -generated.log().mean())


def test_mean_features_by_hand():
    on_real = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    on_fake = torch.tensor([[0.0, 0.0], [0.0, 2.0], [3.0, 1.0]], requires_grad=True)
    loss = mean_feature_loss(on_real, on_fake)
    assert float(loss.detach()) == pytest.approx((2 - 1) ** 2 + (3 - 1) ** 2)
    loss.backward()
    assert on_real.grad is None and on_fake.grad.abs().min() > 0


def test_categorical_information_is_between_nothing_and_all():
    code = torch.arange(10)
    assert float(categorical_information(torch.zeros(10, 10), code)) == pytest.approx(0, abs=1e-6)
    sure = torch.eye(10) * 50
    assert float(categorical_information(sure, code)) == pytest.approx(math.log(10))
    # A channel that is right 3 times of 4, and Q knows it: log 2 - H(1/4).
    logits = torch.tensor([[math.log(3), 0.0]] * 4)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    found = categorical_information(logits, torch.tensor([0, 0, 0, 1]))
    assert float(found) == pytest.approx(math.log(2) - entropy)


def test_continuous_information_is_the_gaussian_likelihood_and_the_code_s_entropy():
    torch.manual_seed(0)
    mean, code = torch.randn(7, 2), torch.rand(7, 2) * 2 - 1
    expected = Normal(mean, 1.0).log_prob(code).sum(1).mean() + 2 * math.log(2)
    assert_close(continuous_information(mean, code), expected)
    greatest = continuous_information(code, code)
    assert float(greatest) == pytest.approx(2 * (math.log(2) - math.log(2 * math.pi) / 2))


def test_began_by_hand():
    picture = torch.tensor([[[[0.5, -0.5]]]])
    rebuilt = torch.tensor([[[[0.0, 0.5]]]])
    on_real = reconstruction_loss(picture, rebuilt)
    assert float(on_real) == pytest.approx(0.75)
    on_fake = torch.tensor(0.2, requires_grad=True)
    k = next_k(torch.tensor(0.0), on_real, on_fake, gamma=0.5)
    assert float(k) == pytest.approx(0.001 * (0.375 - 0.2)) and not k.requires_grad
    assert float(next_k(torch.tensor(0.0), on_real, on_fake, gamma=0.0)) == 0  # held at 0
    assert float(next_k(torch.tensor(1.0), on_real, on_fake, gamma=1.0)) == 1  # and at 1
    assert float(convergence(on_real, on_fake.detach(), gamma=0.5)) == pytest.approx(0.75 + 0.175)
    assert float(convergence(on_real, on_fake.detach(), gamma=0.1)) == pytest.approx(0.75 + 0.125)


def test_the_balance_settles_where_the_errors_have_the_ratio_gamma():
    """A generator's error that k pushes up meets gamma L(x)."""
    k, on_real = torch.tensor(0.0), torch.tensor(1.0)
    for _ in range(3000):
        on_fake = 0.1 + k  # the more the discriminator minds, the worse it rebuilds the fakes
        k = next_k(k, on_real, on_fake, gamma=0.7, rate=0.01)
    assert float(on_fake) == pytest.approx(0.7, abs=1e-3)
