"""Measures how time and memory of a training step grow with pixels, batch and width.

    python tools/benchmark_growth.py --out growth.html [--repeats 3]

Every point is the published global generator's training step, with less width and without the
perceptual loss, in a process of its own; one of the three numbers varies, the others stay.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from img2img.cli import count, run
from img2img.errors import TrainingError
from img2img.reporting.charts import line_chart
from img2img.reporting.html import render

SIDE, BATCH, WIDTH = 128, 1, 16
# Name of what varies, its values, and the unit in which cost should be constant.
GROWTH = {
    "pixels": ([64 * 64, 128 * 128, 256 * 256, 512 * 512], "per 1,000 pixels", 1000),
    "batch": ([1, 2, 4, 8], "per picture", 1),
    "width": ([8, 16, 32, 64], "per channel squared", 1),
}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("growth.html"), help="the page to write")
    parser.add_argument("--repeats", type=count, default=3, help="steps that count, at each point")
    parser.add_argument("--points", type=count, default=4, help="points of each line, at most")
    parser.add_argument("--inside", nargs=4, type=int, help=argparse.SUPPRESS)
    a = parser.parse_args(argv)
    if a.inside:
        print(json.dumps(measure(*a.inside)))
        return 0
    charts, rows = [], []
    for what, (values, unit, size) in GROWTH.items():
        found = {value: point(what, value, a.repeats) for value in values[: a.points]}
        for value, (seconds, peak) in found.items():
            work = (value**2 if what == "width" else value) / size
            rows.append(
                (
                    *(what, f"{value:,}", f"{seconds:.3f} s"),
                    *(f"{1000 * seconds / work:.2f} ms {unit}", f"{peak / 2**20:,.0f} MiB"),
                )
            )
            print("  ".join(rows[-1]), flush=True)
        for name, place in (("seconds a step", 0), ("MiB at most", 1)):
            scale = 2**20 if place else 1
            line = [(value, figures[place] / scale) for value, figures in found.items()]
            charts.append(line_chart(name, {what: line}, last=max(found), across=what))
    text = render(
        "charts.html",
        title="How a training step's cost grows",
        heads=("what grows", ("to",), ("a step",), ("time by its unit",), ("memory",)),
        rows=rows,
        charts=charts,
    )
    a.out.write_text(text, encoding="utf-8")
    print(f"written: {a.out}")
    return 0


def point(what: str, value: int, repeats: int) -> tuple[float, int]:
    """Median seconds and peak bytes of a step, with one of the three numbers changed."""
    side = round(value**0.5) if what == "pixels" else SIDE
    batch, width = (
        value if what == name else usual for name, usual in (("batch", BATCH), ("width", WIDTH))
    )
    command = [sys.executable, __file__, "--inside", *map(str, (side, batch, width, repeats))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise TrainingError(f"the step with {what} {value} failed")
    return tuple(json.loads(done.stdout.splitlines()[-1]))


def measure(side: int, batch: int, width: int, repeats: int) -> tuple[float, int]:
    """Median seconds of a step after two others, and the growth of this process's peak in bytes."""
    from benchmarking.cases import GLOBAL, Setup, train
    from benchmarking.machine import Memory

    settings = GLOBAL | {"model.width": width, "model.d_width": width}
    memory = Memory("cpu")
    work = train((side, side), settings | {"model.weights.perceptual": 0}).build(Setup(batch=batch))
    seconds = []
    for _ in range(2 + repeats):
        start = time.perf_counter()
        work.step()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[2:]), memory.peak()


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
