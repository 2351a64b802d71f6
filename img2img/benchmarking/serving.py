"""A case in a process of its own, and the lines that it is talked to in.

The process prints one JSON line when it is ready, `{"images": 1}`. For every line `step` that it reads
it works once and prints `{"seconds": 1.5, "peak": 123456}`; `peak` (bytes) may be left out. It ends with
its input. Any other program that does the same can be measured beside it. Ours also answers a last
line, `work`: by `{"gflop": 1170.0}`.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

from img2img.errors import TrainingError


def serve(name: str, setup: Any) -> None:
    """Makes a case ready and does it as often as it is asked to, on stdin and stdout."""
    from torch.utils.flop_counter import FlopCounterMode

    from img2img.benchmarking.cases import CASES
    from img2img.benchmarking.machine import Memory
    from img2img.shortcuts import PLAIN

    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints is no answer

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=answers, flush=True)

    memory = Memory(setup.device)
    work = CASES[name].build(setup)
    answer(images=work.images)
    for line in sys.stdin:
        if line.strip() == "step":
            start = time.perf_counter()
            work.step()
            seconds = time.perf_counter() - start - work.beside
            answer(seconds=seconds, peak=memory.peak())
        elif line.strip() == "work":
            # What the network asks for, not what a short way makes of it.
            with patch.dict(os.environ, {PLAIN: "1"}), FlopCounterMode(display=False) as counter:
                work.step()
            answer(gflop=counter.get_total_flops() / 1e9)


class Served:
    """A program that speaks `serve`'s lines.

    Attributes:
        ready: what it said when it was ready.

    Raises:
        TrainingError: it ended, or said something else.
    """

    def __init__(self, command: Sequence[str]):
        self.command = " ".join(command)
        self._process = subprocess.Popen(
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ready = self._read()

    def ask(self, what: str) -> dict[str, Any]:
        """The answer to one line, such as `step`."""
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        try:
            return json.loads(line)
        except json.JSONDecodeError as error:
            self.close()
            raise TrainingError(
                f"`{self.command}` ended, or answered {line.strip()!r} instead of a line of JSON"
            ) from error

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Its input ends, and with it the program."""
        self._process.stdin.close()
        self._process.wait()
