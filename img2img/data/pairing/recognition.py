"""Recognising by its folders' names how a data set lies on disk. The table says what is known."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from img2img.data.pairing import csv_layout
from img2img.data.pairing.records import TRAIN_WORDS, VAL_WORDS, Layout, Part
from img2img.data.walking import is_folder, is_picture
from img2img.errors import DataError
from img2img.fields.files import read_info

_LABELS = ("label", "labels")
_INSTANCES = ("inst", "insts", "instance", "instances")
_IMAGES = ("img", "imgs", "image", "images", "photo", "photos")


@dataclass(frozen=True)
class _Folders:
    """A layout of folders: where they may lie, and what they may be called (in lower case)."""

    name: str
    arrangements: tuple[str, ...]
    kinds: Mapping[str, tuple[str, ...]]
    help: str


FOLDER_LAYOUTS = (
    _Folders(
        "label/inst/img",
        ("{split}_{kind}",),
        {"label": _LABELS, "instance": _INSTANCES, "image": _IMAGES},
        "train_label/ train_inst/ (optional) train_img/",
    ),
    _Folders(
        "images/labels",
        ("{kind}/{split}", "{split}/{kind}", "{kind}"),
        {"label": (*_LABELS, "mask", "masks"), "instance": _INSTANCES, "image": _IMAGES},
        "images/ (or image, img, imgs, photo, photos), labels/ (or label, mask, masks), instances/ (or instance, inst, "
        "insts; optional), with train/ inside, outside or not",
    ),
    _Folders(
        "A/B",
        ("{kind}/{split}", "{split}/{kind}", "{split}_{kind}", "{split}{kind}", "{kind}"),
        {"A": ("a",), "B": ("b",)},
        "A/train/ B/train/, train/A/ train/B/, train_A/ train_B/, trainA/ trainB/, or A/ B/",
    ),
)
_OPTIONAL = frozenset({"instance"})
_SIDE_BY_SIDE = "side-by-side"
_SIDE_BY_SIDE_HELP = "pictures of even width in train/, or in the folder itself: A left, B right"
LAYOUTS = (*(layout.name for layout in FOLDER_LAYOUTS), _SIDE_BY_SIDE, "csv")

_SEEN_SHOWN = 8  # entries or names quoted in a message


@dataclass(frozen=True)
class Match:
    """A layout as found: for each split's word ("" without splits), part name -> folder."""

    layout: Layout
    splits: Mapping[str, Mapping[str, str]]


def train_word(splits: Iterable[str]) -> str | None:
    """The word of the training split among those that are there."""
    return next((word for word in ("", *TRAIN_WORDS) if word in splits), None)


def recognise(root: Path, wanted: str) -> Match:
    """The first layout, in the order of the table, whose required folders are there.

    Args:
        wanted: "auto", or the only layout to try.

    Raises:
        DataError: none; with what the folder holds and what is accepted.
    """
    folders, files = _entries(root)
    if not folders and not files:
        raise DataError(f"{root}: the folder is empty")
    for layout in FOLDER_LAYOUTS:
        if wanted in ("auto", layout.name):
            for arrangement in layout.arrangements:
                match = _match(layout, arrangement, folders)
                if match is not None:
                    return match
    lists = [name for name in files if csv_layout.lists_pairs(root / name)]
    if wanted in ("auto", "csv") and lists:
        ways = " or ".join(f"--data {root / name}" for name in lists)
        raise DataError(f"{root}: {', '.join(lists)} in it lists pairs; name the file: {ways}")
    if wanted in ("auto", _SIDE_BY_SIDE):
        match = _match_side_by_side(root, folders, forced=wanted == _SIDE_BY_SIDE)
        if match is not None:
            return match
    raise DataError(_unrecognised(root, wanted, folders, files))


def _entries(root: Path) -> tuple[dict[str, str], list[str]]:
    """The folders below the root, two deep, as {path in lower case: path}; and its files."""
    folders: dict[str, str] = {}
    own, files = _visible(root)
    for name in own:
        folders.setdefault(name.lower(), name)
        try:
            inner, _ = _visible(root / name, names_of_files=False)
        except DataError:
            inner = []  # a folder that cannot be read matters only if the layout needs it
        for path in (f"{name}/{below}" for below in inner):
            folders.setdefault(path.lower(), path)
    return folders, files


def _visible(folder: Path, *, names_of_files: bool = True) -> tuple[list[str], list[str]]:
    """The names of folders and of other entries in a folder, sorted.

    Args:
        names_of_files: False leaves the latter out: there may be a million.
    """
    folders, files = [], []
    try:
        with os.scandir(folder) as scan:
            for entry in scan:
                if entry.name.startswith("."):
                    continue
                if is_folder(entry):
                    folders.append(entry.name)
                elif names_of_files:
                    files.append(entry.name)
    except OSError as error:
        raise DataError(f"{folder}: the folder cannot be read ({error.strerror})") from error
    return sorted(folders), sorted(files)


def _match(layout: _Folders, arrangement: str, folders: Mapping[str, str]) -> Match | None:
    """The layout in one arrangement, None where a required folder is missing."""
    places: dict[str, dict[str, tuple[str, str]]] = {}
    for word in (*TRAIN_WORDS, *VAL_WORDS) if "{split}" in arrangement else ("",):
        found = {
            part: place
            for part, kinds in layout.kinds.items()
            if (place := _place(arrangement, word, kinds, folders)) is not None
        }
        if layout.kinds.keys() - found.keys() <= _OPTIONAL:
            places[word] = found
    train = train_word(places)
    if train is None:
        return None
    parts = tuple(Part(name, template) for name, (template, _) in places[train].items())
    splits = {
        word: {name: folder for name, (_, folder) in found.items()}
        for word, found in places.items()
    }
    return Match(Layout(layout.name, parts), splits)


def _place(
    arrangement: str, word: str, kinds: Iterable[str], folders: Mapping[str, str]
) -> tuple[str, str] | None:
    """The first folder there is for one of the kinds: (its template, the folder)."""
    for kind in kinds:
        template = arrangement.replace("{kind}", kind)
        folder = folders.get(template.replace("{split}", word))
        if folder is None:
            continue
        if "{split}" not in template:
            return folder, folder
        start = template.index("{split}")  # the rest is kept as it is spelt on disk
        return folder[:start] + "{split}" + folder[start + len(word) :], folder
    return None


def _match_side_by_side(root: Path, folders: Mapping[str, str], *, forced: bool) -> Match | None:
    template = "{split}"
    splits = {word: folders[word] for word in (*TRAIN_WORDS, *VAL_WORDS) if word in folders}
    train = train_word(splits)
    if train is None:
        template, splits, train = "", {"": ""}, ""
    if not forced and not _looks_side_by_side(root / splits[train]):
        return None
    parts = (Part("A", template, half="left"), Part("B", template, half="right"))
    both = {word: {"A": folder, "B": folder} for word, folder in splits.items()}
    return Match(Layout(_SIDE_BY_SIDE, parts), both)


def _looks_side_by_side(folder: Path) -> bool:
    """Whether pictures lie in the folder itself, and some of them all have an even width.

    Only a sample is opened: reading 100,000 headers would take longer than all the rest.
    """
    pictures = [name for name in _visible(folder)[1] if is_picture(name)]
    sample = pictures[:: max(1, len(pictures) // _SEEN_SHOWN)]
    return bool(sample) and all(_halves(folder / name) for name in sample)


def _halves(path: Path) -> bool:
    """Whether a picture may be two of one width; of damaged ones, whoever reads them says more."""
    try:
        return read_info(path).width % 2 == 0
    except DataError:
        return True


def _unrecognised(root: Path, wanted: str, folders: Mapping[str, str], files: list[str]) -> str:
    seen = [f"{name}/" for name in folders.values()] + files
    more = f", ... and {len(seen) - _SEEN_SHOWN} more" if len(seen) > _SEEN_SHOWN else ""
    known = {layout.name: layout.help for layout in FOLDER_LAYOUTS}
    known |= {_SIDE_BY_SIDE: _SIDE_BY_SIDE_HELP, "csv": csv_layout.HELP}
    if wanted == "auto":
        what = "no pairs in a known layout; accepted are"
    else:
        what, known = f"no pairs in layout {wanted}, which is", {wanted: known[wanted]}
    lines = [f"  {name}: {text}" for name, text in known.items()]
    return "\n".join(
        [
            f"{root}: {what}",
            *lines,
            "with val/, validation/ or test/ beside train/ for validation. The folder holds: "
            + ", ".join(seen[:_SEEN_SHOWN])
            + more,
            *_own_names(root, folders),
        ]
    )


def _own_names(root: Path, folders: Mapping[str, str]) -> list[str]:
    """How two folders of other names are named in the settings."""
    tops = [name for name in folders.values() if "/" not in name]
    if len(tops) != 2:
        return []
    known = (*_LABELS, "mask", "masks")
    source, target = sorted(tops, key=lambda name: (name.lower() not in known, name))
    name, kind = ("label", "labels") if source.lower() in known else ("input", "image")
    inputs = f"[{{name: {name}, kind: {kind}, folder: {source}}}]"
    guess = f"; {source}/ as the input is a guess: exchange them if need be" * (name == "input")
    return [
        f"Rename the folders, or say what they hold by adding: data.target={target} "
        f"'data.inputs={inputs}' (kinds: labels, instances, image{guess})"
    ]


def name_folders(root: Path, custom: Mapping[str, str], wanted: str) -> Match:
    """The folders that the settings name, as `find_pairs` describes them under `custom`.

    Raises:
        DataError: a folder of the training split is missing.
    """
    try:
        known = {part.name: part for part in recognise(root, wanted).layout.parts}
    except DataError:
        known = {}  # every folder must then be named
    parts = tuple(_named_part(name, folder, known) for name, folder in custom.items())
    words = (*TRAIN_WORDS, *VAL_WORDS) if any("{split}" in p.folder for p in parts) else ("",)
    splits: dict[str, dict[str, str]] = {}
    for word in words:
        found = {part.name: part.folder.replace("{split}", word) for part in parts}
        if all((root / folder).is_dir() for folder in found.values()):
            splits[word] = found
    if train_word(splits) is None:
        folders = [part.folder.replace("{split}", TRAIN_WORDS[0]) for part in parts]
        missing = [f"{folder}/" for folder in folders if not (root / folder).is_dir()]
        raise DataError(f"{root}: there is no folder {' and no '.join(missing)}")
    return Match(Layout("custom", parts), splits)


def _named_part(name: str, folder: str, known: Mapping[str, Part]) -> Part:
    if folder in known:
        return replace(known[folder], name=name)
    above, _, last = folder.rpartition("/")
    if last.startswith("*"):
        return Part(name, above, suffix=last[1:])
    return Part(name, folder.rstrip("/"))
