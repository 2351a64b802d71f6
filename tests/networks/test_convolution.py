"""The shorter ways of a convolution against the plain one: values, gradients, when they are taken."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from img2img.networks import convolution, winograd
from img2img.networks.convolution import Conv2d, thin
from img2img.shortcuts import PLAIN


def compare(ours, x, weight, bias, rtol=1e-4, atol=1e-4):
    """Values, and gradients of everything, against torch's own."""
    tensors = [t.requires_grad_() for t in (x, weight, bias)]
    mine, plain = ours(*tensors), F.conv2d(*tensors)
    assert_close(mine, plain, rtol=rtol, atol=atol)
    along = torch.randn_like(plain)
    for a, b in zip(
        torch.autograd.grad(mine, tensors, along),
        torch.autograd.grad(plain, tensors, along),
        strict=True,
    ):
        assert_close(a, b, rtol=rtol, atol=atol)


@pytest.mark.parametrize("count, height, width", [(1, 6, 8), (2, 5, 7), (3, 1, 1), (1, 2, 9)])
def test_winograd_equals_the_plain_convolution(count, height, width):
    torch.manual_seed(0)
    x = torch.randn(count, 5, height + 2, width + 2)
    compare(winograd.conv3x3, x, torch.randn(7, 5, 3, 3), torch.randn(7))
    assert_close(
        winograd.conv3x3(x, w := torch.randn(2, 5, 3, 3), None), F.conv2d(x, w), rtol=0, atol=1e-4
    )


def test_winograd_is_as_accurate_at_full_width():
    torch.manual_seed(0)
    x, weight = torch.randn(1, 512, 10, 12), torch.randn(512, 512, 3, 3)
    exact = F.conv2d(x.double(), weight.double())
    ours = (winograd.conv3x3(x, weight, None) - exact).abs().max() / exact.std()
    assert ours < 1e-5  # float32 has 6e-8; a sum of 4608 products has about 30 times as much


def test_filters_without_gradient_and_inputs_without():
    x, weight = torch.randn(1, 4, 8, 8), torch.randn(4, 4, 3, 3)
    frozen = winograd.conv3x3(x.requires_grad_(), weight, None)
    assert_close(
        torch.autograd.grad(frozen.square().sum(), x)[0],
        torch.autograd.grad(F.conv2d(x, weight).square().sum(), x)[0],
        rtol=1e-4,
        atol=1e-3,
    )
    loss = winograd.conv3x3(x, weight, None).square().sum()
    (first,) = torch.autograd.grad(loss, x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_several_layers_share_one_workspace():
    """The memory of one layer's filters is used again before the backward pass needs them."""
    torch.manual_seed(0)
    first, second = torch.randn(6, 3, 3, 3), torch.randn(4, 6, 3, 3)
    x = torch.randn(1, 3, 12, 12).requires_grad_()
    ours = winograd.conv3x3(winograd.conv3x3(x, first, None), second, None)
    plain = F.conv2d(F.conv2d(x, first), second)
    assert_close(ours, plain, rtol=1e-4, atol=1e-4)
    gradients = (torch.autograd.grad(y.sin().sum(), x)[0] for y in (ours, plain))
    assert_close(*gradients, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("out, kernel", [(3, (7, 7)), (1, (4, 4)), (4, (3, 5)), (2, (5, 1))])
def test_thin_equals_the_plain_convolution(out, kernel):
    torch.manual_seed(0)
    compare(thin, torch.randn(2, 6, 12, 11), torch.randn(out, 6, *kernel), torch.randn(out))


@pytest.fixture
def ways(monkeypatch):
    """Which way was taken, and winograd taken by small layers."""
    taken = []
    for place, name in ((convolution, "thin"), (winograd, "conv3x3")):
        real = getattr(place, name)
        monkeypatch.setattr(
            place, name, lambda *a, real=real, name=name: (taken.append(name), real(*a))[1]
        )
    monkeypatch.setattr(winograd, "LEAST_CHANNELS", 8)
    return taken


@pytest.mark.parametrize(
    ("layer", "way"),
    [
        (Conv2d(8, 8, 3, padding=1), "conv3x3"),
        (Conv2d(8, 9, 3, padding=1, padding_mode="reflect", bias=False), "conv3x3"),
        (Conv2d(8, 3, 7, padding=3, padding_mode="reflect"), "thin"),
        (Conv2d(8, 1, 4, padding=2), "thin"),
        (Conv2d(8, 8, 3, padding=1, stride=2), None),
        (Conv2d(8, 8, 4, padding=1), None),
        (Conv2d(7, 8, 3, padding=1), None),
        (Conv2d(8, 8, 3, padding=1, groups=2), None),
        (Conv2d(8, 2, 1), None),
        (Conv2d(8, 8, 3, padding=1).double(), None),
    ],
    ids=str,
)
def test_which_way_is_taken(ways, monkeypatch, layer, way):
    x = torch.randn(2, layer.in_channels, 9, 10, dtype=layer.weight.dtype)
    fast = layer(x)
    assert ways == ([way] if way else [])
    monkeypatch.setenv(PLAIN, "1")
    ways.clear()
    assert_close(fast, layer(x), rtol=1e-4, atol=1e-5)
    assert not ways


def test_bf16_goes_the_plain_way(ways):
    with torch.autocast("cpu", torch.bfloat16):
        Conv2d(8, 8, 3)(torch.randn(1, 8, 6, 6))
    assert not ways
