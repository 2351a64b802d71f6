"""The report as one HTML file with pictures."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from img2img.checking.alignment import REACH
from img2img.checking.check import Report
from img2img.checking.finding import LEVELS, Finding
from img2img.checking.histogram import ClassRow
from img2img.checking.samples import Colours, Sample, displayed, draw_samples
from img2img.checking.words import settings_line, verdict
from img2img.data.headers import Kind
from img2img.errors import DataError, counted
from img2img.labels import default_palette
from img2img.reporting.html import Html, definitions, join, page, picture, table, tag

FILE = "index.html"
_TWINS = 4  # pairs of look-alikes shown
_ROWS = 300  # classes, sizes and kinds listed
_IGNORED = (255, 255, 255)
_CHANNELS = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGB with alpha"}
_DEPTHS = {"uint8": "8 bits", "uint16": "16 bits", "float32": "float"}

_STYLE = """
.verdict{padding:.9rem 1.1rem;border-radius:8px;font-size:1.15rem;font-weight:600;margin:1rem 0}
.good{background:#e3f4e6;color:#14532d}.doubt{background:#fff3d6;color:#6b4400}
.bad{background:#fde4e1;color:#7f1d1d}
.finding{border-left:4px solid var(--line);padding:.35rem .9rem;margin:.5rem 0;white-space:pre-wrap}
.problem{border-color:#c62828;background:#fef5f4}.warning{border-color:#e09b00;background:#fffaf0}
.finding b{display:block;font-size:.8rem;text-transform:uppercase;letter-spacing:.04em}
.problem b{color:#c62828}.warning b{color:#a06a00}.remark b{color:var(--faint)}
.sample{margin:1rem 0 1.6rem}.row{display:grid;grid-gap:.6rem;
grid-template-columns:repeat(auto-fit,minmax(min(230px,46%),1fr));align-items:start}
.row img{width:100%;border:1px solid var(--line);image-rendering:auto}
.twin img{max-height:180px;width:auto}
.bar{display:flex;height:14px;border-radius:3px;overflow:hidden;margin:.4rem 0;background:var(--soft)}
.bar span{display:block}.key{display:inline-block;width:1em;height:1em;border:1px solid #0003;
vertical-align:-.12em;margin-right:.4rem}.meter{width:min(320px,40vw);height:12px;background:var(--soft)}
.meter span{display:block;outline:1px solid #0002;height:12px;min-width:1px}details{margin:.3rem 0}summary{cursor:pointer}
details div{white-space:pre-wrap}.heat img{width:200px;image-rendering:pixelated}
"""


def write_page(report: Report) -> Path:
    """Writes the report's page.

    Raises:
        OSError: it cannot be written.
    """
    path = report.out / FILE
    root = Path(report.config.path).expanduser()
    colours = _colours(report)
    body = [
        tag("h1", f"Data check: {root.resolve().name or root}"),
        tag("div", f"{root.resolve()}", class_="faint"),
        _verdict(report),
        *_settings(report),
        *_findings(report),
        *_samples(report, colours),
        *_classes(report, colours),
        *_files(report),
        *_alignment(report),
        *_twins(report),
    ]
    path.write_text(page(f"Data check: {root.name}", *body, style=_STYLE), encoding="utf-8")
    return path


def _colours(report: Report) -> Colours:
    """A colour for every id that occurs: the palette's, else one that tells it from the others."""
    own = map(tuple, default_palette(max(1, len(report.classes))).tolist())
    return {
        row.ident: _IGNORED if row.ignored else row.colour or other
        for row, other in zip(report.classes, own, strict=False)
    }


def _verdict(report: Report) -> Html:
    kind = "good"
    if report.of_level("warning"):
        kind = "doubt"
    if report.of_level("problem"):
        kind = "bad"
    return tag("div", verdict(report), class_=f"verdict {kind}")


def _settings(report: Report) -> Iterator[Html]:
    if report.index is None:
        return
    yield tag("h2", "Settings to paste")
    yield tag("pre", settings_line(report))
    if report.advice.reasons:
        yield tag("ul", *(tag("li", reason) for reason in report.advice.reasons))


def _findings(report: Report) -> Iterator[Html]:
    yield tag("h2", "What was found")
    for level in LEVELS:
        for finding in report.of_level(level):
            yield _finding(finding)
    if report.ledger.lines:
        lines = counted(report.ledger.lines, "line")
        link = tag("a", report.ledger.path.name, href=report.ledger.path.name)
        yield tag("p", "Every file with a fault: ", link, f" ({lines})")


def _finding(finding: Finding) -> Html:
    more = None
    if finding.examples:
        lines = list(finding.examples)
        if finding.count > len(lines):
            lines.append(f"and {finding.count - len(lines)} more")
        heading = tag("summary", "for example ", finding.examples[0])
        more = tag("details", heading, tag("div", "\n".join(lines)))
    return tag(
        "div", tag("b", finding.level), finding.text, more, class_=f"finding {finding.level}"
    )


def _samples(report: Report, colours: Colours) -> Iterator[Html]:
    samples = list(draw_samples(report, colours)) if report.roles else []
    if samples:
        yield tag("h2", "Pairs, evenly spaced")
    names = {row.ident: row.name for row in report.classes}
    for sample in samples:
        yield tag("div", *_sample(sample, colours, names), class_="sample")


def _sample(sample: Sample, colours: Colours, names: dict[int, str]) -> Iterator[Html]:
    height, width = sample.size
    yield tag("div", tag("b", sample.name), f" {width} x {height}")
    figures = (
        tag(
            "figure",
            picture(array, f"{sample.name}: {head}", lossy=head in sample.photos),
            tag("figcaption", head),
        )
        for head, array in sample.pictures.items()
    )
    yield tag("div", *figures, class_="row")
    spans = (
        tag(
            "span",
            style=f"width:{100 * share:.2f}%;background:{_css(colours.get(ident))}",
            title=f"{names.get(ident, ident)}: {_percent(share)}",
        )
        for ident, share in sorted(sample.shares.items(), key=lambda item: -item[1])
    )
    if sample.shares:
        yield tag("div", *spans, class_="bar")


def _classes(report: Report, colours: Colours) -> Iterator[Html]:
    if not report.classes:
        return
    yield tag("h2", "Classes")
    most = max(row.share for row in report.classes)
    rows = [_class_row(row, colours, most) for row in report.classes[:_ROWS]]
    yield table(("id", "class", "share of the pixels", "", "label maps"), rows)
    if len(report.classes) > _ROWS:
        yield tag("p", f"and {len(report.classes) - _ROWS} more ids")
    if report.histogram:
        link = tag("a", report.histogram.name, href=report.histogram.name)
        yield tag("p", "The pixels of every id in every label map: ", link)


def _class_row(row: ClassRow, colours: Colours, most: float) -> tuple[object, ...]:
    colour = _css(colours.get(row.ident))
    key = tag("span", class_="key", style=f"background:{colour}")
    length = tag("span", style=f"width:{100 * row.share / most:.2f}%;background:{colour}")
    return (
        row.ident,
        join(key, row.name),
        tag("div", length, class_="meter"),
        _percent(row.share),
        row.files,
    )


def _css(colour: tuple[int, int, int] | None) -> str:
    return "#{:02x}{:02x}{:02x}".format(*(colour or (255, 255, 255)))


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.0995 else f"{100 * share:.0f} %"


def _files(report: Report) -> Iterator[Html]:
    if report.survey is None:
        return
    headers = report.survey.headers
    yield tag("h2", "Files")
    kinds = [
        (part, _kind(kind), files.count, str(files.first[0]))
        for part, own in headers.kinds.items()
        for kind, files in sorted(own.items(), key=lambda item: -item[1].count)
    ]
    yield table(("part", "kind", "files", "for example"), kinds[:_ROWS])
    sizes = {f"{w} x {h}": counted(n, "pair") for (h, w), n in headers.sizes.most_common(20)}
    if len(headers.sizes) > len(sizes):
        sizes["other sizes"] = f"{len(headers.sizes) - len(sizes)} of them"
    if sizes:
        yield tag("p", tag("b", "Sizes (width x height)"))
        yield definitions(sizes)


def _kind(kind: Kind) -> str:
    colour = _CHANNELS.get(kind.channels) if kind.colour != "n" else None
    if kind.colour == "palette":
        colour = "palette"
    words = [colour or counted(kind.channels, "channel"), _DEPTHS.get(kind.dtype, kind.dtype)]
    words += ["turned by EXIF"] if kind.turned else []
    words += [kind.space] if kind.space else []
    return ", ".join(words)


def _alignment(report: Report) -> Iterator[Html]:
    if report.pixels is None or not report.pixels.alignment.maps:
        return
    alignment = report.pixels.alignment
    right, down = alignment.shift()
    yield tag("h2", "Do inputs and targets lie on one another?")
    text = (
        f"Edges of {counted(len(alignment.maps), 'pair')} compared at shifts of up to {REACH} pixels: "
        f"they agree best at {right:+} px to the right and {down:+} px downwards. The bright spot "
        "belongs into the middle; a pixel beside it is usual."
    )
    yield tag("p", text)
    mean = alignment.mean()
    grey = displayed(mean[..., None])[..., 0]
    heat = cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS)[..., ::-1]
    yield tag("div", picture(np.ascontiguousarray(heat), "agreement by shift"), class_="heat")


def _twins(report: Report) -> Iterator[Html]:
    twins, roles = report.twins, report.roles
    if twins is None or not twins.pairs:
        return
    yield tag("h2", "Validation pictures that are nearly trained on")
    usable, is_val = report.survey.usable, report.survey.held_out
    groups = [usable.take(np.flatnonzero(is_val == wanted)) for wanted in (False, True)]
    for place, partner in twins.pairs.first[:_TWINS]:
        records = (groups[1][place], groups[0][partner])
        try:
            shown = [displayed(roles.picture(record, roles.target)) for record in records]
        except DataError:
            continue  # gone since; said elsewhere
        figures = (
            tag(
                "figure",
                picture(array, record.name, lossy=True),
                tag("figcaption", record.name, split),
            )
            for array, record, split in zip(shown, records, (" (val)", " (train)"), strict=True)
        )
        yield tag("div", *figures, class_="row twin")
