"""From the settings to the data: find the pairs, look at all of them once, say what they are.

Everything that would stop a training later is found here, on the CPU, before the first step.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from img2img.data.classes import describe_labels
from img2img.data.headers import Headers, common_type, scan_headers
from img2img.data.layouts import PairIndex, Part, find_pairs
from img2img.data.loader import FolderSource, SceneSource, Source
from img2img.data.palettes import load_palette
from img2img.data.resizing import stretch_warning
from img2img.data.roles import assign_roles, custom_parts, describe_roles
from img2img.data.scan import image_range, scan_labels
from img2img.data.scenes import CLASSES, VAL_OFFSET
from img2img.data.spec import DTYPE_RANGES, DataSpec, ImageSpec, InputSpec, PartSpec
from img2img.errors import DataError
from img2img.schema import DataConfig
from img2img.schema import Source as SourceConfig

# Settings that say how pictures on disk are found and read.
_OF_FILES = (
    "layout",
    "direction",
    "val_fraction",
    "inputs",
    "target",
    "palette",
    "classes",
    "num_classes",
    "ignore_id",
    "derive_instances",
    "remap",
    "range",
)


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
        custom=custom_parts(config),
    )
    spec, remarks = _describe(config, index)
    return Data(
        spec,
        FolderSource(index.train, spec),
        FolderSource(index.val, spec),
        (index.summary(), *remarks),
    )


def _built_in(config: DataConfig, seed: int) -> Data:
    label = InputSpec(
        name="label",
        kind="labels",
        part="label",
        classes=len(CLASSES),
        class_names=tuple(c.name for c in CLASSES),
        palette=tuple(c.colour for c in CLASSES),
    )
    spec = DataSpec(
        inputs=(label, InputSpec(name="instance", kind="instances", part="instance")),
        parts=(
            # As datasets/make_scenes.py writes them.
            PartSpec(name="label", folder="{split}_label", suffix="_labelIds"),
            PartSpec(name="instance", folder="{split}_inst", suffix="_instanceIds"),
            PartSpec(name="image", folder="{split}_img", suffix="_img"),
        ),
        resize=_resize(config),
    )
    remarks = [f"built-in street scenes: {config.scenes} train, {config.val_scenes} val"]
    default = DataConfig()
    unused = [f"data.{key}" for key in _OF_FILES if getattr(config, key) != getattr(default, key)]
    if unused:
        remarks.append(
            f"WARNING: {', '.join(unused)} without effect on the built-in scenes; name your own "
            "pictures with --data DIR"
        )
    sizes = Counter({config.scene_size: config.scenes + config.val_scenes})
    stretched = stretch_warning(spec.resize, sizes)
    remarks += [stretched] if stretched else []
    draw = {"seed": seed, "size": config.scene_size}
    return Data(
        _with_size(spec, config, sizes),
        SceneSource(config.scenes, first=0, **draw),
        SceneSource(config.val_scenes, first=VAL_OFFSET, **draw),
        tuple(remarks),
    )


def _describe(config: DataConfig, index: PairIndex) -> tuple[DataSpec, list[str]]:
    """What the records hold, and remarks on it."""
    inputs, target = assign_roles(config, index.layout)
    parts = {part.name: part for part in index.layout.parts}
    records = (*index.train, *index.val)
    halves = {name: part.half for name, part in parts.items()}
    headers = scan_headers(records, [*(source.folder for source in inputs), target], halves)
    headers.check()
    described, remarks = [], describe_roles(config, index, inputs, target)
    for source in inputs:
        spec, more = _describe_input(config, index, source, headers)
        described.append(spec)
        remarks += more
    image, more = _describe_image(config, index, parts[target], headers)
    remarks += more
    if config.derive_instances:
        described.append(_derived_instances(described))
    spec = DataSpec(
        inputs=tuple(described),
        target=image,
        target_part=target,
        layout=index.layout.name,
        parts=tuple(
            PartSpec(name=p.name, folder=p.folder, suffix=p.suffix, half=p.half)
            for p in index.layout.parts
        ),
        resize=_resize(config),
    )
    stretched = stretch_warning(spec.resize, headers.sizes)
    remarks += [stretched] if stretched else []
    # Both halves of side-by-side pictures are the same files, with the same faults.
    return _with_size(spec, config, headers.sizes), list(dict.fromkeys(remarks))


def _describe_input(
    config: DataConfig, index: PairIndex, source: SourceConfig, headers: Headers
) -> tuple[InputSpec, list[str]]:
    """One input, and remarks on it."""
    part = index.layout.part(source.folder)
    if source.kind == "labels":
        colours = load_palette(config.palette).colours if config.palette else ()
        files = [record.files[part.name] for record in (*index.train, *index.val)]
        findings = scan_labels(files, part.half, colours)
        return describe_labels(config, source.name, part, findings)
    image, remarks = None, []
    if source.kind == "image":
        image, remarks = _describe_image(config, index, part, headers)
    return InputSpec(name=source.name, kind=source.kind, part=part.name, image=image), remarks


def _derived_instances(inputs: Sequence[InputSpec]) -> InputSpec:
    """The input that the labels' connected pieces become.

    Raises:
        DataError: there are no labels, or instances already.
    """
    labels = next((source for source in inputs if source.kind == "labels"), None)
    own = next((source for source in inputs if source.kind == "instances"), None)
    if labels is None:
        raise DataError("data.derive_instances: the data have no labels to take instances from")
    if own is not None:
        raise DataError(
            f"data.derive_instances: the data have instances of their own ({own.name!r}); leave the "
            "setting out, or leave the instances out of data.inputs"
        )
    taken = {source.name for source in inputs}
    name = "instance" if "instance" not in taken else "derived_instance"
    return InputSpec(name=name, kind="instances", part=labels.part, derived=True)


def _resize(config: DataConfig) -> tuple[int | None, int] | None:
    """The setting as `DataSpec.resize` has it."""
    if config.resize is None and config.resize_width is not None:
        return None, config.resize_width
    return config.resize


def _with_size(spec: DataSpec, config: DataConfig, sizes: Iterable[tuple[int, int]]) -> DataSpec:
    """With the size of the training pictures, where pictures of `sizes` get a common one."""
    working = {config.crop} if config.crop else {spec.working_size(size) for size in sizes}
    smallest = (min(h for h, _ in working), min(w for _, w in working))
    size = smallest if len(working) == 1 else None
    return spec.model_copy(update={"size": size, "smallest": smallest})


def _describe_image(
    config: DataConfig, index: PairIndex, part: Part, headers: Headers
) -> tuple[ImageSpec, list[str]]:
    """Channels and type from all headers; the range from the type or from the training files."""
    dtype, channels, warning = common_type(headers.kinds[part.name])
    low, high = DTYPE_RANGES[dtype]
    if config.range == "auto" or dtype == "float32":
        train = [record.files[part.name] for record in index.train]
        low, high = image_range(train, part.half)
    image = ImageSpec(channels=channels, dtype=dtype, low=low, high=high)
    return image, [warning] if warning else []
