"""Pieces of static HTML. Whatever is not marked as HTML is text, and is escaped."""

import base64
import html
from collections.abc import Iterable, Mapping

import cv2
import numpy as np

from img2img.text import showable

WIDEST = 640  # pixels of a picture on a page
VOID = ("br", "img", "input")  # elements without an end

_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 85]

# Where a table is cut off, its edge is in shadow: white that moves with it covers the shadow at its ends.
STYLE = """
:root{--ink:#1d2329;--faint:#66707a;--line:#dfe3e8;--soft:#f5f7f9}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1200px;padding:0 1rem;
color:var(--ink);background:#fff;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}
table{border-collapse:collapse}th,td{text-align:left;padding:.25rem .8rem .25rem 0;
border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:break-word}
td:last-child{overflow-wrap:anywhere}td:last-child:not(.number){min-width:6rem}th{font-weight:600;color:var(--faint)}
.scroll{overflow-x:auto;background:linear-gradient(90deg,#fff 40%,#fff0) 0/2.5rem 100% no-repeat local,
linear-gradient(270deg,#fff 40%,#fff0) 100%/2.5rem 100% no-repeat local,
linear-gradient(90deg,#0003,#0000) 0/.7rem 100% no-repeat,
linear-gradient(270deg,#0003,#0000) 100%/.7rem 100% no-repeat}
@media(max-width:600px){body{margin:1rem auto}th,td{padding-right:.5rem;font-size:.85rem}}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
pre{background:var(--soft);padding:.8rem 1rem;border-radius:6px;white-space:pre-wrap;margin:.5rem 0}
img{max-width:100%;height:auto;display:block}figure{margin:0}
figcaption,.faint{color:var(--faint);font-size:.85rem}
"""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


class Number(str):
    """A number as it shall be read; tables put it to the right."""

    __slots__ = ()


def escape(content: object) -> Html:
    """Anything as HTML: text is escaped, `Html` stays, and characters that no file can hold are spelt out."""
    if isinstance(content, Html):
        return content
    return Html(html.escape(showable(content)))


def join(*children: object) -> Html:
    """The children one after the other, None left out."""
    return Html("".join(escape(child) for child in children if child is not None))


def tag(name: str, *children: object, **attributes: object) -> Html:
    """An element; a `_` at the end of an attribute's name is dropped (`class_`), None leaves it out."""
    given = "".join(
        f' {key.rstrip("_")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = join(*children)
    return Html(f"<{name}{given}>" if name in VOID else f"<{name}{given}>{inner}</{name}>")


def picture(
    array: np.ndarray,
    alt: str,
    *,
    lossy: bool = False,
    widest: int = WIDEST,
    largest: int | None = None,
) -> Html:
    """A picture inside the page, reduced where it is wide.

    Args:
        array: uint8 RGB (H, W, 3).
        lossy: as JPEG, for photos; else PNG.
        widest: pixels.
        largest: bytes of a PNG; what would need more becomes a JPEG.
    """
    array = narrowed(array, widest)
    bgr = np.ascontiguousarray(array[..., ::-1])
    kind = "jpeg" if lossy else "png"
    _, data = cv2.imencode(f".{kind}", bgr, _JPEG if lossy else [])
    if largest is not None and not lossy and len(data) > largest:
        kind = "jpeg"
        _, data = cv2.imencode(".jpeg", bgr, _JPEG)
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return tag("img", alt=alt, src=source, width=array.shape[1], height=array.shape[0])


def narrowed(array: np.ndarray, widest: int) -> np.ndarray:
    """A picture (H, W, 3) no wider than so many pixels, averaged where it is reduced."""
    if array.shape[1] <= widest:
        return array
    height = max(1, round(array.shape[0] * widest / array.shape[1]))
    return cv2.resize(array, (widest, height), interpolation=cv2.INTER_AREA)


def table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> Html:
    """A table that scrolls sideways where it is too wide; numbers and their heads stand right."""
    rows = [tuple(row) for row in rows]

    def cell(name: str, content: object, value: object) -> Html:
        number = isinstance(value, int | float | Number)
        return tag(name, content, class_="number" if number else None)

    head = tuple(head)
    below = rows[0] if rows else head
    top = tag("tr", *(cell("th", *pair) for pair in zip(head, below, strict=True)))
    body = [tag("tr", *(cell("td", value, value) for value in row)) for row in rows]
    return tag("div", tag("table", top, *body), class_="scroll")


def definitions(pairs: Mapping[str, object]) -> Html:
    """A table of names and values."""
    rows = (tag("tr", tag("th", name), tag("td", value)) for name, value in pairs.items())
    return tag("div", tag("table", *rows), class_="scroll")


def page(title: str, *body: object, style: str = "", script: str = "") -> str:
    """A whole page that needs no other file.

    Args:
        style: CSS beside the common `STYLE`.
        script: JavaScript that runs when the page is there.
    """
    head = join(
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width,initial-scale=1">'),
        tag("title", title),
        tag("style", Html(STYLE + style)),
    )
    end = tag("script", Html(script)) if script else ""
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n'
        f"<body>{join(*body)}{end}</body></html>\n"
    )
