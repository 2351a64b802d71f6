"""Which part of a data set is which input of the generator, and which is the target."""

import os
from collections.abc import Sequence
from pathlib import Path

from img2img.data.pairing.records import Layout, PairIndex, Part
from img2img.errors import DataError
from img2img.schema import DataConfig, InputConfig

LAYOUT_PARTS = {"label", "instance", "image", "A", "B"}  # names that layouts give their parts
USUAL_TARGETS = ("image", "B", "A")  # the first that is no input


def custom_parts(config: DataConfig) -> dict[str, str] | None:
    """Folders by part name where the settings name folders that no layout knows, else None.

    Raises:
        DataError: the settings name such folders for the inputs or the target alone.
    """
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


def assign_roles(config: DataConfig, layout: Layout) -> tuple[tuple[InputConfig, ...], str]:
    """The inputs, each with the name of its part as `folder`, and the target's part.

    As the settings say, else as the layout suggests: labels (and instances) to image, or A
    to B by `data.direction`.

    Raises:
        DataError: the settings do not fit the layout or each other.
    """
    parts = [part.name for part in layout.parts]
    inputs = config.inputs or _usual_inputs(config, parts)
    inputs = tuple(s.model_copy(update={"folder": s.folder or s.name}) for s in inputs)
    used = [source.part for source in inputs]
    free = [part for part in (*USUAL_TARGETS, *reversed(parts)) if part in parts]
    target = config.target or next((part for part in free if part not in used), None)
    return inputs, _checked(inputs, target, parts)


def _usual_inputs(config: DataConfig, parts: Sequence[str]) -> list[InputConfig]:
    if "label" in parts:
        inputs = [InputConfig(name="label", kind="labels")]
        if "instance" in parts:
            inputs.append(InputConfig(name="instance", kind="instances"))
        return inputs
    if "A" not in parts or "B" not in parts:
        raise DataError(
            f"the layout has the parts {', '.join(parts)}: say which are inputs with data.inputs "
            "(a list of name, kind, folder) and which is the target with data.target"
        )
    source = "A" if config.direction == "AtoB" else "B"
    if config.target in ("A", "B"):
        source = "B" if config.target == "A" else "A"
    as_labels = config.palette or config.classes or config.num_classes or config.remap
    kind = "labels" if as_labels or config.ignore_id is not None else "image"
    return [InputConfig(name=source, kind=kind)]


def _checked(inputs: Sequence[InputConfig], target: str | None, parts: Sequence[str]) -> str:
    """The target, if it and the inputs are parts of the data, each used once."""
    names = [source.name for source in inputs]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled:
        raise DataError(f"data.inputs: two inputs are called {doubled!r}; rename one")
    if target is None:
        raise DataError("every part of the data is an input; say which is data.target instead")
    for setting, part in (*(("data.inputs", s.folder) for s in inputs), ("data.target", target)):
        if part not in parts:
            raise DataError(f"{setting}: there is no part {part!r}; found: {', '.join(parts)}")
    if any(source.folder == target for source in inputs):
        raise DataError(
            f"{target!r} is both an input and the target; say which parts are inputs with "
            "data.inputs (a list of name, kind, folder) and which is the target with data.target"
        )
    return target


def effective(config: DataConfig, layout: Layout) -> DataConfig:
    """The settings without a direction that turns nothing round."""
    parts = {part.name for part in layout.parts}
    if {"A", "B"} <= parts and not config.inputs and not config.target:
        return config
    return config.model_copy(update={"direction": "AtoB"})


def describe_roles(
    config: DataConfig, index: PairIndex, inputs: Sequence[InputConfig], target: str
) -> list[str]:
    """Remarks for the log: where each input and the target come from, and in which direction."""
    parts = {part.name: part for part in index.layout.parts}
    listed = ", ".join(
        f"{source.name} ({source.kind}) from {_place(index, parts[source.part])}"
        for source in inputs
    )
    line = f"input {listed} -> target {target} from {_place(index, parts[target])}"
    turned = [source.folder for source in inputs] == ["B"] and target == "A"
    if parts.keys() == {"A", "B"} and not config.inputs and not config.target:
        other = "AtoB" if turned else "BtoA"
        line += f" (data.direction={config.direction}; {other} turns it round)"
    remarks = [line]
    if config.direction == "BtoA" and not turned:
        if {"A", "B"} <= parts.keys():
            why = "data.inputs and data.target say what becomes what; leave one or the other out"
        else:
            why = (
                "it turns pairs A and B round, and there are none. For another direction "
                "name both sides, such as data.inputs='[{name: image, kind: image}]' "
                "data.target=label"
            )
        remarks.append(f"WARNING: data.direction=BtoA has no effect: {why}")
    return remarks


def _place(index: PairIndex, part: Part) -> str:
    """Where a part's training files lie, as people would say it."""
    if index.layout.name == "csv":
        return f"column {part.folder!r}"
    folder = Path(part.folder)
    if not folder.is_absolute():
        # As on disk, because the part's folder may hold {split}.
        first = Path(os.path.relpath(index.train[0].files[part.name], index.root))
        folder = Path(*first.parts[: len(folder.parts)])
    shown = f"{folder.as_posix() if folder.parts else index.root.resolve().name}/"
    if part.half:
        return f"the {part.half} halves in {shown}"
    return shown + (f"*{part.suffix}" if part.suffix else "")
