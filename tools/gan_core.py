"""What each model without pairs learns from a few thousand digits, and from the built-in pictures.

    python tools/gan_core.py --data mnist_5k.csv.gz --out runs/gan-core --page docs/gan-core.md

Every model is trained by `img2img train`, and its pictures are scored by a classifier of the real
digits. What is in OUT/results.json already, of the same budget, is not done again. The page can be
written later, and elsewhere, from OUT alone: --only-page.
"""

import argparse
import json
import shlex
import sys
from pathlib import Path

from img2img.cli import count, run

STEPS, GENERATED = 4000, 2000
MIXTURE_STEPS = 6_000
SEEDS = range(1)  # of each training on a mixture
TINY_STEPS, TINY_COUNT = 3, 20


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="CSV of pixels, the digit last")
    parser.add_argument("--out", type=Path, default=Path("runs/gan-core"))
    parser.add_argument("--models", nargs="+", metavar="NAME", help="of the experiments; all")
    parser.add_argument(
        "--steps",
        type=count,
        help=f"of each training ({STEPS}; of mixtures, the generator's: {MIXTURE_STEPS})",
    )
    parser.add_argument("--minutes", type=float, help="after which a training stops at the latest")
    parser.add_argument(
        "--full", action="store_true", help="the models' own widths and batches, for a GPU"
    )
    parser.add_argument("--smoke", action="store_true", help="so small that it only runs")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1")
    parser.add_argument("--jobs", type=count, default=1, help="trainings side by side (1)")
    parser.add_argument(
        "--mixtures", action="store_true", help="instead: GANs on a ring and on a grid of Gaussians"
    )
    parser.add_argument("--page", type=Path, help="page whose tables and pictures are replaced")
    parser.add_argument("--only-page", action="store_true", help="from the results that are there")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    a = parse(argv)
    from benchmarking.gans.page import RESULTS, write_page

    from img2img.errors import ConfigError

    if a.page and not a.page.is_file():
        raise ConfigError(
            f"--page {a.page}: no such page; docs/gan-core.md has the places to fill in"
        )
    file = a.out / RESULTS
    if not a.only_page:
        (measure_mixtures if a.mixtures else measure)(a, file, _command(argv))
    elif not file.is_file():
        raise ConfigError(f"{file}: there are no results; leave out --only-page")
    if a.page:
        write_page(a.page, json.loads(file.read_text(encoding="utf-8")), a.out)
        print(f"written: {a.page}")
    return 0


def _command(argv: list[str]) -> str:
    """The command line without the places of one machine."""
    words = (Path(word).name if Path(word).is_absolute() else word for word in argv)
    return shlex.join(["python", "tools/gan_core.py", *words])


def measure(a: argparse.Namespace, file: Path, command: str) -> None:
    """Trains and scores what the results lack; they are written after each model."""
    from benchmarking.gans.experiments import EXPERIMENTS, Budget
    from benchmarking.gans.study import Study

    from img2img.errors import ConfigError, nearest

    names = a.models or list(EXPERIMENTS)
    for name in names:
        if name not in EXPERIMENTS:
            raise ConfigError(f"--models {name}: no such experiment; {nearest(name, EXPERIMENTS)}")
    if a.data is None and any(EXPERIMENTS[name].data == "digits" for name in names):
        raise ConfigError("--data is missing: a CSV of pixels, the digit last")
    budget = Budget(
        TINY_STEPS if a.smoke else a.steps or STEPS, a.minutes, full=a.full, tiny=a.smoke
    )
    number = TINY_COUNT if a.smoke else GENERATED
    study = Study(a.out, budget, data=a.data, device=a.device, jobs=a.jobs, count=number)
    for line in study.run(names, file, command):
        print(line, flush=True)


def measure_mixtures(a: argparse.Namespace, file: Path, command: str) -> None:
    """Trains on points in the plane, and adds what was found to the results."""
    from benchmarking.gans.study import run_plane

    seeds, steps = (SEEDS[:1], TINY_STEPS) if a.smoke else (SEEDS, a.steps or MIXTURE_STEPS)
    for line in run_plane(a.out, file, command, seeds, steps, a.device, a.jobs):
        print(line, flush=True)


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
