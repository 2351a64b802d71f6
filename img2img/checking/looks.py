"""A scan of the pixels of a pair: what is kept of it is small, however large the pictures are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from img2img.checking.alignment import correlate, edges_of_ids, edges_of_picture
from img2img.checking.instances import InstanceScan, scan_instances
from img2img.checking.likeness import fingerprint
from img2img.checking.thinness import count_inner
from img2img.data.pairing.records import Part
from img2img.data.pairing.table import Record
from img2img.errors import DamagedError, DataError
from img2img.fields import FIELDS, Label
from img2img.fields.base import halve_picture
from img2img.fields.files import is_lossy, read_ids, read_image
from img2img.schema import InputConfig

# A picture is called black where even its brightest value is below this share of its type's range.
_BLACK = 0.03


@dataclass(frozen=True)
class Roles:
    """Which part of a record is what, and how to read it."""

    inputs: tuple[InputConfig, ...]
    target: str
    parts: dict[str, Part]
    drafts: Mapping[str, Label]

    @property
    def labels(self) -> InputConfig | None:
        """The first label map."""
        return next((s for s in self.inputs if FIELDS[s.kind].has_classes), None)

    @property
    def instances(self) -> InputConfig | None:
        """The first instance map."""
        return next((s for s in self.inputs if FIELDS[s.kind].is_derivable), None)

    @property
    def pictures(self) -> list[InputConfig]:
        """The inputs that are pictures."""
        return [s for s in self.inputs if FIELDS[s.kind].is_picture]

    def picture(self, record: Record, part: str) -> np.ndarray:
        """The picture (H, W, C) of a part."""
        return halve_picture(read_image(record.files[part]), self.parts[part].half)

    def ids(self, record: Record, source: InputConfig) -> np.ndarray:
        """The ids (H, W) of labels, as stored, or of instances."""
        path, half = record.files[source.part], self.parts[source.part].half
        if FIELDS[source.kind].has_classes:
            return self.drafts[source.name].decode(path, half).ids
        return halve_picture(read_ids(path), half)


@dataclass(frozen=True)
class PairScan:
    """What the pixels of a pair say.

    Attributes:
        damaged, unusable: messages about files that their header did not betray: bytes that make
            no sense, and what is whole but cannot be used so.
        dull: (file, "black", "one colour" or "not finite") of pictures.
        mark: the target's fingerprint, 0 where it could not be read.
        lossy: the instance file, where its ids are not exact.
        thin: of the label map of a sampled pair, as `count_inner`.
        shifts: of a sampled pair, as `correlate`.
    """

    damaged: tuple[str, ...]
    unusable: tuple[str, ...]
    dull: tuple[tuple[Path, str], ...]
    mark: int
    instances: InstanceScan | None
    lossy: Path | None
    thin: Sequence[tuple[np.ndarray, np.ndarray]] | None
    shifts: np.ndarray | None


def scan_pair(record: Record, roles: Roles, *, sampled: bool) -> PairScan:
    """Reads all files of a pair.

    Args:
        sampled: also compare its files with one another; else the label map, which was read
            before, is left alone.
    """
    faults: list[DataError] = []
    pictures: dict[str, np.ndarray | None] = {}
    label = instances = lossy = None
    names = [source.part for source in roles.pictures]
    for part in dict.fromkeys((*names, roles.target)):
        pictures[part] = _tried(faults, roles.picture, record, part)
    labels, objects = roles.labels, roles.instances
    palette = labels and roles.drafts[labels.name].palette
    if sampled and labels:
        label = _tried([], roles.ids, record, labels)  # said when it was read first
    if objects:
        instances = _tried(faults, roles.ids, record, objects)
        if instances is not None:
            lossy = _lossy(faults, record.files[objects.part])
    target = pictures[roles.target]
    return PairScan(
        damaged=_messages(e for e in faults if isinstance(e, DamagedError)),
        unusable=_messages(e for e in faults if not isinstance(e, DamagedError)),
        dull=tuple(
            (record.files[part], why)
            for part, picture in pictures.items()
            if picture is not None and (why := _dull(picture))
        ),
        mark=0 if target is None or not _finite(target) else fingerprint(target) or 1,
        instances=None if instances is None else scan_instances(instances, label),
        lossy=lossy,
        thin=count_inner(label) if label is not None and not palette else None,
        shifts=_shifts(label, pictures, names, target) if sampled and target is not None else None,
    )


def _messages(faults: Iterable[DataError]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(str, faults)))


def _tried(faults: list[DataError], read, *arguments) -> np.ndarray | None:
    try:
        return read(*arguments)
    except DataError as error:
        faults.append(error)
        return None


def _lossy(faults: list[DataError], path: Path) -> Path | None:
    try:
        return path if is_lossy(path) else None
    except DataError as error:
        faults.append(error)
        return None


def _finite(picture: np.ndarray) -> bool:
    return picture.dtype.kind != "f" or bool(np.isfinite(picture).all())


def _dull(picture: np.ndarray) -> str:
    """What is wrong with a picture as such, "" where nothing is."""
    if not _finite(picture):
        return "not finite"
    if (picture == picture[:1, :1]).all():
        return "one colour"
    if picture.dtype.kind == "u" and picture.max() < _BLACK * np.iinfo(picture.dtype).max:
        return "black"
    return ""


def _shifts(
    label: np.ndarray | None,
    pictures: dict[str, np.ndarray | None],
    names: Sequence[str],
    target: np.ndarray,
) -> np.ndarray | None:
    """How the edges of the label map, or else of the first input picture, lie in the target."""
    picture = pictures[names[0]] if names else None
    if label is not None:
        fixed = edges_of_ids(label)
    elif picture is not None:
        fixed = edges_of_picture(picture)
    else:
        return None
    if fixed.shape != target.shape[:2] or not _finite(target):
        return None
    return correlate(fixed, edges_of_picture(target))
