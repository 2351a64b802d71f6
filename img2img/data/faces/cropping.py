"""A folder of pictures becomes a folder of faces: detected, cut out square, resized."""

import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np

from img2img.data.faces.detection import detect, find_cascade, load_cascade
from img2img.data.pairing.splits import walk_pictures
from img2img.data.walking import Others
from img2img.errors import DataError, UserError
from img2img.fields.files import read_image, write_image
from img2img.fields.resizing import resize_image
from img2img.foreign import parse_json
from img2img.progress import counting

RECORD = "faces.jsonl"
NO_FACE, TOO_SMALL = "no face found", "smaller than the least face"

_cascade = cache(load_cascade)  # once in each process


@dataclass(frozen=True)
class Cut:
    """How faces are cut out.

    Attributes:
        size: side of the results in pixels.
        margin: added on each side of the detected square, as a share of it.
        least: the least side of a face in pixels.
        largest: of each picture the largest face alone.
    """

    size: int = 64
    margin: float = 0.2
    least: int = 48
    largest: bool = False


@dataclass
class Outcome:
    """What became of the pictures.

    Attributes:
        faces: cut out.
        done_before: pictures that an earlier call had dealt with; they count below as well.
        skipped: why, by the picture's path below the folder.
        others: files that are no pictures.
    """

    pictures: int = 0
    done_before: int = 0
    faces: int = 0
    skipped: dict[str, str] | None = None
    others: Others = field(default_factory=Others)


def crop_faces(
    folder: Path, out: Path, *, cascade: Path | None, cut: Cut, workers: int, overwrite: bool
) -> Outcome:
    """Writes `out/NAME.EXT_K.png`, RGB, for face K (from 0, the largest) of `folder/NAME.EXT`.

    Subfolders are kept, so names cannot collide. `out/faces.jsonl` records every picture that is
    done; a call that was interrupted goes on from there.

    Args:
        cascade: a Haar or LBP cascade of OpenCV; None: its own frontal face.
        workers: processes.
        overwrite: forget the record, and begin anew.

    Raises:
        DataError: nothing to read, a folder that is in use or made with other settings, a file that
            is no cascade, or a face that cannot be written; the same call then goes on.
    """
    path = find_cascade(cascade)
    _cascade(path)
    if not folder.is_dir():
        what = (
            "is a file; name the folder it lies in"
            if folder.exists()
            else "there is no such folder"
        )
        raise DataError(f"{folder}: {what}")
    if out.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{out}: lies in the folder that is read; choose another --out")
    found, doubles = walk_pictures(folder)
    paths = (found.path(key) for key in found.keys())  # noqa: SIM118 (not a dict)
    names = sorted([*paths, *(double for double, _ in doubles)])
    if not names:
        strange = f" ({said})" if (said := found.others.said()) else ""
        raise DataError(f"{folder}: no picture in it or below{strange}")
    settings = {"cascade": path.name, **asdict(cut)}
    done = _open_record(out, settings, overwrite=overwrite)
    skipped: dict[str, str] = {}
    outcome = Outcome(len(names), skipped=skipped, others=found.others)
    job = partial(_crop_file, folder=folder, out=out, cascade=path, cut=cut)
    todo = [name for name in names if name not in done]
    outcome.done_before = len(names) - len(todo)
    with open(out / RECORD, "a", encoding="utf-8") as record, _mapping(workers) as run:
        for line in counting(run(job, todo), len(todo), "pictures"):
            record.write(json.dumps(line) + "\n")
            record.flush()
            done[line["file"]] = line
    for name in names:
        outcome.faces += done[name]["faces"]
        if "skipped" in done[name]:
            skipped[name] = done[name]["skipped"]
    return outcome


def _open_record(out: Path, settings: dict, *, overwrite: bool) -> dict[str, dict]:
    """What is done already, by file; a new record begins with the settings.

    Raises:
        DataError: the folder holds other things, or faces cut in another way; whatever is asked for,
            a record that is none.
    """
    path = out / RECORD
    lines = _read_record(path) if path.is_file() else []
    if not path.is_file() and out.is_dir() and any(out.iterdir()):
        raise DataError(f"{out}: not empty, and no faces.jsonl in it; choose another --out")
    if lines and not overwrite:
        if lines[0] != settings:
            old = {key: value for key, value in lines[0].items() if value != settings.get(key)}
            before = ", ".join(f"{key} {value}" for key, value in old.items())
            raise DataError(
                f"{out}: its faces were cut with {before}; use the same settings to go on, choose "
                "another --out, or add --overwrite"
            )
        done = {line["file"]: line for line in lines[1:]}
        # Anew, so that no half a line stays in the middle.
        _write_record(path, [settings, *done.values()])
        return done
    for line in lines[1:]:  # those that a record names are ours
        for number in range(line["faces"]):
            _target(out, line["file"], number).unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    _write_record(path, [settings])
    return {}


def _read_record(path: Path) -> list[dict]:
    """The settings, and a line for each picture."""
    lines = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError):  # the last line, where writing was interrupted
            lines.append(parse_json(text))
    wanted = [{"cascade"}, *[{"file", "faces"}] * len(lines)]
    if not all(
        isinstance(line, dict) and keys <= line.keys()
        for line, keys in zip(lines, wanted, strict=False)
    ):
        raise DataError(f"{path}: not a record of faces cut out by this tool; choose another --out")
    return lines


def _write_record(path: Path, lines: list[dict]) -> None:
    passing = path.with_suffix(".tmp")
    passing.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    passing.replace(path)


def _target(out: Path, name: str, number: int) -> Path:
    return out / f"{name}_{number}.png"


@contextmanager
def _mapping(workers: int) -> Iterator:
    """A `map` over processes; of this one where there is one alone.

    Raises:
        DataError: a process died.
    """
    if workers < 2:
        yield map
        return
    # A process of its own kind: a fork would copy locks that threads of ours hold.
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=cv2.setNumThreads,
        initargs=(1,),
    )
    try:
        yield pool.map
    except BrokenProcessPool as error:
        raise DataError(
            "a worker process was ended from outside, as when memory is short; the same command "
            "goes on, --workers 1 takes the least memory"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _crop_file(name: str, *, folder: Path, out: Path, cascade: Path, cut: Cut) -> dict:
    """One picture's faces written, and its line in the record."""
    try:
        picture = _as_rgb(read_image(folder / name), folder / name)
    except UserError as error:
        return {"file": name, "faces": 0, "skipped": str(error)}
    if min(picture.shape[:2]) < cut.least:
        return {"file": name, "faces": 0, "skipped": TOO_SMALL}
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    boxes = detect(grey, _cascade(cascade), least=cut.least)[: 1 if cut.largest else None]
    for number, box in enumerate(boxes):
        target = _target(out, name, number)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_image(target, cut_out(picture, box, cut))
    none = {} if len(boxes) else {"skipped": NO_FACE}
    return {"file": name, "faces": len(boxes), **none}


def _as_rgb(picture: np.ndarray, path: Path) -> np.ndarray:
    """(H, W, C) of 8 or 16 bits -> (H, W, 3) uint8; transparency is left out.

    Raises:
        DataError: floats, whose range is not known, or channels that are no colours.
    """
    channels = picture.shape[2]
    if picture.dtype == np.uint16:
        picture = (picture // 257).astype(np.uint8)
    if picture.dtype != np.uint8 or channels > 4:
        raise DataError(
            f"{path}: {channels} channel(s) of {picture.dtype}; expected grey or RGB of 8 or 16 bits"
        )
    return np.ascontiguousarray(picture[:, :, [0, 0, 0] if channels < 3 else [0, 1, 2]])


def cut_out(picture: np.ndarray, box: np.ndarray, cut: Cut) -> np.ndarray:
    """The square around a face with its margin, `size` x `size`.

    Where it would reach over the picture's border it is moved, and made smaller at last: no pixel
    is invented.

    Args:
        picture: (H, W, 3) uint8.
        box: x, y, width, height.
    """
    x, y, width, height = (int(number) for number in box)
    side = min(round(max(width, height) * (1 + 2 * cut.margin)), *picture.shape[:2])
    left = min(max(0, round(x + (width - side) / 2)), picture.shape[1] - side)
    top = min(max(0, round(y + (height - side) / 2)), picture.shape[0] - side)
    square = picture[top : top + side, left : left + side]
    return np.rint(resize_image(square, (cut.size, cut.size))).astype(np.uint8)
