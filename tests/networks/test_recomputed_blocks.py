"""Recomputed blocks: the same values, gradients, noise and running statistics, and less stored."""

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from img2img.networks.checkpointing import Recomputable, recompute_activations
from img2img.networks.layers import ConvBlock, UpBlock
from img2img.networks.patchgan import PatchDiscriminator
from img2img.networks.pix2pixhd import GlobalGenerator, ResidualBlock

BLOCKS = {
    "conv": lambda: ConvBlock(4, 6, kernel=4, stride=2, activation="leaky_relu"),
    "batch norm": lambda: ConvBlock(4, 6, norm="batch"),
    "dropout": lambda: ConvBlock(4, 6, dropout=0.5),
    "up": lambda: UpBlock(4, 6, dropout=0.5, norm="batch"),
    "residual": lambda: ResidualBlock(4, norm="batch", bias=True, dropout=0.5),
}


def run(block, x, *, passes=1):
    """Output, gradients of input and parameters, and buffers, after several backward passes."""
    torch.manual_seed(1)
    x = x.clone().requires_grad_()
    y = block(x)
    torch.rand(1)  # the recomputed noise is that of the forward pass, wherever the state is
    for _ in range(passes):
        y.square().sum().backward(retain_graph=True)
    gradients = [x.grad, *(p.grad for p in block.parameters())]
    return [y.detach(), *gradients, *(b.clone() for b in block.buffers()), torch.rand(2)]


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("name", BLOCKS)
def test_a_recomputed_block_equals_a_stored_one(name, passes):
    torch.manual_seed(0)
    x, stored = torch.randn(2, 4, 8, 8), BLOCKS[name]()
    recomputed = BLOCKS[name]()
    recomputed.load_state_dict(stored.state_dict())
    recompute_activations(recomputed)
    expected, found = run(stored, x, passes=passes), run(recomputed, x, passes=passes)
    assert len(expected) == len(found) > 3
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def test_running_statistics_move_once_a_forward_pass():
    block = ConvBlock(3, 3, norm="batch")
    recompute_activations(block)
    statistics = block.norm.running_mean
    block(torch.randn(2, 3, 8, 8)).sum().backward()
    assert block.norm.num_batches_tracked == 1
    assert block.norm.running_mean is statistics  # not a copy, which nobody would save


def stored_bytes(network, x):
    """Bytes that the forward pass stores for the backward pass, parameters apart."""
    own = {p.data_ptr() for p in network.parameters()}
    sizes = {}

    def pack(tensor):
        if tensor.data_ptr() not in own:
            sizes[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        kept = network(x)  # noqa: F841 - else its storage could serve twice
    return sum(sizes.values())


def test_less_is_stored():
    network = GlobalGenerator(in_channels=3, out_channels=3, width=4, n_down=2, n_blocks=3)
    x = torch.randn(1, 3, 32, 32)
    before = stored_bytes(network, x)
    recompute_activations(network)
    assert stored_bytes(network, x) < before / 2


def test_only_the_outermost_blocks_are_recomputed():
    network = nn.Sequential(
        ResidualBlock(4, norm="instance", bias=True), PatchDiscriminator(in_channels=4)
    )
    recompute_activations(network)
    chosen = [m for m in network.modules() if isinstance(m, Recomputable) and m.recompute]
    assert chosen == [network[0], *network[1].layers]


def test_without_gradients_nothing_is_stored_to_recompute():
    block = ConvBlock(3, 3, dropout=0.5)
    recompute_activations(block)
    with torch.no_grad():
        assert block(torch.randn(1, 3, 8, 8)).grad_fn is None
