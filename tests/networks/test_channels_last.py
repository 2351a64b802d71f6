"""Networks that are given channels last: the same pictures, and no copy to the other layout."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from img2img.networks.channels_last import (
    as_channels_last,
    instance_norm,
    reflect_pad,
    use_channels_last,
    wanted,
)
from img2img.networks.patchgan import MultiscaleDiscriminator
from img2img.networks.pix2pixhd import GlobalGenerator, LocalEnhancer
from img2img.networks.unet import UNet
from img2img.shortcuts import PLAIN

CPU, GPU = torch.device("cpu"), torch.device("cuda")
SHAPES = [(1, 5, 6, 8), (3, 4, 9, 7)]


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.setenv(PLAIN, "1")  # the short ways of CPUs work on channels first


def picture(*shape):
    torch.manual_seed(0)
    return as_channels_last(torch.randn(*shape)).requires_grad_()


def compare(ours, stock, x, *parameters):
    """Values, layout and gradients."""
    mine, theirs = ours(x), stock(x)
    assert_close(mine, theirs)
    assert mine.is_contiguous(memory_format=torch.channels_last) and not mine.is_contiguous()
    along = torch.randn_like(theirs)
    for a, b in zip(
        torch.autograd.grad(mine, [x, *parameters], along),
        torch.autograd.grad(theirs, [x, *parameters], along),
        strict=True,
    ):
        assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_instance_norm_is_the_stock_one(shape):
    x = picture(*shape)
    compare(lambda x: instance_norm(x, eps=1e-5), lambda x: F.instance_norm(x, eps=1e-5), x)
    weight, bias = torch.rand(2, shape[1], requires_grad=True).unbind()
    with_parameters = {"weight": weight, "bias": bias, "eps": 1e-3}
    compare(
        lambda x: instance_norm(x, **with_parameters),
        lambda x: F.instance_norm(x, **with_parameters),
        x,
        *(weight, bias),
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rows, columns", [(1, 1), (3, 2), (0, 3)])
def test_reflect_pad_is_the_stock_one(shape, rows, columns):
    compare(
        lambda x: reflect_pad(x, rows=rows, columns=columns),
        lambda x: F.pad(x, (columns, columns, rows, rows), mode="reflect"),
        picture(*shape),
    )


# How `reflect_pad` works: on pictures whose dimensions it has put into the order of their memory.
INDEXING = ("permute", "index_select", "new_zeros", "index_add")


class Layouts(TorchDispatchMode):
    """Notes every operator, forward or backward, that makes pictures of the other layout."""

    def __init__(self):
        super().__init__()
        self.first, self.seen = [], 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if any(name in str(func) for name in INDEXING):
            return result
        for tensor in tree_iter(result):
            if isinstance(tensor, Tensor) and tensor.dim() == 4 and min(tensor.shape[1:]) > 1:
                self.seen += 1
                strides = tensor.stride()
                if strides[1] != min(strides):
                    self.first.append(f"{func} {tuple(tensor.shape)} {strides}")
        return result


# Sizes that have no side of 1 pixel anywhere, where both layouts are one.
NETWORKS = {
    "global": lambda: GlobalGenerator(in_channels=5, out_channels=3, width=4, n_down=2, n_blocks=1),
    "transposed": lambda: GlobalGenerator(
        in_channels=5, out_channels=3, width=4, n_down=2, n_blocks=1, up="transposed", norm="batch"
    ),
    "enhancer": lambda: LocalEnhancer(
        GlobalGenerator(in_channels=5, out_channels=None, width=8, n_down=2, n_blocks=1),
        in_channels=5,
        out_channels=3,
        width=4,
        n_blocks=1,
    ),
    "unet": lambda: UNet(in_channels=5, out_channels=3, width=4, depth=3),
    "discriminator": lambda: MultiscaleDiscriminator(scales=2, in_channels=5, width=4, padding=2),
}


def last_of(output):
    return output[0][-2] if isinstance(output, list) else output


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_stay_channels_last(name, count):
    torch.manual_seed(0)
    network = NETWORKS[name]().double()
    x = torch.randn(count, 5, 32, 48, dtype=torch.double)
    before = last_of(network(x))
    parameters, along = list(network.parameters()), torch.randn_like(before)
    gradients = torch.autograd.grad(before, parameters, along, allow_unused=True)
    use_channels_last(holder := torch.nn.ModuleDict({"part": network}))
    through = []
    for layer in network.modules():
        layer.register_forward_hook(lambda _, __, out: through.extend(o for o in tree_iter(out)))
    with Layouts() as layouts:
        after = last_of(holder["part"](as_channels_last(x)))
        again = torch.autograd.grad(after, parameters, as_channels_last(along), allow_unused=True)
    assert layouts.seen > 20
    assert not layouts.first
    assert all(t.is_contiguous(memory_format=torch.channels_last) for t in through) and through
    assert_close(after, before)
    for ours, stock in zip(again, gradients, strict=True):
        assert (ours is None) == (stock is None)
        if ours is not None:
            assert_close(ours, stock, rtol=1e-6, atol=1e-9)


def test_only_where_it_pays(monkeypatch):
    assert wanted("channels_last", CPU) and not wanted("channels_first", GPU)
    assert not wanted("auto", CPU) and not wanted("auto", GPU)  # switched off
    monkeypatch.delenv(PLAIN)
    assert wanted("auto", GPU) and not wanted("auto", CPU)
