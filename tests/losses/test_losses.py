"""Losses against formulas written out by hand."""

import math

import pytest
import torch
from torch.testing import assert_close

from img2img.losses.adversarial import adversarial_loss
from img2img.losses.matching import PerceptualLoss, feature_matching_loss, l1_loss


def test_lsgan_by_hand():
    prediction = torch.tensor([[[[0.5, 2.0]]]])
    assert float(adversarial_loss(prediction, True)) == pytest.approx((0.25 + 1.0) / 2)
    assert float(adversarial_loss(prediction, False)) == pytest.approx((0.25 + 4.0) / 2)


def test_vanilla_by_hand():
    prediction = torch.tensor([[[[0.0, 2.0]]]])
    real = (math.log(2) + math.log(1 + math.exp(-2))) / 2
    assert float(adversarial_loss(prediction, True, kind="vanilla")) == pytest.approx(real)
    fake = (math.log(2) + math.log(1 + math.exp(2))) / 2
    assert float(adversarial_loss(prediction, False, kind="vanilla")) == pytest.approx(fake)


def test_scales_are_averaged_or_summed():
    scales = [torch.zeros(1, 1, 4, 4), torch.full((1, 1, 2, 2), 3.0)]
    assert float(adversarial_loss(scales, True, scales="mean")) == pytest.approx((1 + 4) / 2)
    assert float(adversarial_loss(scales, True, scales="sum")) == pytest.approx(1 + 4)


def test_l1_leaves_ignored_pixels_out():
    fake, real = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    real[..., 0, 0] = 9.0
    valid = torch.ones(1, 1, 2, 2)
    valid[..., 0, 0] = 0
    assert float(l1_loss(fake, real)) == pytest.approx((9 + 3) / 4)
    assert float(l1_loss(fake, real, valid)) == pytest.approx(1.0)
    assert float(l1_loss(fake, real, torch.zeros(1, 1, 2, 2))) == 0


def test_l1_of_a_batch_is_the_mean_of_its_pictures():
    fake, real = torch.rand(3, 3, 4, 4), torch.rand(3, 3, 4, 4)
    valid = torch.ones(3, 1, 4, 4)
    valid[1, :, :3], valid[2] = 0, 0
    singles = [float(l1_loss(fake[i : i + 1], real[i : i + 1], valid[i : i + 1])) for i in range(3)]
    assert singles[2] == 0
    assert float(l1_loss(fake, real, valid)) == pytest.approx(sum(singles) / 3)


def test_feature_matching_by_hand_and_without_gradient_for_the_real():
    fake = [[torch.ones(1, 2, 2, 2, requires_grad=True), torch.zeros(1, 1, 1, 1)]]
    real = [[torch.full((1, 2, 2, 2), 4.0, requires_grad=True), torch.ones(1, 1, 1, 1)]]
    loss = feature_matching_loss(fake, real)
    assert loss.item() == pytest.approx(3.0 * 4)  # one layer: 4 / 1; the prediction does not count
    loss.backward()
    assert real[0][0].grad is None
    assert_close(fake[0][0].grad, torch.full((1, 2, 2, 2), -4 / 8))


def test_perceptual_loss_weighs_layers_and_spreads_grey():
    loss = PerceptualLoss(lambda x: [x, 2 * x], weights=(1.0, 0.5))
    fake = torch.zeros(1, 1, 2, 2, requires_grad=True)
    value = loss(fake, torch.ones(1, 1, 2, 2))
    assert value.item() == pytest.approx(1 + 0.5 * 2)
    (3 * value).backward()
    assert_close(fake.grad, torch.full_like(fake, -3 * (1 + 0.5 * 2) / 4))


def test_perceptual_loss_computes_its_gradient_at_once_and_in_half_precision():
    """A mean over a million values has gradients that float16 alone would round to nothing."""
    loss = PerceptualLoss(lambda x: [x.half()], weights=(1.0,))
    fake = torch.zeros(1, 1, 1000, 1000, requires_grad=True)
    value = loss(fake, torch.ones(1, 1, 1000, 1000))
    assert type(value.grad_fn).__name__ == "_WithGradientBackward"
    (value * 2.0**-4).backward()
    assert_close(fake.grad * 1e6, torch.full_like(fake, -(2.0**-4)), rtol=1e-2, atol=0)
    with torch.no_grad():
        assert loss(fake, torch.ones(1, 1, 1000, 1000)).grad_fn is None
