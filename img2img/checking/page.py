"""The report as one HTML file with pictures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from img2img.checking.alignment import REACH
from img2img.checking.check import Report
from img2img.checking.finding import LEVELS
from img2img.checking.samples import displayed, draw_samples
from img2img.checking.words import settings_line, verdict
from img2img.data.headers import Kind
from img2img.errors import DataError, counted
from img2img.labels import default_palette
from img2img.places import expand
from img2img.reporting.html import render

FILE = "index.html"
_TWINS = 4  # pairs of look-alikes shown
_ROWS = 300  # classes and kinds listed
_SIZES = 20  # sizes listed
_IGNORED = (255, 255, 255)
_CHANNELS = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGB with alpha"}
_DEPTHS = {"uint8": "8 bits", "uint16": "16 bits", "float32": "float"}
_KINDS = (("problem", "bad"), ("warning", "doubt"))  # how the verdict is coloured


def write_page(report: Report) -> Path:
    """Writes the report's page.

    Raises:
        OSError: it cannot be written.
    """
    path, root = report.out / FILE, expand(report.config.path or "").resolve()
    # A colour for every id that occurs: the palette's, else one that tells it from the others.
    own = map(tuple, default_palette(max(1, len(report.classes))).tolist())
    colours = {
        row.ident: _IGNORED if row.ignored else row.colour or other
        for row, other in zip(report.classes, own, strict=False)
    }
    faults = report.faults
    page = render(
        "check.html",
        title=f"Data check: {root.name or root}",
        root=root,
        verdict=verdict(report),
        kind=next((kind for level, kind in _KINDS if report.of_level(level)), "good"),
        settings=None if report.index is None else settings_line(report),
        reasons=report.advice.reasons,
        findings=[finding for level in LEVELS for finding in report.of_level(level)],
        faults={"file": faults.path.name, "lines": counted(faults.lines, "line")}
        if faults.lines
        else None,
        samples=list(draw_samples(report, colours)) if report.roles else [],
        colours={ident: "#{:02x}{:02x}{:02x}".format(*rgb) for ident, rgb in colours.items()},
        names={row.ident: row.name for row in report.classes},
        classes=report.classes[:_ROWS],
        more_classes=len(report.classes[_ROWS:]),
        most=max((row.share for row in report.classes), default=1),
        histogram=report.histogram.name if report.histogram else None,
        files=_files(report),
        alignment=_alignment(report),
        twins=list(_twins(report)) if report.twins and report.twins.pairs else None,
    )
    path.write_text(page, encoding="utf-8")
    return path


def _files(report: Report) -> dict[str, Any] | None:
    """What kinds of files there are, with an example of each, and their sizes."""
    if report.survey is None:
        return None
    headers = report.survey.headers
    kinds = [
        (part, _kind(kind), files.count, files.first[0])
        for part, own in headers.kinds.items()
        for kind, files in sorted(own.items(), key=lambda item: -item[1].count)
    ]
    sizes = {f"{w} x {h}": counted(n, "pair") for (h, w), n in headers.sizes.most_common(_SIZES)}
    if len(headers.sizes) > len(sizes):
        sizes["other sizes"] = f"{len(headers.sizes) - len(sizes)} of them"
    return {"kinds": kinds[:_ROWS], "sizes": sizes}


def _kind(kind: Kind) -> str:
    colour = _CHANNELS.get(kind.channels) if kind.colour != "n" else None
    if kind.colour == "palette":
        colour = "palette"
    words = [colour or counted(kind.channels, "channel"), _DEPTHS.get(kind.dtype, kind.dtype)]
    words += ["turned by EXIF"] if kind.turned else []
    words += [kind.space] if kind.space else []
    return ", ".join(words)


def _alignment(report: Report) -> dict[str, Any] | None:
    """How well edges agree when targets are shifted, as a picture."""
    if report.pixels is None or not report.pixels.alignment.maps:
        return None
    alignment = report.pixels.alignment
    right, down = alignment.shift()
    grey = displayed(alignment.mean()[..., None])[..., 0]
    return {
        "pairs": counted(len(alignment.maps), "pair"),
        "reach": REACH,
        "right": right,
        "down": down,
        "heat": cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS)[..., ::-1],
    }


def _twins(report: Report) -> Iterator[list[tuple[str, str, np.ndarray]]]:
    """Name, split and picture of a validation and a training picture that look alike."""
    if report.roles is None or report.survey is None or report.twins is None:
        return
    roles, usable, is_val = report.roles, report.survey.usable, report.survey.held_out
    groups = [usable.take(np.flatnonzero(is_val == wanted)) for wanted in (False, True)]
    for place, partner in report.twins.pairs.first[:_TWINS]:
        records = (groups[1][place], groups[0][partner])
        try:
            shown = [displayed(roles.picture(record, roles.target)) for record in records]
        except DataError:
            continue  # gone since; said elsewhere
        yield [(r.name, s, a) for r, s, a in zip(records, ("val", "train"), shown, strict=True)]
