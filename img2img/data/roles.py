"""Which part of a data set is which input of the generator, and which is the target."""

from collections.abc import Sequence

from img2img.data.pairing.records import Layout
from img2img.errors import DataError
from img2img.schema import DataConfig, Source

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


def assign_roles(config: DataConfig, layout: Layout) -> tuple[tuple[Source, ...], str]:
    """The inputs, each with the name of its part as `folder`, and the target's part.

    As the settings say, else as the layout suggests: labels (and instances) to image, or A
    to B by `data.direction`.

    Raises:
        DataError: the settings do not fit the layout or each other.
    """
    parts = [part.name for part in layout.parts]
    inputs = config.inputs or _usual_inputs(config, parts)
    inputs = tuple(s.model_copy(update={"folder": s.folder or s.name}) for s in inputs)
    used = [source.folder for source in inputs]
    free = [part for part in (*USUAL_TARGETS, *reversed(parts)) if part in parts]
    target = config.target or next((part for part in free if part not in used), None)
    _check(inputs, target, parts)
    return inputs, target


def _usual_inputs(config: DataConfig, parts: Sequence[str]) -> list[Source]:
    if "label" in parts:
        inputs = [Source(name="label", kind="labels")]
        if "instance" in parts:
            inputs.append(Source(name="instance", kind="instances"))
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
    return [Source(name=source, kind=kind)]


def _check(inputs: Sequence[Source], target: str | None, parts: Sequence[str]) -> None:
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
