"""From the settings to the data: find the pairs, look at all of them once, say what they are.

Everything that would stop a training later is found here, on the CPU, before the first step.
"""

from collections import Counter
from dataclasses import dataclass

from img2img.data.loader import FolderSource, SceneSource, Source
from img2img.data.resizing import stretch_warning
from img2img.data.scenes import CLASSES, VAL_OFFSET
from img2img.data.spec import DataSpec, InputSpec, PartSpec
from img2img.data.survey import find, judge, look_through, resize_setting, with_size
from img2img.schema import DataConfig

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
    index = find(config)
    spec, remarks = judge(config, look_through(config, index))
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
        resize=resize_setting(config),
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
        with_size(spec, config, sizes),
        SceneSource(config.scenes, first=0, **draw),
        SceneSource(config.val_scenes, first=VAL_OFFSET, **draw),
        tuple(remarks),
    )
