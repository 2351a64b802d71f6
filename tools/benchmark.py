"""Measures training steps, translations, the loader and start-up.

    python tools/benchmark.py train-global translate-global --json figures.json
    python tools/benchmark.py train-global --against "python other.py {case}"

Every case runs in a process of its own. With --against, another program's steps are made in turn
with ours (A B A B); how it is talked to is said in `tools/benchmarking/serving.py`.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarking.cases import CASES, Setup
from benchmarking.machine import describe, peaks
from benchmarking.measuring import Figures, measure, serving_command
from benchmarking.serving import serve

from img2img.cli import count, run
from img2img.config import parse_overrides
from img2img.errors import ConfigError, nearest


def parse(argv: list[str]) -> argparse.Namespace:
    names = "\n".join(f"  {name:20} {case.what}" for name, case in CASES.items())
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"cases:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help="default: all")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:1")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16", "fp16"])
    parser.add_argument("--batch", type=count, default=1, help="images in a step")
    parser.add_argument("--processes", type=count, default=1, help="that share a training step")
    parser.add_argument("--queued", type=count, default=1, help="steps before a GPU is waited for")
    parser.add_argument("--warmup", type=int, default=2, help="steps before the first that counts")
    parser.add_argument("--repeats", type=count, default=5, help="steps that count")
    parser.add_argument("--shrink", type=count, default=1, help="divide sizes: to try it out")
    parser.add_argument("--set", nargs="*", default=[], metavar="key=value", help="settings beside")
    parser.add_argument("--against", metavar="COMMAND", help="another program; {case} is the name")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--serve", metavar="CASE", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def row(figures: Figures, peak: float, name: str) -> str:
    memory = f"{figures.peak / 2**20:8.0f}" if figures.peak else "       -"
    work = (
        f"{figures.rate:9.1f}  {figures.rate / peak:5.0%}"
        if figures.gflop
        else f"{'-':>9}  {'-':>5}"
    )
    times = f"{figures.median:9.4f}  {figures.least:9.4f}  {figures.greatest:9.4f}"
    return f"{name:24} {times}  {figures.images:9.3f}  {work}  {memory}"


def main(argv: list[str]) -> int:
    a = parse(argv)
    extra = parse_overrides(a.set)
    if a.serve:
        serve(
            a.serve, Setup(a.device, a.precision, a.batch, a.shrink, a.queued, extra), a.processes
        )
        return 0
    for name in a.cases:
        if name not in CASES:
            raise ConfigError(f"no case {name!r}; {nearest(name, CASES)}")
    if a.processes > 1 and not all(name.startswith("train-") for name in a.cases or CASES):
        raise ConfigError("--processes is for training: name the cases, as train-global")
    machine, most = describe(a.device), peaks(a.device, a.precision)
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    print(", ".join(f"{key} {value:.0f} GFLOP/s" for key, value in most.items()))
    heads = "median s    least s  greatest s   images/s    GFLOP/s  of peak    MiB"
    print(f"\n{'case':24} {heads}")
    passed = [f"--device={a.device}", f"--precision={a.precision}", f"--batch={a.batch}"]
    passed += [f"--shrink={a.shrink}", f"--processes={a.processes}", f"--queued={a.queued}"]
    passed += [*(["--set", *a.set] if a.set else [])]
    found = []
    for name in a.cases or CASES:
        ours, other, ratio = measure(
            serving_command(name, passed),
            name,
            warmup=a.warmup,
            repeats=a.repeats,
            against=a.against,
        )
        print(row(ours, max(most.values()), name), flush=True)
        if other and ratio:
            print(row(other, max(most.values()), "  the other"))
            memory = f", memory {ratio.memory:.2f}" if ratio.memory else ""
            print(f"  ratio {ratio.median:.3f} ({ratio.least:.3f} to {ratio.greatest:.3f}){memory}")
        beside = {"other": other and asdict(other), "ratio": ratio and asdict(ratio)}
        found.append(asdict(ours) | beside)
    if a.json:
        arguments = {key: str(value) for key, value in vars(a).items() if key != "serve"}
        a.json.write_text(
            json.dumps(
                {"machine": machine, "peaks": most, "how": arguments, "cases": found}, indent=2
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
