"""Which term buys what: trains pix2pix and pix2pixHD with and without their parts, and scores them.

    python tools/ablation.py --facades DIR --camvid DIR --vgg-weights FILE --page docs/benchmarks.md

Every variant gets the same pairs, size, width and number of steps. What is trained or scored already
is not done again, and a training that was stopped is gone on with.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarking import ablation
from benchmarking.markdown import insert

from img2img.cli import count, run
from img2img.fields.files import write_image

TOOLS = Path(__file__).resolve().parent


def command(tool: str, *arguments: object) -> None:
    """Runs another tool; ends with its exit code where it fails."""
    line = [sys.executable, str(TOOLS / tool), *map(str, arguments)]
    print("$", *line[1:], flush=True)
    code = subprocess.run(line).returncode
    if code:
        sys.exit(code)


def train(path: Path, data_set: str, variant: str, a: argparse.Namespace) -> None:
    budget = ablation.Budget(a.steps, a.pixels, a.width)
    if ablation.is_done(path, budget):
        return
    if ablation.is_started(path):
        command("train.py", "--resume", path)
        return
    how = ablation.settings(data_set, variant, budget)
    if ablation.VARIANTS[variant]["name"] == "pix2pixHD":
        how.append(f"--vgg-weights={a.vgg_weights}")
    where = ["--data", getattr(a, data_set), "--run", path, f"--device={a.device}"]
    command("train.py", *where, "--overwrite", *how)


def score(path: Path, first: Path, data: Path, a: argparse.Namespace) -> None:
    """One segmenter judges all variants of a data set: the one that the first is scored with."""
    trained = first / ablation.FOLDER / "segmenter.safetensors"
    judges = ["--segmenter", trained if trained.is_file() else "train"]
    if a.segmenter_steps:
        judges += ["--segmenter-steps", str(a.segmenter_steps)]
    judges += ["--lpips-weights", a.vgg_weights, f"--device={a.device}"]
    command("evaluate.py", "--run", path, "--data", data, *judges)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ablation.DATA_SETS:
        parser.add_argument(f"--{name}", type=Path, help=f"folder with {name}")
    parser.add_argument("--vgg-weights", type=Path, required=True, help="VGG16: for loss and LPIPS")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--steps", type=count, default=1000)
    parser.add_argument("--pixels", type=count, default=64, help="width of the pictures")
    parser.add_argument("--width", type=count, default=24, help="of the networks' first layers")
    parser.add_argument("--segmenter-steps", type=count, help="of training the judge")
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--variants", nargs="+", choices=ablation.VARIANTS, default=list(ablation.VARIANTS)
    )
    parser.add_argument("--page", type=Path, help="page whose tables are replaced")
    a = parser.parse_args(argv)
    for data_set in ablation.DATA_SETS:
        if not getattr(a, data_set):
            continue
        runs = {name: a.out / f"{data_set}-{name}" for name in a.variants}
        for variant, path in runs.items():
            train(path, data_set, variant, a)
        data = a.out / f"{data_set}-reduced"
        if not data.is_dir():
            budget = ablation.Budget(a.steps, a.pixels, a.width)
            ablation.reduce(getattr(a, data_set), data, data_set, budget)
        for path in runs.values():
            if not ablation.is_scored(path):
                score(path, runs[a.variants[0]], data, a)
        text = ablation.table({name: ablation.load(path) for name, path in runs.items()})
        print(text)
        write_image(a.out / f"{data_set}.png", ablation.sheet(runs, data))
        if a.page:
            insert(a.page, data_set, text)
    return 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
