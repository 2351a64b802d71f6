"""A page as its reader has it: headings, tables, pictures, read by the library's parser."""

import base64
from html.parser import HTMLParser

import cv2
import numpy as np

VOID = {"br", "img", "input", "meta"}
DROPPED = {"script", "style", "title"}


class Parsed(HTMLParser):
    """Reads a page.

    Attributes:
        tags: (name, attributes) of every element, in order.
        tables: rows of cells' texts.
        sections: by heading (h2) the text that follows it.
        pictures: uint8 RGB (H, W, 3) by alt text.
    """

    def __init__(self, page: str):
        super().__init__()
        self.tags, self.tables, self.sections, self.pictures = [], [], {}, {}
        self._open, self._heading = [], ""
        self.feed(page)
        self.close()
        assert not self._open, "an element is not closed"

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "h2":
            self._heading = ""
        elif tag == "img":
            self.pictures[attrs["alt"]] = decoded(attrs["src"])

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        if tag == "h2":
            self.sections[self._heading] = ""

    def handle_data(self, data):
        if DROPPED & set(self._open):
            return
        if {"td", "th"} & set(self._open):
            self.tables[-1][-1][-1] += data
        if "h2" in self._open:
            self._heading += data
        elif self._heading in self.sections:
            self.sections[self._heading] += data + " "

    def of(self, name: str) -> list[dict[str, str]]:
        """The attributes of all elements of a name."""
        return [attrs for tag, attrs in self.tags if tag == name]


def decoded(source: str) -> np.ndarray:
    """A picture in a data URI, uint8 RGB (H, W, 3)."""
    head, data = source.split(",")
    assert head in ("data:image/png;base64", "data:image/jpeg;base64")
    array = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    return array[..., ::-1]
