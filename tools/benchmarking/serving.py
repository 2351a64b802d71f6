"""A case in a process of its own, and the lines that it is talked to in.

The process prints one JSON line when it is ready, `{"images": 1}`. For every line `step` that it reads
it works, once or a few times, and prints `{"seconds": 1.5, "peak": 123456}` for one time; `peak` (bytes) may be left out. It ends with
its input. Any other program that does the same can be measured beside it. Ours also answers a last
line, `work`: by `{"gflop": 1170.0}`.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from img2img.errors import TrainingError


def serve(name: str, setup: Any, processes: int = 1) -> None:
    """Makes a case ready and does it as often as it is asked to, on stdin and stdout.

    Args:
        processes: that share each step, this one among them.
    """
    with _others(processes) as others:
        _serve(name, setup, others)


@contextmanager
def _others(processes: int) -> Iterator[list[subprocess.Popen]]:
    """The other processes of a step: copies of this one, which find one another as torchrun's do."""
    others: list[subprocess.Popen] = []
    if processes > 1 and "RANK" not in os.environ:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = str(server.getsockname()[1])
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(processes)}
        meeting["LOCAL_WORLD_SIZE"] = meeting["WORLD_SIZE"]
        ranks = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]
        os.environ.update(meeting | ranks[0])
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True}
        for rank in ranks[1:]:
            command = [sys.executable, *sys.argv]
            others.append(subprocess.Popen(command, env={**os.environ, **rank}, **streams))
    try:
        yield others
    finally:
        for process in others:
            process.stdin.close()
            process.wait()


def _serve(name: str, setup: Any, others: Sequence[subprocess.Popen]) -> None:
    from benchmarking.cases import CASES
    from benchmarking.machine import FlopCount, Memory, synchronize
    from img2img.shortcuts import PLAIN

    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints is no answer

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=answers, flush=True)

    memory = Memory(setup.device)
    work = CASES[name].build(setup)
    count = 1 + len(others)
    answer(images=work.images * count)
    for line in sys.stdin:
        for process in others:
            process.stdin.write(line)
            process.stdin.flush()
        if line.strip() == "step":
            start = time.perf_counter()
            for _ in range(setup.queued):
                work.step()
            synchronize(setup.device)
            seconds = (time.perf_counter() - start) / setup.queued - work.beside
            answer(seconds=seconds, peak=memory.peak())
        elif line.strip() == "work":
            # What the network asks for, not what a short way makes of it.
            with patch.dict(os.environ, {PLAIN: "1"}), FlopCount() as counter:
                work.step()
            answer(gflop=counter.flop / 1e9 * count)


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
