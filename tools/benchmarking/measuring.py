"""Cases measured: warm-up, repetitions, another program in turn, one row of figures each."""

import shlex
import statistics
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from benchmarking.machine import spread
from benchmarking.serving import Served


@dataclass(frozen=True)
class Figures:
    """What was measured of a case.

    Attributes:
        least, median, greatest: seconds of a step.
        images: a second.
        gflop: work of a step; 0 where none is counted.
        peak: bytes; None where nothing tells.
    """

    name: str
    least: float
    median: float
    greatest: float
    images: float
    gflop: float
    peak: int | None

    @property
    def rate(self) -> float:
        """GFLOP/s."""
        return self.gflop / self.median


@dataclass(frozen=True)
class Ratio:
    """A case beside another program, step by step in turn.

    Attributes:
        least, median, greatest: our time as a share of the other's, pair by pair.
        memory: our peak as a share of the other's; None where it does not tell.
    """

    least: float
    median: float
    greatest: float
    memory: float | None


def measure(
    command: list[str], name: str, *, warmup: int, repeats: int, against: str | None = None
) -> tuple[Figures, Figures | None, Ratio | None]:
    """Figures of a case and, with `against`, of another program that works in turn with it.

    Args:
        command: starts the case's process.
        against: a command that speaks the same lines; `{case}` in it is the case's name.
    """
    commands = [command, *([shlex.split(against.format(case=name))] if against else [])]
    answers: list[list[dict[str, Any]]] = [[] for _ in commands]
    with ExitStack() as stack:
        programs = [stack.enter_context(Served(c)) for c in commands]
        for number in range(warmup + repeats):
            for program, got in zip(programs, answers, strict=True):
                answer = program.ask("step")
                if number >= warmup:
                    got.append(answer)
        ready = [program.ready for program in programs]
        ready[0] |= programs[0].ask("work")
    figures = [_figures(name, *pair) for pair in zip(ready, answers, strict=True)]
    if not against:
        return figures[0], None, None
    shares = [a["seconds"] / b["seconds"] for a, b in zip(*answers, strict=True)]
    peaks = [f.peak for f in figures]
    memory = peaks[0] / peaks[1] if all(peaks) else None
    return figures[0], figures[1], Ratio(*spread(shares), memory)


def _figures(name: str, ready: dict[str, Any], answers: list[dict[str, Any]]) -> Figures:
    seconds = [answer["seconds"] for answer in answers]
    peaks = [answer["peak"] for answer in answers if answer.get("peak")]
    images = ready.get("images", 1) / statistics.median(seconds)
    return Figures(
        name, *spread(seconds), images, ready.get("gflop", 0.0), max(peaks) if peaks else None
    )


def serving_command(name: str, arguments: list[str]) -> list[str]:
    """The command that serves a case in a process of its own."""
    return [sys.executable, sys.argv[0], "--serve", name, *arguments]
