"""An account of the memory that tensors hold while a piece of PyTorch runs."""

import math
import weakref
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

aten = torch.ops.aten

# What memory is for.
USES = (
    PARAMETERS := "parameters",
    FROZEN := "frozen networks",
    AVERAGE := "moving average",
    OPTIMIZER := "optimizer",
    GRADIENTS := "gradients",
    ACTIVATIONS := "activations",
    WORKSPACES := "workspaces",
)

# glibc's greatest threshold from which an allocation is returned to the system when it is freed
# (DEFAULT_MMAP_THRESHOLD_MAX). Holes that smaller ones leave in the heap stay with the process.
HEAP_LIMIT = 32 * 2**20
# oneDNN computes on copies whose channels come in blocks of as many floats as a register holds
# (AVX-512: nChw16c); an input with fewer channels is read as it is.
CHANNEL_BLOCK = 16


class Ledger(TorchDispatchMode):
    """Counts the bytes of the tensors that are alive while it is on, by what they are for.

    Args:
        device: type of the device, whose way of granting memory counts.

    Attributes:
        live: bytes by use, now.
        peak: bytes by use when they were most, since `reset`; the workspace of the operator that
            ran then is among them.
        heap_peak: the most bytes in tensors of up to `HEAP_LIMIT` each, since the beginning.
    """

    def __init__(self, device: str = "cpu"):
        super().__init__()
        self.on_cuda = device == "cuda"
        self.live: Counter[str] = Counter()
        self.heap = self.heap_peak = 0
        # By the address of the storage: a weak reference to it, its bytes, what it is for.
        self._storages: dict[int, tuple[weakref.ref, int, str]] = {}
        self.reset()

    def reset(self) -> None:
        """Forgets the peak so far."""
        self.peak: Counter[str] = Counter(self.live)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is aten._local_scalar_dense.default:
            return 0  # a check of values, of which there are none
        result = func(*args, **(kwargs or {}))
        for tensor in tree_iter(result):
            if isinstance(tensor, Tensor):
                self._note(tensor)
        workspace = _workspace(func, args, result)
        if self.live.total() + workspace > self.peak.total():
            self.peak = self.live + Counter({WORKSPACES: workspace})
        self.heap_peak = max(self.heap_peak, self.heap)
        return result

    def assign(self, tensors: Iterable[Tensor], use: str) -> None:
        """Says what tensors are for; until then they are activations."""
        for tensor in tensors:
            address = tensor.untyped_storage()._cdata
            storage, size, before = self._storages[address]
            self._storages[address] = storage, size, use
            self.live[before] -= size
            self.live[use] += size

    def _note(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        address, size = storage._cdata, storage.nbytes()
        if address in self._storages:
            return
        if self.on_cuda:
            size = _granted(size)
        alive = weakref.ref(storage, lambda _: self._drop(address))
        self._storages[address] = alive, size, ACTIVATIONS
        self.live[ACTIVATIONS] += size
        self.heap += size if size <= HEAP_LIMIT else 0

    def _drop(self, address: int) -> None:
        _, size, use = self._storages.pop(address)
        self.live[use] -= size
        self.heap -= size if size <= HEAP_LIMIT else 0


def _granted(size: int) -> int:
    """Bytes that PyTorch's CUDA allocator takes for a tensor (kMinBlockSize, kRoundLarge)."""
    block = 512 if size < 10 * 2**20 else 2 * 2**20
    return math.ceil(size / block) * block


def _workspace(func: Any, args: Sequence[Any], result: Any) -> int:
    """Bytes that an operator takes for itself while it runs.

    A convolution takes copies of input, weight and output in its library's own layout; so does
    its backward pass, first for the input's gradient and then for the weight's.
    """
    if func is aten.convolution.default:
        image, weight, output = args[0], args[1], result
    elif func is aten.convolution_backward.default:
        output, image, weight = args[:3]
    else:
        return 0
    read_as_is = image.shape[1] < CHANNEL_BLOCK
    return (0 if read_as_is else _blocked(image)) + weight.nbytes + _blocked(output)


def _blocked(image: Tensor) -> int:
    count, channels, *size = image.shape
    padded = math.ceil(channels / CHANNEL_BLOCK) * CHANNEL_BLOCK
    return count * padded * math.prod(size) * image.element_size()
