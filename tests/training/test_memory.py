"""The account of tensors' memory against counts by hand."""

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from img2img.training.memory import ACTIVATIONS, GRADIENTS, HEAP_LIMIT, WORKSPACES, Ledger

FLOAT = 4  # bytes


@pytest.fixture
def ledger():
    with FakeTensorMode(), Ledger() as ledger:
        yield ledger


def test_tensors_count_from_their_making_to_their_end(ledger):
    a = torch.zeros(100)
    b = a + 1
    view = b[10:]  # the same memory
    assert ledger.live.total() == 200 * FLOAT
    a = a.add_(1)  # in place
    del a, b
    assert ledger.live.total() == 100 * FLOAT
    del view
    assert ledger.live.total() == 0
    assert ledger.peak.total() == 200 * FLOAT
    ledger.reset()
    assert ledger.peak.total() == 0


def test_uses_are_told_apart(ledger):
    a, b = torch.zeros(10), torch.zeros(20)
    ledger.assign([a], GRADIENTS)
    assert ledger.live == {GRADIENTS: 10 * FLOAT, ACTIVATIONS: 20 * FLOAT}
    del a
    assert ledger.live == {GRADIENTS: 0, ACTIVATIONS: 20 * FLOAT}
    del b


def test_a_network_by_hand(ledger):
    """Two linear layers with a ReLU between: 8 samples of 10, 20 and 3 numbers."""
    first, second = nn.Linear(10, 20, bias=False), nn.Linear(20, 3, bias=False)
    x, own = torch.zeros(8, 10), (10 * 20 + 20 * 3 + 8 * 10) * FLOAT
    assert ledger.live.total() == own
    ledger.reset()
    hidden = first(x).relu()
    # While ReLU runs there are its input and output; what is stored is the output alone.
    assert ledger.peak.total() == own + 2 * (8 * 20) * FLOAT
    assert ledger.live.total() == own + (8 * 20) * FLOAT
    y = second(hidden)
    del hidden  # the graph keeps it
    ledger.reset()
    y.backward(torch.zeros(8, 3))
    # Most is there when ReLU's gradient is made: its input and output (8 x 20 each) beside what
    # ReLU stored, the second weight's gradient, y and its gradient.
    most = own + (3 * 8 * 20 + 20 * 3 + 2 * 8 * 3) * FLOAT
    assert ledger.peak.total() == most
    gradients = (10 * 20 + 20 * 3) * FLOAT
    assert ledger.live.total() == own + gradients + 8 * 3 * FLOAT  # and y


def test_convolutions_work_on_copies_in_blocks_of_sixteen_channels(ledger):
    conv = nn.Conv2d(32, 3, 3, padding=1, bias=False)
    x = torch.zeros(2, 32, 10, 10)
    y = conv(x)
    copies = (2 * 32 * 100 + 32 * 3 * 9 + 2 * 16 * 100) * FLOAT
    assert ledger.peak[WORKSPACES] == copies
    assert ledger.live[WORKSPACES] == 0
    ledger.reset()
    before = ledger.live.total()
    y.backward(torch.zeros(2, 3, 10, 10))
    # Beside the copies: the gradients of output and weight.
    assert ledger.peak.total() == before + copies + (2 * 3 * 100 + 32 * 3 * 9) * FLOAT


def test_an_input_of_few_channels_is_not_copied(ledger):
    nn.Conv2d(3, 16, 1, bias=False)(torch.zeros(1, 3, 8, 8))
    assert ledger.peak[WORKSPACES] == (3 * 16 + 16 * 64) * FLOAT


def test_the_heap_holds_what_is_not_too_large(ledger):
    small = torch.zeros(HEAP_LIMIT // FLOAT)
    large = torch.zeros(HEAP_LIMIT // FLOAT + 1)
    assert ledger.heap == HEAP_LIMIT
    del small, large
    assert ledger.heap == 0
    assert ledger.heap_peak == HEAP_LIMIT


def test_cuda_grants_memory_in_blocks():
    with FakeTensorMode(), Ledger("cuda") as ledger:
        small = torch.zeros(129)
        assert ledger.live.total() == 1024
        del small
        large = torch.zeros(11 * 2**20 // FLOAT)
        assert ledger.live.total() == 12 * 2**20
        del large


def test_values_are_never_asked_for(ledger):
    ids = torch.zeros(4, 5, dtype=torch.int64)
    low, _ = ids.aminmax()
    assert not low < 0
