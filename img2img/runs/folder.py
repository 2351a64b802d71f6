"""Run folders: `runs/NAME/` with config.yaml, metrics.jsonl, samples/ and checkpoints/."""

import datetime
import shlex
import shutil
import sys
from pathlib import Path

from img2img.errors import CheckpointError, ConfigError, nearest
from img2img.places import expand
from img2img.progress import say
from img2img.runs.checkpoint import SUFFIX, Checkpoint, read_checkpoint, step_files
from img2img.runs.locking import owning
from img2img.runs.writing import write_text

RUNS = Path("runs")
CONFIG, METRICS, SAMPLES, CHECKPOINTS = "config.yaml", "metrics.jsonl", "samples", "checkpoints"
HEALTH = "health.jsonl"
BEST = f"best{SUFFIX}"


def run_path(name: str) -> Path:
    """`NAME` means runs/NAME; anything with a separator is a path as it is."""
    is_path = name.startswith(("~", ".")) or any(mark in name for mark in ("/", "\\"))
    return expand(name) if is_path else RUNS / name


def typed(run: Path) -> str:
    """A run's path as it is typed: a plain word would be the name of a run in runs/."""
    text = str(run)
    return shlex.quote(text if run_path(text) == run else f"./{text}")


def new_run_name(model: str) -> str:
    """`<model>-<date-time>`."""
    return f"{model}-{datetime.datetime.now():%Y%m%d-%H%M%S}"


def check_new(path: Path, *, overwrite: bool) -> None:
    """Makes sure that a run may be written to `path`; writes nothing.

    Raises:
        ConfigError: it exists (and `overwrite` is off), or it is no run and so not ours to
            delete.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not overwrite:
        raise ConfigError(
            f"{path} exists: go on with `--resume {path}`, choose another name with --run, or "
            "replace it with --overwrite"
        )
    if not (path / CONFIG).is_file():
        raise ConfigError(f"{path} is not a run (it has no {CONFIG}): not overwritten")


def create_run(path: Path, config: str, *, overwrite: bool) -> None:
    """A run folder that holds only its config (YAML).

    Raises:
        ConfigError: as `check_new`, another process writes the former run, or the folder cannot
            be made.
    """
    check_new(path, overwrite=overwrite)
    try:
        if path.exists():
            with owning(path, "--overwrite"):
                # Renamed first: a deletion that stops half-way must not leave half a run.
                doomed = path.with_name(f".{path.name}.overwritten")
                shutil.rmtree(doomed, ignore_errors=True)
                path.rename(doomed)
            shutil.rmtree(doomed)
        path.mkdir(parents=True)
        write_text(path / CONFIG, config)
        (path / CHECKPOINTS).mkdir()
    except OSError as error:
        raise ConfigError(f"{path}: the run folder cannot be made ({error.strerror})") from error


def newest_run(root: Path = RUNS) -> Path:
    """The run whose checkpoint was written last.

    Raises:
        CheckpointError: there is none.
    """
    times = {
        path: max(file.stat().st_mtime_ns for file in files)
        for path in (root.iterdir() if root.is_dir() else ())
        if (files := list((path / CHECKPOINTS).glob(f"*{SUFFIX}")))
    }
    if not times:
        raise CheckpointError(
            f"no run with a checkpoint in {root}/: train one with `img2img train`, or name one "
            "with --run NAME-or-path"
        )
    return max(times, key=times.__getitem__)


def find_run(name: str | None) -> Path:
    """The run that a name or path means; the newest one for None.

    Raises:
        CheckpointError: there is no such run, or it holds no checkpoint.
    """
    if name is None:
        return newest_run()
    path = run_path(name)
    if not path.is_dir():
        others = sorted(p.name for p in RUNS.iterdir()) if RUNS.is_dir() else []
        hint = nearest(path.name, others) if others else "there are no runs here"
        raise CheckpointError(f"{path}: no such run; {hint}")
    if not list((path / CHECKPOINTS).glob(f"*{SUFFIX}")):
        raise CheckpointError(f"{path}: the run holds no checkpoint yet")
    return path


def last_checkpoint(run: Path) -> Checkpoint:
    """The newest readable checkpoint of a run; damaged newer ones are named on stderr.

    Raises:
        CheckpointError: none is readable; what is wrong with the newest.
    """
    failure = None
    for path in reversed(step_files(run / CHECKPOINTS)):
        try:
            found = read_checkpoint(path)
        except CheckpointError as error:
            failure = failure or error
            continue
        if failure:
            say(f"warning: {failure}\nusing {path} instead", file=sys.stderr)
        return found
    raise failure or CheckpointError(f"{run}: no checkpoint to go on from in {run / CHECKPOINTS}")


def pick_checkpoint(run: Path, which: str | None) -> Checkpoint:
    """A run's checkpoint: `best`, `last`, a step number, or a file; None: last, else best.

    The last one is what a GAN is judged by: without LPIPS weights `best` goes by SSIM, which
    likes blur, and may be an early, soft state.

    Raises:
        CheckpointError: there is no such checkpoint, or it cannot be read.
    """
    folder = run / CHECKPOINTS
    if which is None and not step_files(folder):
        which = "best"  # a run of which somebody kept the weights alone
    if which in (None, "last"):
        return last_checkpoint(run)
    if which == "best":
        return read_checkpoint(folder / BEST)
    if which.isdecimal():
        known = {int(path.stem.split("-")[1]): path for path in step_files(folder)}
        if int(which) not in known:
            raise CheckpointError(
                f"{run}: no checkpoint of step {which}; there are {sorted(known) or 'none'}"
            )
        return read_checkpoint(known[int(which)])
    return read_checkpoint(expand(which))
