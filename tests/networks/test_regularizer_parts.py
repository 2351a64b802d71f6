"""Regularizers of GANs against formulas written down anew."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from img2img.networks.layers import ConvBlock
from img2img.networks.minibatch import MinibatchDiscrimination
from img2img.networks.noise import InstanceNoise
from img2img.networks.reference import ReferenceBatchNorm, Referenced


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_minibatch_discrimination_pair_by_pair():
    layer = MinibatchDiscrimination(6, kernels=4, kernel_size=3)
    nn.init.normal_(layer.weight)
    features = torch.randn(5, 6)
    found = layer(features)
    assert found.shape == (5, 10)
    assert torch.equal(found[:, :6], features)
    for i in range(5):
        for b in range(4):
            expected = sum(
                torch.exp(-((features[i] - features[j]) @ layer.weight[:, b]).abs().sum())
                for j in range(5)
            )
            assert_close(found[i, 6 + b], expected / 5)


def test_minibatch_discrimination_begins_with_columns_of_length_1():
    lengths = MinibatchDiscrimination(400).weight.detach().norm(dim=0)
    assert lengths.shape == (100, 5)
    assert float(lengths.mean()) == pytest.approx(1, abs=0.01)
    assert lengths.min() > 0.8 and lengths.max() < 1.2


def test_minibatch_discrimination_tells_a_collapsed_batch():
    layer = MinibatchDiscrimination(6)
    nn.init.normal_(layer.weight)
    apart, same = layer(torch.randn(8, 6) * 5), layer(torch.randn(1, 6).expand(8, -1))
    assert_close(same[:, 6:], torch.ones(8, 100))
    assert float(apart[:, 6:].detach().mean()) < 1.1 / 8
    (layer(torch.randn(4, 6, requires_grad=True)).sum()).backward()
    assert layer.weight.grad.abs().sum() > 0


def union_norm(reference, sample, eps=1e-5):
    """One sample by the plain statistics of the reference and itself."""
    union = torch.cat([reference, sample[None]])
    over = [0, *range(2, union.dim())]
    shape = (-1, *[1] * (sample.dim() - 1))
    mean, variance = union.mean(over).view(shape), union.var(over, correction=0).view(shape)
    return (sample - mean) / (variance + eps).sqrt()


@pytest.mark.parametrize("shape", [(3, 5, 4), (3,)])
def test_virtual_batch_norm_is_by_the_reference_and_oneself(shape):
    layer = ReferenceBatchNorm(3, virtual=True)
    layer.references = 6
    reference, others = torch.randn(6, *shape) * 2 + 1, torch.randn(4, *shape) * 5 - 3
    found = layer(torch.cat([reference, others]))
    for sample, normalised in zip(others, found[6:], strict=True):
        assert_close(normalised, union_norm(reference, sample))
    norm = nn.BatchNorm2d(3) if len(shape) == 3 else nn.BatchNorm1d(3)
    assert_close(found[:6], norm(reference))  # by its own statistics


def test_reference_batch_norm_is_by_the_reference_alone():
    layer = ReferenceBatchNorm(3, virtual=False)
    nn.init.constant_(layer.weight, 2.0)
    nn.init.constant_(layer.bias, -1.0)
    layer.references = 6
    reference, others = torch.randn(6, 3, 5, 4) * 2 + 1, torch.randn(4, 3, 5, 4) * 5 - 3
    found = layer(torch.cat([reference, others]))
    mean = reference.mean((0, 2, 3)).view(3, 1, 1)
    deviation = (reference.var((0, 2, 3), correction=0) + 1e-5).sqrt().view(3, 1, 1)
    assert_close(found[6:], 2 * (others - mean) / deviation - 1)


def small_network():
    return nn.Sequential(
        ConvBlock(2, 4, norm="batch"), ConvBlock(4, 4, norm="batch"), nn.Conv2d(4, 1, 5)
    )


@pytest.mark.parametrize("virtual", [True, False])
def test_a_picture_s_output_does_not_depend_on_its_batch(virtual):
    plain = small_network()
    nn.init.normal_(plain[0].norm.weight, 1.0, 0.5)
    network = Referenced(copy.deepcopy(plain), torch.randn(6, 2, 5, 5), virtual=virtual)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    assert torch.equal(network.network[0].norm.weight, plain[0].norm.weight)
    pictures = torch.randn(4, 2, 5, 5)
    together = network(pictures)
    assert together.shape == (4, 1, 1, 1)
    assert_close(together, torch.cat([network(picture[None]) for picture in pictures]))
    assert_close(together, network.eval()(pictures))
    if not virtual:  # one that is the reference comes out as by plain batch norm
        own = network.reference_0
        assert_close(network(own), plain(own))


def test_the_reference_is_stored_with_the_weights():
    network = Referenced(small_network(), torch.zeros(6, 2, 5, 5))
    pictures = torch.randn(3, 2, 5, 5)
    before = network(pictures)
    network.set_reference(torch.randn(6, 2, 5, 5))
    after = network(pictures)
    assert not torch.allclose(before, after)
    other = Referenced(small_network(), torch.zeros(6, 2, 5, 5))
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(pictures), after)


def test_references_do_not_count_as_company_of_a_minibatch():
    class Judge(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.minibatch = nn.BatchNorm1d(3), MinibatchDiscrimination(3, kernels=2)

        def forward(self, x, condition):
            return [x + condition, (self.minibatch(self.norm(x)),)]

    network = Referenced(Judge(), torch.randn(5, 3), torch.zeros(5, 3), virtual=False)
    x = torch.randn(4, 3)
    joined, (found,) = network(x, torch.ones(4, 3))
    assert torch.equal(joined, x + 1)
    alone = MinibatchDiscrimination(3, kernels=2)
    alone.load_state_dict(network.network.minibatch.state_dict())
    assert_close(found, alone(found[:, :3]))


def test_what_cannot_be_referenced():
    with pytest.raises(ValueError, match="no batch norm"):
        Referenced(nn.Sequential(nn.Linear(2, 2)), torch.zeros(3, 2))
    with pytest.raises(ValueError, match=r"one length, got \[3, 4\]"):
        Referenced(small_network(), torch.zeros(3, 2), torch.zeros(4, 2))


def test_instance_noise_falls_to_nothing():
    noise, x = InstanceNoise(0.5, steps=4), torch.zeros(100, 1, 10, 10)
    for expected in (0.5, 0.375, 0.25, 0.125, 0.0, 0.0):
        assert float(noise.deviation()) == pytest.approx(expected)
        assert float(noise(x).std()) == pytest.approx(expected, rel=0.05)
        noise.advance()
    resumed = InstanceNoise(0.5, steps=4)
    resumed.load_state_dict(noise.state_dict())
    assert float(resumed.deviation()) == 0
    constant = InstanceNoise(0.5)
    constant.advance()
    assert float(constant(x).std()) == pytest.approx(0.5, rel=0.05)
    assert torch.equal(constant.eval()(x), x)
