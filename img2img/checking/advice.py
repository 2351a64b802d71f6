"""The settings that the data want: found before the labels are read, and after."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from img2img.checking.colours import Coding, find_coding, sides
from img2img.checking.finding import Finding
from img2img.config import as_overrides, as_typed
from img2img.data.classes import MAX_CLASSES, SOFT, USUAL_IGNORE_IDS
from img2img.data.layouts import PairIndex
from img2img.data.scan import Findings
from img2img.errors import counted
from img2img.schema import DataConfig

PALETTE = "palette.txt"  # written beside the report
# Ids from 0 to the highest of which less than this share occur are marks, not numbers of classes.
_SPARSE = 0.25
_MANY = 16  # empty classes that do not matter yet


@dataclass
class Advice:
    """Settings beside the user's, each with its reason.

    Attributes:
        settings: dotted key -> value.
        reasons: one sentence a setting.
    """

    settings: dict[str, object] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def add(self, key: str, value: object, reason: str) -> None:
        """One more setting."""
        self.settings[f"data.{key}"] = value
        self.reasons.append(f"data.{key}={as_typed(value)}: {reason}")

    def applied(self, config: DataConfig) -> DataConfig:
        """The user's settings with these."""
        changes = {key.removeprefix("data."): value for key, value in self.settings.items()}
        return config.model_copy(update=changes)


def colours_advice(config: DataConfig, index: PairIndex, out: Path) -> tuple[Advice, list[Finding]]:
    """What colour-coded labels want that were not said to be such.

    Args:
        out: the folder where a palette file is written, if no built-in palette fits.

    Raises:
        OSError: it cannot be written.
    """
    advice = Advice()
    found: list[Finding] = []
    if config.palette or config.inputs or config.target:
        return advice, found
    part = next((part for part in index.layout.parts if part.name == "label"), None)
    if part is not None:
        coding = find_coding(index, part)
        if coding is not None:
            _add_palette(advice, coding, out)
            found.append(_said(coding))
        return advice, found
    codings = {part.name: find_coding(index, part) for part in sides(index)}
    coded = {name: coding for name, coding in codings.items() if coding is not None}
    if len(coded) != 1 or (list(coded) == ["A"] and config.direction == "BtoA"):
        return advice, found  # none, both, or the target on purpose
    [(side, coding)] = coded.items()
    _add_palette(advice, coding, out)
    text = f"{side} looks like label maps in colours"
    if side == "B" and config.direction == "AtoB":
        advice.add("direction", "BtoA", "the labels become the input, the photos the target")
        text += ", and as set it is the target: photos would become label maps"
    found.append(Finding("remark", f"{text}; this is checked under the report's `settings`"))
    return advice, found


def _add_palette(advice: Advice, coding: Coding, out: Path) -> None:
    if coding.palette:
        advice.add("palette", coding.palette, "explains the colours of the label maps")
        return
    path, number = out / PALETTE, 1
    while path.exists() and path.read_text(encoding="utf-8") != coding.text():
        number += 1  # a former one may have names in it by now
        path = out / PALETTE.replace(".", f"-{number}.")
    path.write_text(coding.text(), encoding="utf-8")
    colours = counted(len(coding.colours), "colour")
    mixed = " that cover areas" if coding.mixed else ""
    reason = f"the {colours} found{mixed}; write the classes' names into it"
    advice.add("palette", str(path), reason)
    if coding.mixed:
        advice.add("label_coding", "colours", "what lies between these is read as a neighbour")


def _said(coding: Coding) -> Finding:
    """What colour-coded label maps without a palette are."""
    if not coding.mixed:
        text = "the label maps are colour pictures; data.palette must say what the colours mean"
        if coding.differing:
            text = "the palettes inside the indexed label maps differ from file to file, so only their "
            text += "colours tell the classes; data.palette must say what these mean"
        return Finding("problem", f"{text} (the report's `settings` do)")
    shown = [
        str(red if red == green == blue else (red, green, blue))
        for red, green, blue in coding.colours
    ]
    listed = ", ".join(shown[:8]) + ", …" * (len(shown) > 8)
    return Finding(
        "warning" if coding.ids else "problem",  # which a training would not, or would stop at
        f"only {counted(len(shown), 'value')} of the label maps cover areas, {listed}; the others are "
        "mixed colours and noise, as smoothing and JPEG leave them. data.palette must say which values "
        "are classes (the report's `settings` do)",
    )


def ids_advice(advice: Advice, config: DataConfig, findings: Findings) -> None:
    """What the ids in the label maps want; adds to the advice."""
    ids = findings.ids(ignore=config.ignore_id)
    if findings.notes["lossy"] or (len(ids) > SOFT and ids[-1] == 255):
        return  # most of the ids are no classes
    if not ids or config.remap or config.num_classes or config.palette or config.classes:
        return
    if len(ids) == 2 and ids != [0, 1]:
        advice.add("remap", True, f"only {ids[0]} and {ids[1]} occur, the marks of a mask")
        return
    if ids[-1] in USUAL_IGNORE_IDS and config.ignore_id is None and len(ids) > 2:
        advice.add("ignore_id", ids[-1], "usually means 'no class'; leave it out if it is one")
        ids = ids[:-1]
    empty = ids[-1] + 1 - len(ids)
    if ids[0] < 0 or ids[-1] >= MAX_CLASSES:
        return
    if empty > _MANY and len(ids) < _SPARSE * (ids[-1] + 1):
        advice.add("remap", True, f"only {len(ids)} of the ids 0..{ids[-1]} occur")


def command(config: DataConfig, settings: Mapping[str, object]) -> str:
    """The training's command line, ready to paste.

    Args:
        config: the user's settings.
        settings: those that are advised.
    """
    given = as_overrides(config, "data")
    given.pop("data.path", None)
    given |= {key: as_typed(value) for key, value in settings.items()}
    words = ["img2img", "train", "--model", "pix2pixHD", "--data", str(config.path)]
    return shlex.join([*words, *(f"{key}={value}" for key, value in given.items())])
