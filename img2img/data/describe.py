"""From the settings to the data: find the pairs, look at all of them once, say what they are.

Everything that would stop a training later is found here, on the CPU, before the first step.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from img2img.config import DataConfig
from img2img.config import Source as InputConfig
from img2img.data.images import read_info
from img2img.data.layouts import Layout, PairIndex, find_pairs
from img2img.data.loader import FolderSource, SceneSource, Source
from img2img.data.palettes import load_class_names, load_palette
from img2img.data.scan import Findings, image_range, scan_labels, scan_sizes
from img2img.data.scenes import CLASSES, VAL_OFFSET
from img2img.data.spec import DTYPE_RANGES, DataSpec, ImageSpec, InputSpec, PartSpec
from img2img.errors import DataError

LAYOUT_PARTS = {"label", "instance", "image", "A", "B"}  # names that layouts give their parts
MAX_CLASSES = 1024  # more one-hot planes are an instance map taken for labels


@dataclass(frozen=True)
class Data:
    """The pairs of a run and what they are.

    Attributes:
        remarks: sentences for the log, warnings among them.
    """

    spec: DataSpec
    train: Source
    val: Source
    remarks: tuple[str, ...]


def describe_data(config: DataConfig, *, seed: int = 0) -> Data:
    """Finds, scans and describes the data of a config.

    Args:
        seed: of the built-in scenes.

    Raises:
        DataError: one message with what is wrong, which files, and what to set.
    """
    if config.path is None:
        return _built_in(config, seed)
    index = find_pairs(
        Path(config.path).expanduser(),
        layout=config.layout,
        val_fraction=config.val_fraction,
        custom=_custom_parts(config),
    )
    inputs, target = _roles(config, index.layout)
    spec, remarks = _describe(config, index, inputs, target)
    return Data(
        spec,
        FolderSource(index.train, spec),
        FolderSource(index.val, spec),
        (index.summary(), *remarks),
    )


def _built_in(config: DataConfig, seed: int) -> Data:
    colours = tuple(c.colour for c in CLASSES)
    names = tuple(c.name for c in CLASSES)
    spec = DataSpec(
        inputs=(
            InputSpec(
                name="label",
                kind="labels",
                part="label",
                classes=len(CLASSES),
                class_names=names,
                palette=colours,
            ),
            InputSpec(name="instance", kind="instances", part="instance"),
        ),
        parts=(
            # As datasets/make_scenes.py writes them.
            PartSpec(name="label", folder="{split}_label", suffix="_labelIds"),
            PartSpec(name="instance", folder="{split}_inst", suffix="_instanceIds"),
            PartSpec(name="image", folder="{split}_img", suffix="_img"),
        ),
        size=config.crop or config.resize or config.scene_size,
        resize=config.resize,
    )
    draw = {"seed": seed, "size": config.scene_size}
    return Data(
        spec,
        SceneSource(config.scenes, first=0, **draw),
        SceneSource(config.val_scenes, first=VAL_OFFSET, **draw),
        (f"built-in street scenes: {config.scenes} train, {config.val_scenes} val",),
    )


def _custom_parts(config: DataConfig) -> dict[str, str] | None:
    """Folders by part name where the settings name folders that no layout knows."""
    folders = [source.folder or source.name for source in config.inputs]
    if config.target:
        folders.append(config.target)
    if all(folder in LAYOUT_PARTS for folder in folders):
        return None
    if not config.inputs or not config.target:
        raise DataError(
            "data.inputs and data.target go together where one of them names a folder: give both"
        )
    return {folder: folder for folder in folders}


def _roles(config: DataConfig, layout: Layout) -> tuple[tuple[InputConfig, ...], str]:
    """Which parts of the layout are inputs, and which is the target."""
    names = [part.name for part in layout.parts]
    if config.inputs:
        target = config.target or next((n for n in ("image", "B") if n in names), names[-1])
        return config.inputs, target
    if "label" in names:
        inputs = [InputConfig(name="label", kind="labels")]
        if "instance" in names:
            inputs.append(InputConfig(name="instance", kind="instances"))
        return tuple(inputs), config.target or "image"
    if "A" not in names or "B" not in names:
        raise DataError(
            f"the layout has the parts {', '.join(names)}: say which are inputs with data.inputs "
            "(a list of name, kind, folder) and which is the target with data.target"
        )
    source, target = ("A", "B") if config.direction == "AtoB" else ("B", "A")
    as_labels = config.palette or config.classes or config.num_classes or config.remap
    kind = "labels" if as_labels or config.ignore_id is not None else "image"
    return (InputConfig(name=source, kind=kind),), target


def _describe(
    config: DataConfig, index: PairIndex, inputs: Iterable[InputConfig], target: str
) -> tuple[DataSpec, list[str]]:
    records = (*index.train, *index.val)
    parts = {part.name: part for part in index.layout.parts}
    used = {source.name: source.folder or source.name for source in inputs}
    for name in (*used.values(), target):
        if name not in parts:
            raise DataError(f"data: there is no part {name!r}; found: {', '.join(parts)}")
    halves = {name: part.half for name, part in parts.items()}
    sizes = scan_sizes(records, [*used.values(), target], halves)
    remarks: list[str] = []
    described = []
    for source in inputs:
        part = parts[used[source.name]]
        files = [record.files[part.name] for record in records]
        if source.kind == "image":
            image = _image_spec(config, files, part.half)
            described.append(InputSpec(name=source.name, kind="image", part=part.name, image=image))
        elif source.kind == "instances":
            described.append(InputSpec(name=source.name, kind="instances", part=part.name))
        else:
            spec, more = _label_spec(config, source.name, part.name, files, part.half)
            described.append(spec)
            remarks += more
    targets = [record.files[target] for record in records]
    resize = config.resize or (config.resize_width and (None, config.resize_width)) or None
    working = {size for size in sizes} if resize is None else {config.resize}
    common = next(iter(working)) if len(working) == 1 else None
    spec = DataSpec(
        inputs=tuple(described),
        target=_image_spec(config, targets, parts[target].half),
        target_part=target,
        layout=index.layout.name,
        parts=tuple(
            PartSpec(name=p.name, folder=p.folder, suffix=p.suffix, half=p.half)
            for p in index.layout.parts
        ),
        size=config.crop or common,
        resize=resize,
    )
    return spec, remarks


def _label_spec(
    config: DataConfig, name: str, part: str, files: list[Path], half: str
) -> tuple[InputSpec, list[str]]:
    """The classes of a label input, found by reading every file."""
    palette = load_palette(config.palette) if config.palette else None
    names = load_class_names(config.classes) if config.classes else ()
    names = names or (palette.names if palette else ())
    findings = scan_labels(files, half, palette.colours if palette else (), config.ignore_id)
    ids = findings.ids(ignore=config.ignore_id)
    remap = {old: new for new, old in enumerate(ids)} if config.remap else None
    classes = _count_classes(config, ids, names, findings)
    if len(names) < classes:
        names = (*names, *(f"class-{i}" for i in range(len(names), classes)))
    colours = palette.colours if palette and len(palette.colours) >= classes else ()
    spec = InputSpec(
        name=name,
        kind="labels",
        part=part,
        classes=classes,
        class_names=names[:classes],
        palette=colours[:classes],
        ignore_id=config.ignore_id,
        remap=remap,
    )
    remarks = findings.remarks(classes)
    remarks.append(f"{name}: {classes} classes, {len(ids)} of them occur")
    return spec, remarks


def _count_classes(
    config: DataConfig, ids: list[int], names: tuple[str, ...], findings: Findings
) -> int:
    """As set, else the class names', else the highest id + 1.

    Raises:
        DataError: ids outside the classes, with the files that hold them.
    """
    if config.remap:
        return len(ids)
    highest = max(ids, default=-1)
    given = config.num_classes or len(names)
    outside = [i for i in ids if i < 0 or (given and i >= given)]
    if outside:
        limit = f"0..{given - 1} ({given} classes)" if given else "0 and up"
        raise DataError(
            f"label ids outside {limit}:\n{findings.where(outside)}\n"
            "Set data.ignore_id to the id that means 'no class', data.num_classes if there are "
            "more classes, or data.remap=true to renumber the ids that occur."
        )
    if not ids:
        raise DataError("the label maps hold no class at all: every pixel has the ignored id")
    if not given and highest >= MAX_CLASSES:
        raise DataError(
            f"label ids run up to {highest}:\n{findings.where([highest])}\nThis looks like an "
            "instance map where labels are expected; if these are labels, set data.remap=true to "
            "renumber the ids that occur, or data.num_classes."
        )
    return given or highest + 1


def _image_spec(config: DataConfig, files: list[Path], half: str) -> ImageSpec:
    """Channels, type and range of an image part, from all of its files' headers."""
    seen: dict[tuple[str, int], Path] = {}
    for path in files:
        info = read_info(path)
        seen.setdefault((info.dtype, info.channels), path)
    dtypes = {dtype for dtype, _ in seen}
    if len(dtypes) > 1:
        listed = "\n".join(f"  {dtype}: for example {path}" for (dtype, _), path in seen.items())
        raise DataError(f"the pictures differ in bit depth:\n{listed}\nConvert them to one.")
    dtype = dtypes.pop()
    counts = {channels for _, channels in seen}
    # Grey and alpha among RGB pictures are read as RGB; all alike are kept as they are.
    channels = counts.pop() if len(counts) == 1 else 3
    odd = [path for (_, count), path in seen.items() if channels == 3 and count not in (1, 2, 3, 4)]
    if odd:
        raise DataError(f"the pictures differ in their number of channels: for example {odd[0]}")
    low, high = DTYPE_RANGES[dtype]
    if config.range == "auto" or dtype == "float32":
        low, high = image_range(files, half)
    return ImageSpec(channels=channels, dtype=dtype, low=low, high=high)
