"""Steps ahead, against the steps that the optimizers themselves make."""

import copy
from functools import partial

import pytest
import torch
from torch import nn
from torch.func import functional_call

from img2img.schema import TrainingConfig
from img2img.training import optim
from img2img.training.unrolling import look_ahead

SETTINGS = TrainingConfig(beta2=0.99, momentum=0.8, weight_decay=0.1)
OPTIMIZERS = {
    name: partial(lambda make, weights: make(weights, 0.02, SETTINGS, False), make)
    for name, make in optim.OPTIMIZERS.items()
}
OPTIMIZERS["plain sgd"] = lambda weights: torch.optim.SGD(weights, lr=0.02)
CLIP = 0.5  # under most of the gradients here


def problem():
    """A network in training, and its loss on pictures that a scale stretches."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    real, z = torch.randn(16, 3).double(), torch.randn(16, 3).double()
    names = [name for name, _ in network.named_parameters()]

    def judge(weights, x):
        return functional_call(network, dict(zip(names, weights, strict=True)), x)

    def loss(weights, scale):
        return (judge(weights, real) - 1).square().mean() + judge(
            weights, z * scale
        ).square().mean()

    return network, judge, loss, z


@pytest.mark.parametrize("clip", [0, CLIP])
@pytest.mark.parametrize("done", [0, 3])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_steps_are_those_of_the_optimizer_from_where_it_stands(name, done, clip):
    network, judge, loss, z = problem()
    weights = list(network.parameters())
    optimizer = OPTIMIZERS[name](weights)

    def step(optimizer, weights, scale):
        optimizer.zero_grad()
        loss(weights, scale).backward()
        if clip:
            nn.utils.clip_grad_norm_(weights, clip)
        optimizer.step()

    for _ in range(done):
        step(optimizer, weights, 1.5)

    def stepped(scale):
        """What the library's optimizer makes of copies in 4 more steps."""
        copies = copy.deepcopy(weights)
        other = OPTIMIZERS[name](copies)
        other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        for _ in range(4):
            step(other, copies, scale)
        return float(judge(copies, z * scale).sum().detach())

    before = copy.deepcopy((network.state_dict(), optimizer.state_dict()))
    scale = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    ahead = look_ahead(optimizer, lambda weights: loss(weights, scale), steps=4, clip=clip)
    found = judge(ahead, z * scale).sum()
    assert float(found.detach()) == pytest.approx(stepped(0.7), rel=1e-5)
    (slope,) = torch.autograd.grad(found, scale)
    numeric = (stepped(0.7 + 1e-5) - stepped(0.7 - 1e-5)) / 2e-5
    assert float(slope) == pytest.approx(numeric, rel=1e-3)
    after = (network.state_dict(), optimizer.state_dict())
    for old, new in zip(flat(before), flat(after), strict=True):
        assert old is new or torch.equal(old, new)


def flat(tree):
    if isinstance(tree, dict | list | tuple):
        children = tree.values() if isinstance(tree, dict) else tree
        return [leaf for child in children for leaf in flat(child)]
    return [torch.tensor(float(tree))] if isinstance(tree, int | float) else [tree]


def test_gradient_descent_in_closed_form():
    """On (w - g)^2 / 2, w_K = g + (w_0 - g) (1 - lr)^K; RMSprop that has forgotten nothing is that.

    With a decay of 1 its mean square stays at the 1 that is put into its memory.
    """
    w = nn.Parameter(torch.tensor(3.0, dtype=torch.float64))
    g = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.RMSprop([w], lr=0.1, alpha=1.0)
    optimizer.state[w] = {"step": torch.zeros(()), "square_avg": torch.ones_like(w)}
    (ahead,) = look_ahead(optimizer, lambda weights: (weights[0] - g) ** 2 / 2, steps=5)
    assert float(ahead.detach()) == pytest.approx(1 + 2 * 0.9**5)
    (slope,) = torch.autograd.grad(ahead, g)
    assert float(slope) == pytest.approx(1 - 0.9**5)
    assert float(w.detach()) == 3


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_dead_units_are_passed(name):
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    nn.init.constant_(network[0].bias, -100.0)
    names = [key for key, _ in network.named_parameters()]
    x = torch.ones(1, 2, requires_grad=True)

    def judge(weights):
        return functional_call(network, dict(zip(names, weights, strict=True)), x).sum()

    optimizer = OPTIMIZERS[name](list(network.parameters()))
    ahead = look_ahead(optimizer, lambda weights: judge(weights) ** 2, steps=2)
    (gradient,) = torch.autograd.grad(judge(ahead), x)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_has_no_part_in_the_loss_stays(name):
    """Such as a bias under a gradient penalty alone, whatever its moments are."""
    weights = [nn.Parameter(torch.tensor([1.0])), nn.Parameter(torch.tensor([2.0]))]
    optimizer = OPTIMIZERS[name](weights)
    sum(weights).square().backward()
    optimizer.step()
    used, unused = look_ahead(optimizer, lambda weights: weights[0].square().sum(), steps=2)
    assert used < weights[0] and torch.equal(unused, weights[1])
