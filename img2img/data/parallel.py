"""Work on many files by threads."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from img2img.progress import counting

_AHEAD = 8  # results of each thread that may wait to be used

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(work: Callable[[T], R], items: Sequence[T], what: str) -> Iterator[R]:
    """`work` of every item in order, by threads (decoding releases the interpreter lock).

    Only a few results wait to be used, however many items there are.
    """
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        left = iter(items)
        running = deque(pool.submit(work, item) for item in islice(left, threads * _AHEAD))

        def results() -> Iterator[R]:
            while running:
                result = running.popleft().result()
                running.extend(pool.submit(work, item) for item in islice(left, 1))
                yield result

        try:
            yield from counting(results(), len(items), what)
        finally:  # what nobody waits for any more
            for future in running:
                future.cancel()
