"""The study on mixtures of points, each kind in a process of its own, and its pictures."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarking.gaussians import Mixture
from benchmarking.mixtures import KINDS, MIXTURES, Result, study
from img2img.data.sheets import contact_sheet
from img2img.shortcuts import keep_freed_memory

SIDE = 170  # pixels of a panel
BEYOND = 1.4  # a panel's edge, in units of the outermost centre
POINT, CENTRE = (30, 90, 170), (225, 120, 60)


def run_mixtures(
    seeds: Sequence[int], steps: int, device: str, jobs: int
) -> Iterator[tuple[str, dict[str, list[Result]]]]:
    """Trains every kind on every mixture.

    Yields:
        A mixture's name, and for each kind a result of every seed.
    """
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with ProcessPoolExecutor(
        jobs, get_context("spawn"), initializer=_start, initargs=(threads,)
    ) as pool:
        waiting = {
            mixture: {
                kind: pool.submit(study, mixture, [kind], seeds, steps, device) for kind in KINDS
            }
            for mixture in MIXTURES
        }
        for mixture, kinds in waiting.items():
            yield mixture, {kind: done.result() for kind, done in kinds.items()}


def _start(threads: int) -> None:
    """A process as the command line makes it."""
    torch.set_num_threads(threads)
    keep_freed_memory()


def as_numbers(results: dict[str, list[Result]]) -> dict[str, dict[str, Any]]:
    """Of each kind the modes, high-quality shares and evennesses of its seeds."""
    names = ("modes", "high_quality", "even")
    return {
        kind: {name: [getattr(result, name) for result in found] for name in names}
        for kind, found in results.items()
    }


def draw_points(mixture: str, results: dict[str, list[Result]]) -> np.ndarray:
    """A panel for each kind: the points of its first seed over the mixture's centres."""
    panels = {kind: _panel(MIXTURES[mixture], found[0].points) for kind, found in results.items()}
    return contact_sheet([panels], fit=False)


def _panel(mixture: Mixture, points: Tensor) -> np.ndarray:
    """uint8 RGB (SIDE, SIDE, 3)."""
    panel = np.full((SIDE, SIDE, 3), 245, np.uint8)
    reach = BEYOND * float(mixture.centres.abs().max())
    for places, colour, size in ((mixture.centres, CENTRE, 3), (points, POINT, 1)):
        scaled = ((places / reach + 1) / 2 * SIDE).nan_to_num(-SIDE).clamp(-SIDE, 2 * SIDE)
        for x, y in scaled.long().tolist():
            if 0 <= x < SIDE and 0 <= y < SIDE:
                row = SIDE - 1 - y  # y points upwards
                panel[max(0, row - size + 1) : row + size, max(0, x - size + 1) : x + size] = colour
    return panel
