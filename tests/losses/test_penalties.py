"""Gradient penalties of critics whose gradients are known."""

import pytest
import torch
from torch import nn

from img2img.losses.generative import discriminator_loss
from img2img.losses.penalties import divergence_penalty, gradient_penalty


@pytest.fixture
def linear():
    critic = nn.Linear(12, 1, bias=False)
    nn.init.constant_(critic.weight, 0.5)  # of norm sqrt(12) / 2 = sqrt(3)
    return nn.Sequential(nn.Flatten(), critic)


@pytest.fixture
def pictures():
    torch.manual_seed(0)
    return torch.rand(5, 3, 2, 2), torch.rand(5, 3, 2, 2)


def test_a_linear_critic_has_the_gradient_of_its_weights(linear, pictures):
    norm = 3**0.5
    assert gradient_penalty(linear, *pictures).item() == pytest.approx((norm - 1) ** 2, rel=1e-5)
    assert divergence_penalty(linear, *pictures).item() == pytest.approx(norm**6, rel=1e-5)


def test_the_points_lie_between_real_and_fake_one_share_a_picture():
    seen = []

    def critic(points):
        seen.append(points)
        return points.sum(dim=(1, 2, 3))

    real, fake = torch.full((200, 1, 3, 3), 2.0), torch.full((200, 1, 3, 3), -1.0)
    gradient_penalty(critic, real, fake)
    shares = (seen[0].detach() + 1) / 3
    assert torch.equal(shares, shares[:, :, :1, :1].expand_as(shares))
    assert 0 <= shares.min() < 0.05 and 0.95 < shares.max() <= 1
    assert float(shares.mean()) == pytest.approx(0.5, abs=0.08)


def test_double_backward_reaches_the_critic_alone(linear, pictures):
    """By hand: d/dw (||w|| - 1)^2 = 2 (||w|| - 1) w / ||w||, beside the critic's own terms."""
    real, fake = pictures
    generator = nn.Conv2d(3, 3, 1)
    made = generator(fake)
    terms = discriminator_loss(linear(real), linear(made.detach()), kind="wasserstein")
    total = sum(terms.values()) + 10 * gradient_penalty(linear, real, made)
    total.backward(inputs=list(linear.parameters()))
    weight = linear[1].weight
    direct = (made.detach().mean(0) - real.mean(0)).flatten()
    norm = 3**0.5
    expected = direct + 10 * 2 * (norm - 1) * weight.detach()[0] / norm
    torch.testing.assert_close(weight.grad[0], expected)
    assert all(p.grad is None for p in generator.parameters())


def test_a_deep_critic_is_differentiated_twice_exactly():
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(16, 1)).double()
    weight, index, step = layers[0].weight, (1, 0, 2, 1), 1e-3
    real = fake = torch.rand(2, 1, 4, 4)  # alike: the same points whatever the shares

    def critic(points):
        return layers(points.double())

    for penalty in (gradient_penalty, divergence_penalty):
        layers.zero_grad()
        penalty(critic, real, fake).backward()
        values = []
        with torch.no_grad():
            for move in (step, -2 * step, step):
                weight[index] += move
                values.append(float(penalty(critic, real, fake)))
        numeric = (values[0] - values[1]) / (2 * step)
        assert float(weight.grad[index]) == pytest.approx(numeric, rel=1e-3)


def test_a_critic_without_slope_gives_finite_gradients(linear, pictures):
    nn.init.zeros_(linear[1].weight)
    for penalty, value in ((gradient_penalty, 1.0), (divergence_penalty, 0.0)):
        linear.zero_grad()
        loss = penalty(linear, *pictures)
        loss.backward()
        assert float(loss.detach()) == value
        assert torch.isfinite(linear[1].weight.grad).all()


def test_in_float32_under_autocast(linear, pictures):
    nn.init.normal_(linear[1].weight)  # no numbers that bfloat16 could hold
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = gradient_penalty(linear, *(picture.bfloat16() for picture in pictures))
    assert found.dtype == torch.float32
    norm = float(linear[1].weight.detach().norm())
    assert found.item() == pytest.approx((norm - 1) ** 2, rel=1e-5)


def test_batches_of_different_size_are_refused(linear):
    with pytest.raises(ValueError, match=r"real is \[3, 3, 2, 2\] and fake \[2, 3, 2, 2\]"):
        gradient_penalty(linear, torch.rand(3, 3, 2, 2), torch.rand(2, 3, 2, 2))
