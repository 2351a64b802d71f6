"""Ways to the same results in less time, and the one switch for all of them.

IMG2IMG_PLAIN=1 in the environment switches them off: to compare, or to rule them out.
"""

import ctypes
import os

PLAIN = "IMG2IMG_PLAIN"

# glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = 2**31 - 1


def allowed() -> bool:
    """Whether shorter ways may be taken."""
    return not os.environ.get(PLAIN)


def keep_freed_memory() -> None:
    """Lets the process use its freed memory again instead of returning it to the system.

    By default glibc maps every large block anew, and each of its pages costs a fault at the first
    touch: a fifth of the time of a training step on a CPU. Other C libraries are left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None and allowed():
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, _NEVER)
