"""Ways to the same results in less time, and the one switch for all of them.

`training.reference_mode` switches them off for a training, and IMG2IMG_PLAIN=1 in the environment for
everything: to compare, or to rule them out.
"""

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

PLAIN = "IMG2IMG_PLAIN"
_plain = False

# glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_NEVER = 2**31 - 1
_DEFAULT_MMAP_MAX = 65536

# Blocks from which on memory goes back to the system where it is short: larger limits leave holes in
# the heap, smaller ones cost time (docs/performance.md).
LARGE = 8 * 2**20


def asked_for_plain() -> bool:
    """Whether the environment asks for the plain ways alone."""
    return bool(os.environ.get(PLAIN))


@contextmanager
def plain(asked: bool) -> Iterator[None]:
    """This process takes the plain ways alone, where `asked` for, while the context lasts."""
    global _plain
    former, _plain = _plain, asked
    try:
        yield
    finally:
        _plain = former


def allowed() -> bool:
    """Whether shorter ways may be taken."""
    return not (_plain or asked_for_plain())


def keep_freed_memory() -> None:
    """Lets the process use its freed memory again instead of returning it to the system.

    By default glibc maps every large block anew, and each of its pages costs a fault at the first
    touch: a fifth of the time of a training step on a CPU. Other C libraries are left alone.
    """
    _set_allocator({_MMAP_MAX: 0, _TRIM_THRESHOLD: _NEVER})


def return_freed_memory() -> None:
    """Lets the process return freed memory in blocks of `LARGE` bytes and more: less, but slower."""
    _set_allocator({_MMAP_MAX: _DEFAULT_MMAP_MAX, _MMAP_THRESHOLD: LARGE})


def _set_allocator(options: Mapping[int, int]) -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None and allowed():
        for option, value in options.items():
            mallopt(option, value)
