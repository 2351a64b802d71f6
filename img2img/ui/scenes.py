"""The pictures to start with: files of the command line, the run's own data, uploads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from img2img.config import parse_config
from img2img.data.describe import describe_data
from img2img.data.layouts import find_pairs
from img2img.data.loader import FolderSource
from img2img.data.roles import custom_parts
from img2img.data.spec import DataSpec
from img2img.errors import DataError, UserError
from img2img.fields.base import Field
from img2img.fields.files import read_image, read_info
from img2img.inference.arrays import to_stored
from img2img.inference.jobs import FileTranslator
from img2img.inference.planning import Job
from img2img.inference.styles.looks import Choice, read_look
from img2img.inference.translator import Translator
from img2img.keys import TARGET
from img2img.models import OPTIONS
from img2img.places import expand
from img2img.runs.checkpoint import Checkpoint
from img2img.text import showable

OFFERED = 24  # of the run's held-out pictures
FAR = 3  # times the training pictures' longer side
LARGEST = 2**28  # bytes of its pixels
MAX_SIDE = 4096  # pixels, of a picture opened in the page


@dataclass(frozen=True)
class Scene:
    """A picture to work on.

    Attributes:
        name: for people; files are named after it, made harmless.
        inputs: the run's inputs by name, labels in the ids that their files have. Instances
            may be missing.
        photo: (H, W, C) as the target, where there is one.
        doubt: why it may not be what was meant, "" for no reason.
    """

    name: str
    inputs: dict[str, np.ndarray]
    photo: np.ndarray | None = None
    doubt: str = ""


@dataclass(frozen=True)
class Offer:
    """A picture that can be opened.

    Attributes:
        open: reads it; raises DataError.
    """

    name: str
    open: Callable[[], Scene]


def from_files(jobs: Sequence[Job], translator: Translator, *, limit: bool = True) -> list[Offer]:
    """The first inputs' files, with what lies beside them as the run's layout says.

    Args:
        limit: refuses pictures that are too large for the page.
    """
    files = FileTranslator(translator)

    def opener(job: Job) -> Callable[[], Scene]:
        def read() -> Scene:
            for path in (job.path, *job.partners.values()) if limit else ():
                check_size(path, path.name)
            return Scene(job.path.stem, files.read(job))

        return read

    return [Offer(job.path.stem, opener(job)) for job in jobs]


def from_run(checkpoint: Checkpoint) -> list[Offer]:
    """The run's held-out pictures, where its data can still be found; else none."""
    try:
        config = parse_config(checkpoint.meta["config"], OPTIONS, str(checkpoint.path)).data
        if checkpoint.spec.layout == "built-in":
            source = describe_data(config, seed=checkpoint.meta["config"]["training"]["seed"]).val
        elif config.path is None:  # imported weights
            return []
        else:
            # Only the names: describing the data would read every file.
            pairs = find_pairs(
                expand(config.path),
                layout=config.layout,
                val_fraction=config.val_fraction,
                custom=custom_parts(config),
            )
            source = FolderSource(pairs.val or pairs.train, checkpoint.spec)
    except UserError:
        return []

    def opener(index: int) -> Callable[[], Scene]:
        def read() -> Scene:
            arrays = source.read(index)
            photo = arrays.pop(TARGET)
            inputs = to_stored(arrays, checkpoint.spec)
            return Scene(source.name(index), inputs, photo)

        return read

    return [Offer(source.name(i), opener(i)) for i in range(min(OFFERED, len(source)))]


def from_upload(
    label: Path,
    instances: Path | None,
    spec: DataSpec,
    name: str = "upload",
    photo: Path | None = None,
) -> Scene:
    """An uploaded label map, and the instance map with it.

    Args:
        label, instances, photo: files under names of the server's making.
        name: of the label map's file, for people.

    Raises:
        DataError: not pictures, too large, or not the run's; the messages have no paths.
    """
    inputs = {}
    first, objects = spec.inputs[0], spec.instances
    if instances is not None and objects is None:
        raise DataError("this run takes no instance map: leave it out")
    given: list[tuple[Field, Path]] = [(first, label)]
    if instances is not None and objects is not None:
        given.append((objects, instances))
    if photo is not None:
        given.append((spec.fields[0], photo))
    for field, path in given:
        try:
            check_size(path, field.words)
            inputs[field.name] = field.read(path)
        except DataError as error:
            raise DataError(str(error).replace(str(path), field.words)) from error
    shown = inputs.pop(TARGET, None)
    doubt = _doubt(label, inputs[first.name].shape[:2], spec)
    return Scene(showable(Path(name).stem[:60]) or "upload", to_stored(inputs, spec), shown, doubt)


def read_styles(path: Path, translator: Translator) -> dict[int, Choice]:
    """A `.style.json` that was uploaded.

    Raises:
        DataError: not a style file, or another run's; the message has no paths.
        ConfigError: the run has no styles.
    """
    translator.require_styles()
    try:
        return read_look(path, translator.model.options.feature_channels)
    except DataError as error:
        raise DataError(str(error).replace(str(path), "the styles")) from error


def _doubt(path: Path, size: tuple[int, int], spec: DataSpec) -> str:
    """Whether a label map has the colours of a photo, and is larger than what was learnt."""
    said = []
    if spec.labels is not None and spec.labels is spec.inputs[0] and read_info(path).channels >= 3:
        colours = _count_colours(read_image(path))
        if colours > 8 * spec.labels.classes + 64:
            said.append(
                f"it has {colours} colours, where a label map has one a class: a photo, or a map saved "
                "as JPEG? Each pixel became the class of the nearest colour"
            )
    learnt = spec.size if spec.resize is None else None  # resized, all sizes are one to the network
    if learnt is not None and max(size) > FAR * max(learnt):
        said.append(
            f"it has {size[1]} x {size[0]} pixels, the training pictures {learnt[1]} x {learnt[0]}: objects "
            "are far larger than those that the network has learnt and will look coarse; a smaller map "
            "looks better"
        )
    return "".join(f"The label map: {text}. " for text in said).strip()


def _count_colours(picture: np.ndarray) -> int:
    """Different colours of (H, W, C >= 3); of 8 bits in one pass, as sorting takes long."""
    if picture.dtype != np.uint8:
        return len(np.unique(picture[..., :3].reshape(-1, 3), axis=0))
    seen = np.zeros(1 << 24, bool)
    seen[picture[..., :3].astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)] = True
    return int(seen.sum())


def check_size(path: Path, what: str) -> None:
    """Raises DataError for a picture that is too large for the page, by its header alone."""
    info = read_info(path)
    if max(info.height, info.width) > MAX_SIDE:
        raise DataError(
            f"{what}: {info.width} x {info.height} pixels; the picker takes at most {MAX_SIDE} on "
            "a side. `img2img translate` takes larger ones"
        )
    size = info.height * info.width * info.channels * np.dtype(info.dtype).itemsize
    if size > LARGEST:
        raise DataError(
            f"{what}: {info.channels} channels of {info.dtype}, {size >> 20} MB once it is read; the "
            f"picker takes at most {LARGEST >> 20} MB"
        )
