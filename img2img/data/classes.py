"""What the ids in a data set's label maps mean: how many classes, their names and colours."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from img2img.data.pairing.records import Part
from img2img.data.scan import Findings
from img2img.errors import DataError, counted
from img2img.fields import Label
from img2img.fields.coding import SETTING
from img2img.fields.label import SHADES
from img2img.fields.palettes import load_class_names, load_palette
from img2img.places import expand
from img2img.schema import DataConfig

NAMES = "classes.txt"
MAX_CLASSES = 1024  # more one-hot planes are an instance map taken for labels
# Ids that many tools write for "no class".
USUAL_IGNORE_IDS = (255, 65535)
NEAR_MARK = 16  # of 0 and of 255: values of masks that write black and white as they like
SOFT = 128  # of the values 0..255; with more of them it is a picture, a mask without sharp edges


def draft_label(config: DataConfig, name: str, part: str) -> Label:
    """How label files are to be read, before it is known what they hold.

    Raises:
        DataError: a palette that is none, or colours without one.
    """
    if config.label_coding == "colours" and not config.palette:
        raise DataError(
            "data.label_coding=colours: set data.palette, too, which says what they mean"
        )
    return Label(
        name=name,
        part=part,
        classes=config.num_classes or 0,
        palette=load_palette(config.palette).colours if config.palette else (),
        coding=config.label_coding,
        ignore_id=config.ignore_id,
    )


def are_marks(files: Mapping[int, int]) -> bool:
    """Whether values are black and white of masks that write them differently from file to file.

    Each file then has one of both, and white is not 255 alone, which may mean no class.

    Args:
        files: grey value -> how many files hold it.
    """
    black = [count for value, count in files.items() if 0 <= value <= NEAR_MARK]
    white = [count for value, count in files.items() if 255 - NEAR_MARK <= value <= 255]
    return len(white) > 1 and len(black) + len(white) == len(files) and sum(black) == sum(white)


def describe_labels(
    config: DataConfig, name: str, part: Part, findings: Findings
) -> tuple[Label, list[str]]:
    """The classes of the label input `name`, by what all its files hold, and remarks.

    Raises:
        DataError: unreadable files, colours without a palette, ids that are no classes.
    """
    findings.check()
    palette = load_palette(config.palette) if config.palette else None
    remarks = _check_coding(config, name, findings)
    ids = findings.ids(ignore=config.ignore_id)
    if not ids:
        raise DataError(
            f"the label maps hold no class at all: every pixel has the id {config.ignore_id}, "
            "which data.ignore_id says to ignore"
        )
    beside = _names_beside(config, ids) if palette is None else ()
    names = load_class_names(config.classes) if config.classes else beside
    names = names or (palette.names if palette else ())
    ignore_id, remap = config.ignore_id, None
    if config.remap:
        classes = _count_remapped(config, ids, findings)
        remap = {stored: new for new, stored in enumerate(ids)}
        if ignore_id is not None:
            # Its own number may now be that of a class.
            remap[ignore_id] = ignore_id = classes
    else:
        classes = _count_classes(config, ids, names, findings)
    spec = Label(
        name=name,
        part=part.name,
        classes=classes,
        class_names=_name_classes(config, names, ids, classes),
        palette=palette.colours if palette else (),
        coding=config.label_coding,
        grey=findings.way if palette else None,
        embedded={index: next(iter(found)) for index, found in findings.embedded.items()} or None,
        ignore_id=ignore_id,
        remap=remap,
    )
    remarks += _warnings(config, findings, ids, classes)
    if beside and config.path:
        remarks.append(f"{name}: class names from {Path(config.path) / NAMES}")
    if palette and config.palette:
        pairs = part.name in ("A", "B")
        strays = findings.strays.warning(
            config.palette, palette.colours, palette.names, pairs=pairs
        )
        remarks += [strays] if strays else []
    remarks.append(f"{name}: {counted(classes, 'class', 'classes')}, {len(ids)} of them occur")
    return spec, remarks


def _check_coding(config: DataConfig, name: str, findings: Findings) -> list[str]:
    """What the values were taken for, as a remark, and what of them was mixed or passed over.

    Raises:
        DataError: that is not certain, or not the same in all files.
    """
    notes, auto = findings.notes, config.label_coding == "auto"
    by_colours = f"the colours of data.palette={config.palette}"
    if config.palette and auto and notes["ids"] and notes["colours"]:
        raise DataError(
            f"the label files are not coded alike: {counted(notes['ids'].count, 'file')} with ids, for "
            f"example {notes['ids'].first[0]}, and {counted(notes['colours'].count, 'file')} with "
            f"{by_colours}, for example {notes['colours'].first[0]}. Save all of them in one way, or "
            f"set {SETTING}=ids or {SETTING}=colours to read all of them so"
        )
    if notes["either"] and not findings.way:
        raise DataError(
            f"{counted(notes['either'].count, 'label file')}, for example {notes['either'].first[0]}, "
            f"could hold ids as well as {by_colours}, and nothing says which: set {SETTING}=ids or "
            f"{SETTING}=colours"
        )
    changing = [(i, found) for i, found in sorted(findings.embedded.items()) if len(found) > 1]
    if changing and auto:
        index, ((one, here), (other, there)) = changing[0][0], changing[0][1].items()
        raise DataError(
            f"the palettes inside the indexed label files differ: index {index} is {one} in {here}, but "
            f"{other} in {there}, so it seems to mean another class in each. Set data.palette=FILE, with "
            f"a line `R G B name` for each class, to read the files by their colours, or {SETTING}=ids, "
            "if the indices are the ids all the same"
        )
    remarks = []
    if config.palette:
        ways = {"ids": "class ids, not as colours of data.palette", "colours": by_colours}
        remarks.append(f"{name}: label files are read as {ways[findings.way or 'colours']}")
    elif findings.embedded:
        remarks.append(f"{name}: indexed label files are read by their indices, not their colours")
    if notes["mixed"]:
        share = 100 * findings.mixed / max(1, sum(findings.pixels.values()))
        remarks.append(
            f"{name}: {counted(notes['mixed'].count, 'label file')} with mixed colours where areas meet, "
            f"as smoothing and JPEG leave them, {share:.2g}% of all pixels, for example in "
            f"{', '.join(map(str, notes['mixed'].first[:3]))}. Each such pixel is read as the class "
            "around it whose colour is nearest"
        )
    if notes["transparent"]:
        remarks.append(
            f"WARNING: {counted(notes['transparent'].count, 'label file')} with transparent pixels, for "
            f"example {notes['transparent'].first[0]}: their transparency is passed over, the values "
            "below it count"
        )
    return remarks


def _count_classes(
    config: DataConfig, ids: Sequence[int], names: Sequence[str], findings: Findings
) -> int:
    """As set, else as many as there are names, else the highest id + 1."""
    given = config.num_classes or len(names)
    outside = [i for i in ids if i < 0 or (given and i >= given)]
    if outside:
        limit = f"0..{given - 1} ({counted(given, 'class', 'classes')})" if given else "0 and up"
        raise DataError(
            f"label ids outside {limit}:\n{findings.where(outside)}\n"
            "Set data.ignore_id to the id that means 'no class', data.num_classes if there are "
            "more classes, or data.remap=true to renumber the ids that occur"
            f"{SHADES if config.palette else ''}."
        )
    if not given and ids[-1] >= MAX_CLASSES:
        raise DataError(
            f"label ids run up to {ids[-1]}:\n{findings.where(ids[-1:])}\nThis looks like an "
            "instance map where labels are expected; if these are labels, set data.remap=true to "
            "renumber the ids that occur, or data.num_classes."
        )
    return given or ids[-1] + 1


def _names_beside(config: DataConfig, ids: Sequence[int]) -> tuple[str, ...]:
    """The names in `classes.txt` beside the pairs, where it is a file that fits; else none."""
    if config.classes or config.remap or config.num_classes or not config.path:
        return ()
    path = expand(config.path) / NAMES
    try:
        names = load_class_names(str(path)) if path.is_file() else ()
    except DataError:
        return ()  # nobody said that this file is one of ours
    return names if max((i for i in ids), default=0) < len(names) else ()


def _count_remapped(config: DataConfig, ids: Sequence[int], findings: Findings) -> int:
    """As set, else as many as there are ids."""
    if config.num_classes and len(ids) > config.num_classes:
        raise DataError(
            f"data.num_classes={config.num_classes}, but {len(ids)} ids occur, from the "
            f"{config.num_classes + 1}th on:\n{findings.where(ids[config.num_classes :])}"
        )
    return config.num_classes or len(ids)


def _name_classes(
    config: DataConfig, names: Sequence[str], ids: Sequence[int], classes: int
) -> tuple[str, ...]:
    """Names by stored id; of renumbered classes a file may also name those that occur alone."""
    stored = [*ids, *range(len(ids), classes)] if config.remap else range(classes)
    if config.remap and config.classes and len(names) <= ids[-1]:
        if len(names) != len(ids):
            raise DataError(
                f"data.classes: {config.classes} names {counted(len(names), 'class', 'classes')}, "
                f"but there are {counted(len(ids), 'id')} up to {ids[-1]}; name each of these, or "
                "every id from 0 on"
            )
        stored = range(classes)
    return tuple(names[i] if 0 <= i < len(names) else f"class-{i}" for i in stored)


def _warnings(
    config: DataConfig, findings: Findings, ids: Sequence[int], classes: int
) -> list[str]:
    """Lossy files, an id that usually means 'no class', and labels that say nothing."""
    lines = []
    if findings.notes["lossy"]:
        lines.append(
            f"WARNING: {counted(findings.notes['lossy'].count, 'lossy label file')}, for example "
            f"{findings.notes['lossy'].first[0]}: JPEG changes ids near edges into ids of other "
            "classes. Save label maps as PNG; where their values lie far apart, as 0 and 255 of a mask, "
            f"`img2img check-data` writes a palette of them, for data.palette with {SETTING}=colours"
        )
    elif len(ids) > SOFT and ids[-1] == 255:
        lines.append(
            f"WARNING: {len(ids)} of the values 0..255 occur: this looks like a soft mask, a depth "
            "map or another picture. Round a mask to ids, as by `mask > 127`; give a picture "
            "`kind: image` in data.inputs"
        )
    elif are_marks({i: found.count for i, found in findings.files.items()}):
        lines.append(
            f"WARNING: the ids {', '.join(map(str, ids[:8]))} look like black and white of masks, "
            "written differently from file to file: save all of them with two values. `img2img "
            f"check-data` writes a palette of both, for data.palette with {SETTING}=colours"
        )
    elif ids[-1] in USUAL_IGNORE_IDS:
        lines += _no_class(config, ids, classes)
    if len(ids) == 1:
        lines.append(_constant(config, findings, ids[0]))
    return lines


def _no_class(config: DataConfig, ids: Sequence[int], classes: int) -> list[str]:
    """The warning that the last id may mean 'no class', or be one of a mask's two marks."""
    start = f"WARNING: id {ids[-1]} is counted as a class, which makes {classes} of them; "
    marks = "set data.remap=true to number them 0, 1"
    if len(ids) == 2:
        # To ignore one of two would leave nothing that the labels could say.
        mask = f"only {ids[0]} and {ids[1]} occur, the marks of a mask: {marks}"
        return [] if config.remap else [start + mask]
    ignore = f"if it means 'no class', set data.ignore_id={ids[-1]}"
    if config.remap:
        return [start + ignore]
    return [
        f"{start}{ignore}; if the ids are only marks, such as 0 and 255 of a mask, {marks}, ..."
    ]


def _constant(config: DataConfig, findings: Findings, ident: int) -> str:
    """The warning that the labels are the same everywhere."""
    if config.ignore_id in findings.pixels:
        return (
            f"WARNING: without id {config.ignore_id} (data.ignore_id) one class is left, id "
            f"{ident}: wherever a pixel counts, the label is the same and says nothing about the "
            "picture. Of a mask with marks such as 0 and 255, both are classes: leave "
            "data.ignore_id out and set data.remap=true to number them 0, 1"
        )
    return (
        f"WARNING: every pixel of every label map has the id {ident}: the labels say nothing "
        f"about the pictures. Look whether these are the label maps: {findings.files[ident].first[0]}"
    )
