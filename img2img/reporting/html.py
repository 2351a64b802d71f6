"""Static HTML pages: Jinja2 templates of this folder, text escaped, pictures inside the file."""

import base64
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from img2img.text import showable

WIDEST = 640  # pixels of a picture on a page
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 85]


@dataclass(frozen=True)
class Embedded:
    """A picture as a template needs it: a data URI, and its size in pixels."""

    source: Markup
    width: int
    height: int


def render(template: str, **values: object) -> str:
    """A template of `reporting/templates` with these values, as HTML.

    Args:
        values: text is escaped, and characters that no file can hold are spelt out; None shows
            nothing; `Markup`, as `Markup(render(...))`, is HTML already.

    Raises:
        jinja2.UndefinedError: the template asks for a value that is not given.
    """
    return _environment().get_template(template).render(values)


def render_text(source: str, **values: object) -> str:
    """The same for a template that is no file of the package, but may extend and import those.

    >>> render_text("<p>{{ name }}</p>", name="a < b")
    '<p>a &lt; b</p>'
    """
    return _environment().from_string(source).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("img2img.reporting"),
        # Styles and scripts are included as they are; they hold no values.
        autoescape=select_autoescape(("html",), default_for_string=True),
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["embedded"] = embed
    return environment


def _finalize(value: object) -> object:
    """What stands in a page for a value, before it is escaped."""
    if value is None:
        return ""
    return value if isinstance(value, Markup) else showable(value)


def embed(
    array: np.ndarray, *, lossy: bool = False, widest: int = WIDEST, largest: int | None = None
) -> Embedded:
    """A picture as a part of the page, reduced where it is wide.

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
    text = base64.b64encode(data.tobytes()).decode()
    return Embedded(Markup(f"data:image/{kind};base64,{text}"), array.shape[1], array.shape[0])


def narrowed(array: np.ndarray, widest: int) -> np.ndarray:
    """A picture (H, W, 3) no wider than so many pixels, averaged where it is reduced."""
    if array.shape[1] <= widest:
        return array
    height = max(1, round(array.shape[0] * widest / array.shape[1]))
    return cv2.resize(array, (widest, height), interpolation=cv2.INTER_AREA)
