"""The first scan of a data set on disk: every header, every label map, and what they mean.

Training stops at the first thing that is wrong; a check collects all of them and goes on.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from img2img.data.classes import describe_labels, draft_label
from img2img.data.headers import Headers, Kinds, common_type, scan_headers
from img2img.data.layouts import PairIndex, Part, find_pairs
from img2img.data.pairing.table import Records
from img2img.data.remembering import Memory, recollect
from img2img.data.roles import assign_roles, custom_parts, describe_roles
from img2img.data.scan import Findings, LabelScan, scan_labels
from img2img.data.spec import DataSpec, PartSpec
from img2img.data.stretching import size_warnings
from img2img.data.tally import Some
from img2img.data.values import judge_range, scan_values
from img2img.errors import DataError
from img2img.fields import FIELDS, Field, Instance, Label
from img2img.fields.image import ImageSpec
from img2img.places import expand
from img2img.schema import DataConfig, InputConfig

_SAMPLED = 16  # pictures of 8 bits whose values are looked at: whether they use their range
WARNING = "WARNING: "  # with which remarks begin that deserve a look
# What is done with a DataError of one step: `nullcontext` lets it through, a check keeps it.
Catch = Callable[[], AbstractContextManager]


@dataclass(frozen=True)
class Survey:
    """What the files of a data set hold.

    Attributes:
        inputs: the inputs, each with its part as `folder`.
        target: the target's part.
        labels, drafts: what the files of an input hold, and how they were read, by its name.
        memory: of earlier scans, where it was asked for.
    """

    index: PairIndex
    inputs: tuple[InputConfig, ...]
    target: str
    headers: Headers
    labels: Mapping[str, Findings]
    drafts: Mapping[str, Label]
    memory: Memory | None = None

    @property
    def usable(self) -> Records:
        """The pairs that can be read and are of one size each."""
        return self.index.records.take(self.headers.usable)

    @property
    def held_out(self) -> np.ndarray:
        """bool: which of the usable pairs are for validation."""
        return np.asarray(self.headers.usable) >= self.index.cut


def find(config: DataConfig) -> PairIndex:
    """The pairs that the settings name, as `find_pairs` finds them."""
    assert config.path is not None  # the built-in scenes are not searched for
    return find_pairs(
        expand(config.path),
        layout=config.layout,
        val_fraction=config.val_fraction,
        custom=custom_parts(config),
    )


def look_through(
    config: DataConfig,
    index: PairIndex,
    *,
    catch: Catch = nullcontext,
    each: Callable[[Path, LabelScan], object] | None = None,
    tell: Callable[[str], object] | None = None,
    remember: bool = False,
) -> Survey:
    """Looks at every header, then reads every label map.

    Args:
        remember: pass over files that an earlier start found in order and that have not changed;
            what is wrong must then not be caught.
        each: called with every label map and what it holds, in order.
        tell: called with everything that is wrong with a file or a pair.

    Raises:
        DataError: settings that do not fit the layout, and what `catch` lets through: files
            that cannot be used, pairs of different sizes.
    """
    inputs, target = assign_roles(config, index.layout)
    halves = {part.name: part.half for part in index.layout.parts}
    parts = [*(source.part for source in inputs), target]
    memory = recollect(index, parts) if remember else None
    headers = scan_headers(index.records, parts, halves, tell, memory)
    for problem in headers.problems():
        with catch():
            raise problem
    usable = index.records.take(headers.usable)
    memory = memory if headers.whole else None
    labels, drafts = {}, {}
    for source in inputs:
        if FIELDS[source.kind].has_classes:
            label = draft_label(config, source.name, source.part)
            scan = partial(scan_labels, usable.files(source.part), halves[source.part])
            found = scan(label, each, tell, memory)
            if found.notes["either"] and found.way:  # what the others are decides
                label = label.model_copy(update={"grey": found.way})
                found = scan(label, each, memory=memory)
            labels[source.name], drafts[source.name] = found, label
    return Survey(index, inputs, target, headers, labels, drafts, memory)


def judge(
    config: DataConfig, survey: Survey, *, catch: Catch = nullcontext
) -> tuple[DataSpec | None, list[str]]:
    """What the files mean under the settings, and remarks.

    Returns:
        The description, None where `catch` kept something without which there is none.

    Raises:
        DataError: what `catch` lets through.
    """
    index, target = survey.index, None
    described: list[Field] = []
    remarks = describe_roles(config, index, survey.inputs, survey.target)
    if not survey.headers.usable:
        return None, remarks
    for source in survey.inputs:
        with catch():
            field, more = _describe_input(config, survey, source)
            described.append(field)
            remarks += more
    with catch():
        target, more = _describe_part(config, survey, index.layout.part(survey.target))
        remarks += more
    if target is None or len(described) < len(survey.inputs):
        return None, remarks
    if config.derive_instances:
        with catch():
            described.append(_derived_instances(described))
    spec = DataSpec(
        inputs=tuple(described),
        target=target,
        target_part=survey.target,
        layout=index.layout.name,
        parts=tuple(
            PartSpec(name=p.name, folder=p.folder, suffix=p.suffix, half=p.half)
            for p in index.layout.parts
        ),
        resize=resize_setting(config),
    )
    remarks += size_warnings(spec, config, survey.headers.sizes)
    # Both halves of side-by-side pictures are the same files, with the same faults.
    return with_size(spec, config, survey.headers.sizes), list(dict.fromkeys(remarks))


def _describe_input(
    config: DataConfig, survey: Survey, source: InputConfig
) -> tuple[Field, list[str]]:
    """One input, and remarks on it."""
    part = survey.index.layout.part(source.part)
    field = FIELDS[source.kind]
    if field.has_classes:
        return describe_labels(config, source.name, part, survey.labels[source.name])
    found: dict[str, ImageSpec] = {}
    remarks: list[str] = []
    if field.is_picture:
        found["image"], remarks = _describe_part(config, survey, part)
    return field(name=source.name, part=part.name, **found), remarks


def _derived_instances(inputs: Sequence[Field]) -> Instance:
    """The input that the labels' connected pieces become.

    Raises:
        DataError: there are no labels, or instances already.
    """
    given = DataSpec(inputs=tuple(inputs))
    labels, own = given.labels, given.instances
    if labels is None:
        raise DataError("data.derive_instances: the data have no labels to take instances from")
    if own is not None:
        raise DataError(
            f"data.derive_instances: the data have instances of their own ({own.name!r}); leave the "
            "setting out, or leave the instances out of data.inputs"
        )
    taken = {source.name for source in inputs}
    name = "instance" if "instance" not in taken else "derived_instance"
    return Instance(name=name, part=labels.part, derived=True)


def resize_setting(config: DataConfig) -> tuple[int | None, int] | None:
    """The setting as `DataSpec.resize` has it."""
    if config.resize is None and config.resize_width is not None:
        return None, config.resize_width
    return config.resize


def with_size(spec: DataSpec, config: DataConfig, sizes: Iterable[tuple[int, int]]) -> DataSpec:
    """With the size of the training pictures, where pictures of `sizes` get a common one."""
    working = {config.crop} if config.crop else {spec.working_size(size) for size in sizes}
    smallest = (min(h for h, _ in working), min(w for _, w in working))
    size = smallest if len(working) == 1 else None
    return spec.model_copy(update={"size": size, "smallest": smallest})


def _describe_part(config: DataConfig, survey: Survey, part: Part) -> tuple[ImageSpec, list[str]]:
    kinds, files = survey.headers.kinds[part.name], survey.usable.files(part.name)
    cut = len(files) - int(survey.held_out.sum())
    return describe_image(config, kinds, files, part, cut=cut, memory=survey.memory)


def describe_image(
    config: DataConfig,
    kinds: Kinds,
    files: Sequence[Path],
    part: Part | PartSpec,
    *,
    cut: int,
    memory: Memory | None = None,
) -> tuple[ImageSpec, list[str]]:
    """Channels and type from all headers; the range from the settings, the type or the files.

    Pictures of more than 8 bits are all read for it, of others a few.

    Args:
        kinds: of all pictures, as `scan_headers` finds them.
        cut: how many of the files, the first ones, are trained on.
        memory: of earlier scans of pairs.

    Returns:
        The description, and remarks.

    Raises:
        DataError: types or channels without a common meaning, or values that cannot be used.
    """
    dtype, channels, warning = common_type(kinds)
    types = {kind.stored for kind in kinds}
    stored = types.pop() if len(types) == 1 else ""
    remarks = [warning] if warning else []
    values = None
    if config.range == "dtype" and config.nodata is None and dtype == "uint8":
        step = -(-len(files) // _SAMPLED)
        values = scan_values([files[i] for i in range(0, len(files), step)], part.half, cut=cut)
        values.damaged = Some()  # said where all are read
    if values is None or values.without:
        values = scan_values(files, part.half, cut=cut, nodata=config.nodata, memory=memory)
    low, high, more = judge_range(config, part.name, dtype, stored, values)
    remarks += more
    image = ImageSpec(
        channels=channels, dtype=dtype, low=low, high=high, stored=stored, nodata=config.nodata
    )
    return image, remarks
