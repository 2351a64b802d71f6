"""The files of an evaluation: written aside, put in place when all of them are there."""

import csv
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from img2img.errors import ConfigError, UserError
from img2img.evaluation.evaluator import EvaluatedSet
from img2img.evaluation.examples import chosen
from img2img.evaluation.heldout import HeldOut
from img2img.evaluation.judges.trained_segmenter import FILE as TRAINED
from img2img.evaluation.pages.report import report_page
from img2img.evaluation.reals import RealFolder, Reals, assign, find_pictures
from img2img.evaluation.result import DRAWN, EVALUATION, Evaluation, write_json
from img2img.evaluation.scoring import PROTOCOL
from img2img.fields.files import read_image, write_image
from img2img.runs.writing import write_text

IMAGES, CLASSES = "images.csv", "segmentation.csv"
COUNTED = ("right", "labelled", "predicted")  # pixels of a class, as of `count_classes`
PAGE, COMPARISON_PAGE, COMPARISON = "index.html", "comparison.html", "comparison.json"
TRANSLATED = "translated"
GRID = "drawn.png"
AGAINST = "against"
FIRST, SECOND = "first", "second"
# What an evaluation may leave in its folder; what it finds there of a former one, it removes, but
# for the trained segmenter, which a later one may be told to use.
OWN = (
    TRANSLATED, GRID, AGAINST, FIRST, SECOND, IMAGES, CLASSES, PAGE, COMPARISON_PAGE, COMPARISON, EVALUATION,
)  # fmt: skip
_UNFINISHED = ".unfinished"


@contextmanager
def results(out: Path) -> Iterator[Path]:
    """A folder to write results in, whose content replaces that of `out` in the end.

    Where anything goes wrong before, `out` stays as it was.

    Raises:
        ConfigError: `out` holds other things than an evaluation, or cannot be written.
    """
    made = not out.exists()
    passing = out / _UNFINISHED
    try:
        _check_ours(out)
        shutil.rmtree(passing, ignore_errors=True)  # of one that was killed
        passing.mkdir(parents=True)
        try:
            yield passing
            _put_in_place(passing, out)
        finally:
            shutil.rmtree(passing, ignore_errors=True)
            if made and not any(out.iterdir()):
                out.rmdir()
    except OSError as error:
        raise ConfigError(f"{out}: the results cannot be written ({error.strerror})") from error


def _check_ours(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise ConfigError(f"{out} is a file; name a folder for the results with --out")
    found = [path for path in out.iterdir() if not path.name.startswith(".")]
    if found and not any((out / name).is_file() for name in (EVALUATION, COMPARISON)):
        raise ConfigError(
            f"{out} holds other things than an evaluation, for example {found[0].name}; name another "
            "folder for the results with --out"
        )


def _put_in_place(passing: Path, out: Path) -> None:
    for name in (TRAINED, *OWN):
        new, old = passing / name, out / name
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        elif not new.exists() and name in OWN:
            old.unlink(missing_ok=True)
        if new.exists():
            new.replace(old)


def write_set(folder: Path, found: EvaluatedSet) -> None:
    """All files on one set of pictures.

    Raises:
        OSError, CheckpointError: they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    evaluation = found.evaluation
    if evaluation.images:
        metrics = list(dict.fromkeys(m for own in evaluation.images.values() for m in own))
        values = ([n, *(own.get(m, "") for m in metrics)] for n, own in evaluation.images.items())
        _write_table(folder / IMAGES, ["picture", *metrics], values)
    if evaluation.counts:
        _write_table(folder / CLASSES, ["picture", "class", *COUNTED], _class_rows(evaluation))
    if found.grid is not None:
        write_image(folder / GRID, found.grid)
    shown = chosen(found) if found.grid is None else {}
    write_text(folder / PAGE, report_page(evaluation, shown, found.run, found.grid))
    evaluation.save(folder)


def _class_rows(evaluation: Evaluation) -> Iterator[list[Any]]:
    """A row for each class that a picture has, or was given by the segmenter."""
    for name, counts in evaluation.counts.items():
        for number in np.flatnonzero(counts.any(0)).tolist():
            yield [name, evaluation.class_names[number], *counts[:, number].tolist()]


def _write_table(path: Path, head: list[str], rows: Iterable[list[Any]]) -> None:
    # Names may hold bytes that are no text.
    with open(path, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        csv.writer(file).writerows([head, *rows])


def read_set(folder: Path) -> EvaluatedSet:
    """What `write_set` wrote; without its pictures where these cannot be found again.

    Raises:
        ConfigError: there is no evaluation, or it is damaged.
    """
    evaluation = _read_evaluation(folder)
    protocol = evaluation.protocol
    try:
        if DRAWN in protocol:
            return EvaluatedSet(evaluation, grid=read_image(folder / GRID))
        reals: Reals
        if "run" in protocol:
            data = Path(protocol["data"]) if Path(protocol["data"]).is_absolute() else None
            run, checkpoint = protocol["run"], protocol["checkpoint"]
            reals = HeldOut(run, checkpoint=checkpoint, data=data, device="cpu")
        else:
            reals = RealFolder(find_pictures(Path(protocol["real"]))[0], {})
        fakes = find_pictures(folder / protocol["translated"])[0]
        return EvaluatedSet(evaluation, assign(fakes, reals.names)[0], reals)
    except (UserError, KeyError, TypeError):
        return EvaluatedSet(evaluation)


def _read_evaluation(folder: Path) -> Evaluation:
    evaluation = Evaluation.load(folder / EVALUATION)
    protocol = evaluation.protocol
    if DRAWN not in protocol and not all(key in protocol for key in PROTOCOL):
        raise ConfigError(f"{folder / EVALUATION}: of another version; evaluate anew")
    names = tuple(protocol.get("segmentation", {}).get("classes", ()))
    path = folder / CLASSES
    if not names or not path.is_file():
        return evaluation
    spelt = {n.encode("utf-8", "backslashreplace").decode(): n for n in evaluation.images}
    counts: dict[str, np.ndarray] = {}
    try:
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                picture = spelt[row["picture"]]
                own = counts.setdefault(picture, np.zeros((len(COUNTED), len(names)), np.int64))
                own[:, names.index(row["class"])] = [int(row[key]) for key in COUNTED]
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); evaluate anew") from error
    return replace(evaluation, counts=counts, class_names=names)


def write_comparison(folder: Path, content: Mapping[str, Any], page: str) -> None:
    """A comparison as JSON and as a page.

    Raises:
        CheckpointError: they cannot be written.
    """
    write_json(folder / COMPARISON, content)
    write_text(folder / COMPARISON_PAGE, page)
