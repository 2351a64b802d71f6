"""From the settings to the data: find the pairs, look at all of them once, say what they are.

Everything that would stop a training later is found here, on the CPU, before the first step.
"""

import shlex
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from img2img.config import as_overrides
from img2img.data.loader import FolderSource, SceneSource, Source
from img2img.data.roles import effective
from img2img.data.scenes import CLASSES, VAL_OFFSET
from img2img.data.spec import DataSpec, PartSpec
from img2img.data.stretching import size_warnings
from img2img.data.survey import WARNING, find, judge, look_through, resize_setting, with_size
from img2img.errors import DataError
from img2img.fields import Instance, Label
from img2img.schema import DataConfig

# Settings that say which files are pairs, and what their inputs mean.
OF_PAIRS = (
    "layout",
    "direction",
    "val_fraction",
    "inputs",
    "target",
    "palette",
    "label_coding",
    "classes",
    "num_classes",
    "ignore_id",
    "derive_instances",
    "remap",
    "scan_cache",
)


@dataclass(frozen=True)
class Data:
    """The pairs of a run and what they are.

    Attributes:
        sizes: (height, width) of the pictures as they are stored.
        remarks: sentences for the log, warnings among them.
    """

    spec: DataSpec
    train: Source
    val: Source
    sizes: frozenset[tuple[int, int]]
    remarks: tuple[str, ...]

    def cropped(self, config: DataConfig) -> "Data":
        """The same pairs under settings that differ in `data.crop` alone."""
        return replace(self, spec=with_size(self.spec, config, self.sizes))


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
    hint = f"all of it, with pictures: {check_command(effective(config, index.layout))}"
    catch = partial(_pointing, hint)
    survey = look_through(config, index, catch=catch, remember=config.scan_cache)
    spec, remarks = judge(config, survey, catch=catch)
    assert spec is not None  # what is wrong with the data was raised
    if survey.memory is not None:
        survey.memory.tidy()
        remarks += [remark] if (remark := survey.memory.remark()) else []
    if index.left_out or any(remark.startswith(WARNING) for remark in remarks):
        remarks.append(hint)
    return Data(
        spec,
        FolderSource(index.train, spec),
        FolderSource(index.val, spec),
        frozenset(survey.headers.sizes),
        (index.summary(), *remarks),
    )


def check_command(config: DataConfig) -> str:
    """The command that looks through the data to the end."""
    given = as_overrides(config, "data")
    for unused in ("data.path", "data.scan_cache"):
        given.pop(unused, None)
    words = [f"{key}={value}" for key, value in given.items()]
    return shlex.join(["img2img", "check-data", str(config.path), *words])


@contextmanager
def _pointing(hint: str) -> Iterator[None]:
    """Adds to a message on data that cannot be used where all that is wrong is to be had."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{error}\n{hint}") from error


def _built_in(config: DataConfig, seed: int) -> Data:
    label = Label(
        name="label",
        part="label",
        classes=len(CLASSES),
        class_names=tuple(c.name for c in CLASSES),
        palette=tuple(c.colour for c in CLASSES),
    )
    spec = DataSpec(
        inputs=(label, Instance(name="instance", part="instance")),
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
    unused = [
        f"data.{key}"
        for key in (*OF_PAIRS, "range", "nodata")
        if getattr(config, key) != getattr(default, key)
    ]
    if unused:
        remarks.append(
            f"WARNING: {', '.join(unused)} without effect on the built-in scenes; name your own "
            "pictures with --data DIR"
        )
    sizes = Counter({config.scene_size: config.scenes + config.val_scenes})
    remarks += size_warnings(spec, config, sizes)
    return Data(
        with_size(spec, config, sizes),
        SceneSource(config.scenes, first=0, seed=seed, size=config.scene_size),
        SceneSource(config.val_scenes, first=VAL_OFFSET, seed=seed, size=config.scene_size),
        frozenset(sizes),
        tuple(remarks),
    )
