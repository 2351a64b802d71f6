"""`img2img generate`: draw pictures by a run that learnt from pictures alone."""

import argparse
from pathlib import Path

from img2img.cli import count, seed
from img2img.cli.parser import Parser, path
from img2img.progress import counting, say

EPILOG = """examples:
  img2img generate --run digits -n 64                       64 pictures in a folder of generated/
  img2img generate --run digits -n 64 --class 3 --grid threes.png
  img2img generate --run digits --interpolate 4 9 --frames 30 --grid way.gif
  img2img generate --run codes -n 5 --traverse code=2 --grid code.png
  img2img generate --run faces --arithmetic "smiling_woman - woman + man" --names seeds.json
  img2img generate --run digits -n 8 --nearest --grid neighbours.png

A picture depends on its seed alone: picture i of `--seed 7` is that of seed 7 + i."""


COUNT = 16
GRIDS = (".png", ".tif", ".npy")
WAYS = ("interpolate", "traverse", "arithmetic", "nearest")


def parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="img2img generate",
        description="Draw pictures by a run that learnt from pictures alone.",
        epilog=EPILOG,
    )
    parser.add_argument("--run", help="name (runs/NAME) or path of the run; the newest")
    parser.add_argument("--checkpoint", help="last, a step, or a file")
    parser.add_argument("-n", type=count, metavar="N", help="number of pictures (16)")
    parser.add_argument(
        "--class",
        dest="kind",
        metavar="NAME",
        help="class of all pictures; else each has its own at random, and a way that of its first",
    )
    parser.add_argument("--seed", type=seed, help="seed of the first picture (0)")
    parser.add_argument(
        "--out",
        type=path,
        help="folder for single pictures (generated/RUN-STEP); its pictures.jsonl has their classes",
    )
    parser.add_argument(
        "--grid",
        type=path,
        help="one picture of all instead; of --interpolate a strip, or a .gif (generated.png)",
    )
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--interpolate",
        nargs=2,
        type=seed,
        metavar=("A", "B"),
        help="the way from one seed's picture to another's; a .gif moves",
    )
    ways.add_argument(
        "--traverse",
        metavar="code=K",
        help="infogan: pictures along a code; code 1 is the categorical one, 2 and 3 are continuous",
    )
    ways.add_argument("--arithmetic", metavar="SUM", help="sum of the means of named seeds")
    ways.add_argument(
        "--nearest", action="store_true", help="beside each picture its nearest training pictures"
    )
    parser.add_argument(
        "--data", help="the training pictures, for --nearest, where they have moved"
    )
    parser.add_argument("--names", type=path, help='JSON: {"woman": [3, 17, 40], ...}')
    parser.add_argument(
        "--frames",
        type=count,
        help="pictures of --interpolate, or of --traverse along a continuous code (10)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Draws, writes, says where."""
    a = parse(argv)
    _check(a)
    from img2img.inference.sampler import LatentSampler

    sampler = LatentSampler.load(a.run, checkpoint=a.checkpoint, device=a.device)
    first = a.seed or 0
    seeds = range(first, first + (a.n or COUNT))
    write = _show if _way(a) or a.grid else _write
    where = write(a, sampler, seeds)
    say(f"{where} (by {sampler.source})")
    return 0


def _way(a: argparse.Namespace) -> str:
    """The option that asks for something else than pictures one by one, "" where there is none."""
    given = (way for way in WAYS if getattr(a, way) not in (None, False))
    return next((f"--{way}" for way in given), "")


def _check(a: argparse.Namespace) -> None:
    """Raises ConfigError where an option would have no effect."""
    from img2img.errors import ConfigError

    way = _way(a)
    if (a.arithmetic is None) != (a.names is None):
        raise ConfigError(
            "--arithmetic needs --names FILE, which says what its names mean, and vice versa"
        )
    if a.frames is not None and way not in ("--interpolate", "--traverse"):
        raise ConfigError(
            "--frames is of --interpolate or --traverse; -n is the number of pictures"
        )
    if a.data is not None and way != "--nearest":
        raise ConfigError("--data is of --nearest, which looks for pictures among these")
    if a.grid is not None:
        _check_grid(a.grid, moving=way == "--interpolate")
    if a.frames == 1:
        raise ConfigError("--frames 1: a way from one end to the other has at least 2 pictures")
    if way == "--interpolate" and (a.n is not None or a.seed is not None):
        raise ConfigError(
            "-n and --seed are not of --interpolate A B, which names its two seeds; --frames is the "
            "number of pictures"
        )
    if way == "--arithmetic" and a.n is not None:
        raise ConfigError("-n is not of --arithmetic, which draws the seeds in --names")
    if a.out is not None and (way or a.grid):
        raise ConfigError(
            f"--out is a folder for single pictures, but {way or '--grid'} makes one picture of all; "
            "name its file with --grid alone"
        )


def _check_grid(path: Path, *, moving: bool) -> None:
    """Raises ConfigError where no picture can be written."""
    from img2img.errors import ConfigError

    if path.is_dir():
        raise ConfigError(f"--grid {path} is a folder; name a file, such as {path / 'grid.png'}")
    kinds = [*GRIDS, *([".gif"] if moving else [])]
    if path.suffix.lower().replace(".tiff", ".tif") not in kinds:
        moves = "" if moving else "; only --interpolate makes a .gif"
        raise ConfigError(f"--grid {path}: a name ends in {' or '.join(kinds)}{moves}")


def _write(a: argparse.Namespace, sampler, seeds: range) -> str:
    """One file for each picture, named by its seed."""
    from img2img.errors import counted
    from img2img.inference.drawings import write_pictures

    source = Path(sampler.source).resolve()  # runs/NAME/checkpoints/step-00004000.safetensors
    folder = a.out or Path("generated") / f"{source.parent.parent.name}-{source.stem}"
    for _ in counting(write_pictures(sampler, seeds, folder, kind=a.kind), len(seeds), "picture"):
        pass
    return f"{counted(len(seeds), 'picture')}: {folder}"


def _show(a: argparse.Namespace, sampler, seeds: range) -> str:
    """One picture of what was asked for."""
    from img2img.fields.files import write_image
    from img2img.inference import showing
    from img2img.inference.drawings import classes_of
    from img2img.inference.walks import read_names

    path = a.grid or Path("generated.png")
    if a.interpolate is not None:
        frames = showing.interpolation(sampler, tuple(a.interpolate), a.frames, kind=a.kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        return f"{showing.write_frames(path, frames)}: {path}"
    if a.traverse is not None:
        code = _code(a.traverse)
        sheet = showing.traversal(sampler, seeds, code, a.frames, kind=a.kind)
    elif a.arithmetic is not None:
        names = read_names(a.names)
        sheet = showing.arithmetic(sampler, a.arithmetic, names, kind=a.kind, seed=seeds[0])
    elif a.nearest:
        data, config = _training_data(sampler, a.data)
        sheet, lines = showing.neighbours(sampler, seeds, data, config, kind=a.kind)
        say("\n".join(lines))
    else:
        sheet = showing.grid(sampler, seeds, kind=a.kind)
        if classes := classes_of(sampler, seeds, kind=a.kind):
            listed = zip(seeds, classes, strict=True)
            say("class of each seed: " + ", ".join(f"{one} {name}" for one, name in listed))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, sheet)
    return f"grid: {path}"


def _code(text: str) -> int:
    from img2img.errors import ConfigError

    word, _, number = text.partition("=")
    if word != "code" or not number.isdecimal():
        raise ConfigError(f"--traverse {text!r}: expected code=K, such as code=1")
    return int(number)


def _training_data(sampler, path: str | None):
    """The pictures that the run learnt from, and how they are read."""
    from img2img.errors import DataError
    from img2img.tasks import find_data

    config = sampler.config
    if path is not None:
        config = config.model_copy(update={"data": config.data.model_copy(update={"path": path})})
    try:
        return find_data(config), config.data
    except DataError as error:
        hint = "" if path else "\nIf the run's data have moved: --data DIR"
        raise DataError(f"{error}{hint}") from error
