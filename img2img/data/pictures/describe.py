"""From the settings to pictures without partners: find them, look at all of them once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from img2img.data.describe import OF_PAIRS, Data
from img2img.data.headers import scan_headers
from img2img.data.loader import FolderSource, Source
from img2img.data.pairing.recognition import recognise
from img2img.data.pairing.records import TRAIN_WORDS, VAL_WORDS
from img2img.data.pairing.splits import natural_order, walk_pictures
from img2img.data.pairing.table import Records
from img2img.data.pictures.arrays import (
    IDX_HELP,
    find_idx,
    other_idx,
    read_csv_pictures,
    read_idx_pictures,
)
from img2img.data.pictures.crops import CROPPED, draw_crops
from img2img.data.pictures.labelled import remark, split_labelled
from img2img.data.pictures.sources import ArraySource, Classified
from img2img.data.spec import BUILT_IN, DataSpec, PartSpec
from img2img.data.stretching import size_warnings
from img2img.data.survey import WARNING, describe_image, resize_setting, with_size
from img2img.errors import DataError, counted
from img2img.fields import Field, Image
from img2img.fields.image import ImageSpec
from img2img.keys import LABELLED
from img2img.places import expand
from img2img.schema import DataConfig

CSV_SUFFIXES = (".csv", ".csv.gz")
IMAGE = "image"  # the part that a picture's file is
NONE = ArraySource(np.empty((0, 1, 1, 1), np.uint8))  # held out: no picture has a right answer
HELP = (
    "a folder of pictures, of folders with the pictures of a class each, or of idx files as MNIST's; "
    "an idx file; or a CSV of pixels with the class last (.csv or .csv.gz)"
)
MIRRORED = (
    "half of the pictures are mirrored, which turns digits and letters into others; if there are "
    "any, set data.flip=false"
)


@dataclass(frozen=True)
class Pictures:
    """What was found.

    Attributes:
        labels: the class of each picture by name; None where they have none.
        sizes: (height, width) -> how many.
    """

    source: Source
    image: ImageSpec
    layout: str
    sizes: Counter[tuple[int, int]]
    labels: Sequence[str] | None
    remarks: tuple[str, ...] = ()
    parts: tuple[PartSpec, ...] = ()


def describe_pictures(
    config: DataConfig, *, seed: int = 0, classes: bool = False, labelled: int | None = None
) -> Data:
    """Finds and describes pictures without partners. All of them are for training.

    Their spec has no inputs, and class names where the pictures have classes; a sample then has a
    number of its class beside the target.

    Args:
        seed: of the built-in scenes.
        classes: each picture must have a class.
        labelled: pictures of each class that keep it; None: all. Otherwise a sample has a labelled
            picture beside the target, as the spec's one input, and `data.val_fraction` is held out.

    Raises:
        DataError: one message with what is wrong, which files, and what to set.
    """
    found = _built_in(config, seed) if config.path is None else _find(config)
    where = config.path or "built-in pictures"
    if len(found.source) < 2:
        number = counted(len(found.source), "picture")
        raise DataError(f"{where}: {number} only; what varies cannot be learnt from so few")
    if classes:
        _require_classes(where, found.labels)
    train: Source = found.source
    held_out: Source = NONE
    names: tuple[str, ...] = ()
    inputs: tuple[Field, ...] = ()
    remarks = [*found.remarks]
    if found.labels is not None:
        names, numbers = _number(found.labels)
        train = Classified(found.source, numbers)
    if labelled is not None:
        some, others = split_labelled(
            found.source, numbers, per_class=labelled, val_fraction=config.val_fraction
        )
        train, held_out = some, others
        inputs = (Image(name=LABELLED, part=IMAGE, group=LABELLED, image=found.image),)
        remarks.append(remark(some, others, names))
    spec = DataSpec(
        inputs=inputs,
        class_names=names,
        target=found.image,
        target_part=IMAGE,
        layout=found.layout,
        parts=found.parts,
        resize=resize_setting(config),
    )
    spec = with_size(spec, config, found.sizes)
    if spec.size is None:
        raise DataError(_differ_in_size(where, found.sizes))
    summary = f"{where}: {counted(len(found.source), 'picture')}"
    summary += f" in {counted(len(names), 'class', 'classes')}" if names else ""
    warnings = size_warnings(spec, config, found.sizes, "pictures", square=True)
    remarks = [summary, *remarks, *_unused(config, inputs), *warnings]
    return Data(spec, train, held_out, frozenset(found.sizes), tuple(remarks))


def are_pictures(config: DataConfig) -> bool:
    """Whether the settings name a file of arrays, or a folder of pictures that are no pairs."""
    if config.path is None or config.inputs:
        return False
    root = expand(config.path)
    try:
        if root.is_dir() and find_idx(root) is None:
            return not _is_paired(root) and bool(walk_pictures(root)[0])
        return len(_find(config).source) > 0
    except DataError:
        return False


def _is_paired(root: Path) -> bool:
    try:
        recognise(root, "auto")
    except DataError:
        return False
    return True


def _number(labels: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """The classes' names in order, numbers as numbers, and the number of each label."""
    names = tuple(natural_order(set(labels)))
    place = {name: number for number, name in enumerate(names)}
    return names, np.array([place[label] for label in labels], np.int64)


def _require_classes(where: object, labels: Sequence[str] | None) -> None:
    """Raises DataError where there is nothing to tell classes apart by."""
    if labels is None:
        raise DataError(
            f"{where}: the pictures have no classes; put those of each class into a folder of its "
            "own, or use a model without classes, such as dcgan"
        )
    counts = Counter(labels)
    if len(counts) < 2:
        raise DataError(f"{where}: all pictures are of the class {labels[0]!r}; there must be two")
    lone = [name for name, count in counts.items() if count < 2]
    if lone:
        listed = ", ".join(map(repr, lone[:8])) + (", ..." if len(lone) > 8 else "")
        raise DataError(
            f"{where}: one picture only in {counted(len(lone), 'class', 'classes')} ({listed}); add "
            "more, or remove the class"
        )


def _differ_in_size(where: object, sizes: Counter[tuple[int, int]]) -> str:
    listed = ", ".join(f"{count} of {w}x{h}" for (h, w), count in sizes.most_common(5))
    more = f" and {counted(len(sizes) - 5, 'other size')}" if len(sizes) > 5 else ""
    return (
        f"{where}: the pictures differ in size ({listed}{more}), and must have one. In training "
        "data.resize=64 makes squares of 64 pixels; data.resize_width and data.crop keep the proportions"
    )


def _unused(config: DataConfig, inputs: tuple[Field, ...]) -> list[str]:
    default = DataConfig()
    used = ("val_fraction",) if inputs else ()
    unused = [
        f"data.{key}"
        for key in OF_PAIRS
        if getattr(config, key) != getattr(default, key) and key not in used
    ]
    return (
        [f"WARNING: {', '.join(unused)} without effect on pictures without pairs"] if unused else []
    )


def _built_in(config: DataConfig, seed: int) -> Pictures:
    crops = draw_crops(config.scenes, seed=seed)
    names = [f"{crop.kind}/{crop.style}-{number:05d}" for number, crop in enumerate(crops)]
    return Pictures(
        ArraySource(np.stack([crop.image for crop in crops]), names),
        ImageSpec(),
        BUILT_IN,
        Counter({crops[0].image.shape[:2]: len(crops)}),
        [crop.kind for crop in crops],
        (f"built-in pictures: {', '.join(CROPPED)} of the street scenes",),
    )


def _find(config: DataConfig) -> Pictures:
    """The pictures on disk."""
    assert config.path is not None
    root = expand(config.path)
    if not root.exists():
        raise DataError(f"{root}: there is no such folder or file; expected {HELP}")
    if (idx := find_idx(root)) is not None:
        found = _from_arrays("idx", *read_idx_pictures(idx), config)
        others = ", ".join(other_idx(root))
        left_out = f"{others} left out: name the file itself to learn from it"
        return replace(found, remarks=(*found.remarks, left_out)) if others else found
    if root.is_dir():
        return _from_folder(root, config)
    if root.name.lower().endswith(CSV_SUFFIXES):
        return _from_arrays("csv-pixels", *read_csv_pictures(root), config)
    raise DataError(f"{root}: not data that can be read; expected {HELP}. {IDX_HELP}")


def _from_arrays(
    layout: str, images: np.ndarray, labels: np.ndarray | None, config: DataConfig
) -> Pictures:
    return Pictures(
        ArraySource(images[..., None]),
        ImageSpec(channels=1),
        layout,
        Counter({images.shape[1:]: len(images)}),
        None if labels is None else [str(label) for label in labels.tolist()],
        (MIRRORED,) if config.flip else (),
    )


def _refuse_pairs(root: Path) -> None:
    """Raises DataError where label maps would be taken for pictures of another class."""
    for layout in ("label/inst/img", "images/labels"):
        try:
            splits = recognise(root, layout).splits
        except DataError:
            continue
        pictures = next(folders[IMAGE] for folders in splits.values() if IMAGE in folders)
        raise DataError(
            f"{root}: pairs of pictures and label maps ({layout}); name the folder of the pictures "
            f"alone: --data {root / pictures}"
        )


def _refuse_splits(root: Path, keys: Sequence[str]) -> None:
    """Raises DataError where folders named as splits would be taken for classes, or hide these."""
    tops = natural_order({key.partition("/")[0] for key in keys if "/" in key})
    words = {*TRAIN_WORDS, *VAL_WORDS}
    alike = bool(tops) and all("/" in key for key in keys) and {t.lower() for t in tops} <= words
    if alike and (len(tops) > 1 or any(key.count("/") > 1 for key in keys)):
        choices = " or ".join(f"--data {root / top}" for top in tops)
        raise DataError(
            f"{root}: its folders are named as splits ({', '.join(tops)}), not as classes; name the one "
            f"to learn from: {choices}"
        )


def _from_folder(root: Path, config: DataConfig) -> Pictures:
    _refuse_pairs(root)
    files, doubles = walk_pictures(root)
    if not files:
        strange = f" ({said})" if (said := files.others.said()) else ""
        raise DataError(f"{root}: no pictures in it{strange}; expected {HELP}")
    rows = [(key, (files.path(key),)) for key in natural_order(files.keys())]
    _refuse_splits(root, [key for key, _ in rows])
    records = Records.pack(root, (IMAGE,), rows)
    headers = scan_headers(records, [IMAGE], {IMAGE: ""})
    for problem in headers.problems():
        raise problem
    image, remarks = describe_image(
        config,
        headers.kinds[IMAGE],
        records.files(IMAGE),
        PartSpec(name=IMAGE, folder=""),
        cut=len(records),
    )
    if doubles:
        remarks.append(
            f"WARNING: {counted(len(doubles), 'picture')} passed over, for example "
            f"{root / doubles[0][0]}: same name as {Path(doubles[0][1]).name}"
        )
    if files.others:
        remarks.append((WARNING if files.others.doubtful else "") + files.others.said())
    parts = (PartSpec(name=IMAGE, folder=""),)
    spec = DataSpec(inputs=(), target=image, target_part=IMAGE, parts=parts)
    folders = [name.rpartition("/")[0].partition("/")[0] for name, _ in rows]
    labels = folders if all(folders) and len(set(folders)) > 1 else None
    return Pictures(
        FolderSource(records, spec),
        image,
        "class-folders" if labels else "pictures",
        headers.sizes,
        labels,
        tuple(remarks),
        parts,
    )
