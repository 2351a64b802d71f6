"""Trainings side by side, each the command line's own in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from img2img.errors import TrainingError


def run_all(
    commands: Mapping[str, list[str]], logs: Path, jobs: int
) -> Iterator[tuple[str, float]]:
    """Runs `img2img ARGUMENTS` for each name, `jobs` of them at a time.

    Args:
        logs: folder that gets NAME.log, all that a command says.

    Yields:
        Name and seconds, in the order in which they end.

    Raises:
        TrainingError: one failed, with the last lines that it said; the others end first.
    """
    logs.mkdir(parents=True, exist_ok=True)
    threads = max(1, (os.cpu_count() or 1) // jobs)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    failed = []
    pool = ThreadPoolExecutor(jobs)
    try:
        waiting = {
            pool.submit(_run, arguments, logs / f"{name}.log", environment): name
            for name, arguments in commands.items()
        }
        for done in as_completed(waiting):
            name = waiting[done]
            code, seconds = done.result()
            if code:
                failed.append(name)
            else:
                yield name, seconds
    finally:  # stopped by hand, those that wait are not begun
        pool.shutdown(cancel_futures=True)
    if failed:
        said = (logs / f"{failed[0]}.log").read_text(encoding="utf-8", errors="replace")
        end = "\n".join(said.splitlines()[-5:])
        raise TrainingError(f"{', '.join(failed)} failed; the log of {failed[0]} ends:\n{end}")


def _run(arguments: list[str], log: Path, environment: Mapping[str, str]) -> tuple[int, float]:
    start = time.perf_counter()
    with open(log, "w", encoding="utf-8") as file:
        command = [sys.executable, "-m", "img2img", *arguments]
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, env=environment)
    return done.returncode, time.perf_counter() - start
