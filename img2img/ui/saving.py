"""Saving: the picture, its styles, and the label and instance maps it was made from."""

import itertools
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from img2img.errors import DataError
from img2img.fields.files import suffix_for, write_image
from img2img.inference.jobs import make_folder
from img2img.inference.styles.looks import write_look
from img2img.ui.engine import Engine
from img2img.ui.history import Moment

OUT = Path("styled")
LOOK = ".style.json"  # how the styles' file ends
IDS = (".png", ".tif")  # how the maps' files end: small ids, any ids


@dataclass(frozen=True)
class Saved:
    """The files of one picture.

    Attributes:
        look: the styles; None where the model has none.
        command: what renders the picture again, as arguments of `img2img`; () where the inputs
            that were saved are not all that the run needs.
    """

    picture: Path
    look: Path | None
    inputs: tuple[Path, ...]
    command: tuple[str, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.picture, *([self.look] if self.look else []), *self.inputs)


def save(engine: Engine, moment: Moment, name: str, folder: Path) -> Saved:
    """Writes a state and its maps under a new name; nothing is ever overwritten.

    Args:
        name: what it shows; becomes harmless, and gets a number.

    Raises:
        DataError: a file cannot be written.
    """
    target = engine.spec.target
    sources = [source for source in (engine.labels, engine.instances) if source is not None]
    ends = ["_" + source.kind.removesuffix("s") for source in sources]
    beside = [LOOK, *(end + suffix for end in ends for suffix in IDS)]
    suffix = suffix_for(target.file_type, target.channels)
    picture = _new_file(folder, slug(name), suffix, beside)
    maps: dict[str, Path] = {}
    try:
        look = write(engine, moment, picture)
        for source, end in zip(sources, ends, strict=True):
            maps[source.name] = _ids_file(folder, picture.stem + end, moment.inputs[source.name])
            _write_ids(maps[source.name], moment.inputs[source.name])
    except BaseException:  # what is half there is of no use
        for path in (picture, picture.with_name(picture.stem + LOOK), *maps.values()):
            path.unlink(missing_ok=True)
        raise
    return Saved(picture, look, tuple(maps.values()), _command(engine, maps, look))


def write(engine: Engine, moment: Moment, path: Path) -> Path | None:
    """Writes a state's picture, and its styles beside it.

    It is rendered anew, alone, as it will be when it is rendered from the files: in a batch,
    sums may round otherwise.

    Returns:
        The styles' file, None where the model has none.

    Raises:
        DataError: a file cannot be written.
    """
    [picture] = engine.render(moment.inputs, [moment.look])
    make_folder(path.parent)
    write_image(path, picture)
    if not engine.translator.style_input:
        return None
    look = path.with_name(path.stem + LOOK)
    write_look(look, moment.look)
    return look


def slug(name: str) -> str:
    """A name made of letters, digits and single hyphens; `picture` where nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "picture"


def _new_file(folder: Path, stem: str, suffix: str, beside: Sequence[str]) -> Path:
    """An empty file with the first number that is free; two tabs never get the same.

    Args:
        beside: ends of names that must be free too.
    """
    make_folder(folder)
    for number in itertools.count(1):
        path = folder / f"{stem}-{number}{suffix}"
        if any(os.path.lexists(folder / f"{stem}-{number}{end}") for end in beside):
            continue
        try:
            path.touch(exist_ok=False)
            return path
        except FileExistsError:
            continue
        except OSError as error:
            raise DataError(f"{path}: cannot be written ({error.strerror})") from error
    raise AssertionError("there is no last number")


def _ids_file(folder: Path, stem: str, ids: np.ndarray) -> Path:
    """Named by the form in which the run reads the ids back as they are."""
    fits = int(ids.min()) >= 0 and int(ids.max()) <= np.iinfo(np.uint16).max
    return folder / (stem + IDS[0 if fits else 1])


def _write_ids(path: Path, ids: np.ndarray) -> None:
    small = path.suffix == IDS[0]
    write_image(path, ids.astype(np.min_scalar_type(int(ids.max()))) if small else ids)


def _command(engine: Engine, inputs: dict[str, Path], look: Path | None) -> tuple[str, ...]:
    first = engine.spec.inputs[0]
    if any(source.name not in inputs for source in engine.spec.inputs):
        return ()
    command = ["translate", str(inputs[first.name])]
    if engine.instances is not None and engine.instances is not first:
        command += ["--instances", str(inputs[engine.instances.name])]
    return (*command, *engine.arguments, *(["--style-file", str(look)] if look else []))
