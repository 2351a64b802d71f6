"""Colour-coded labels for which no palette is set: which one is it, and which side are the labels?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from img2img.data.layouts import PairIndex, Part
from img2img.errors import DataError
from img2img.fields.base import halve_picture
from img2img.fields.files import is_lossy, read_image, read_info
from img2img.fields.mixtures import NEAR, flat_areas
from img2img.fields.palettes import BUILT_IN, Colour, measure_classes

_PEEKED = 24  # files
_EXPLAINED = 0.97  # share of the areas of one colour that a palette must explain
_AREAS = 0.3  # share of a picture that such areas cover in a label map
_MOST = 256  # colours in label maps; of two photos there are more
_COVERED = 0.999  # share of pixels that these colours must make up


@dataclass(frozen=True)
class Coding:
    """How the colours of label maps can be read.

    Attributes:
        palette: a built-in palette's name; "" where none fits.
        colours: the colours themselves, the commonest first, where no built-in palette fits.
    """

    palette: str
    colours: tuple[Colour, ...] = ()

    def text(self) -> str:
        """The colours as a palette file, with names to be replaced."""
        lines = [f"{r} {g} {b} class-{number}" for number, (r, g, b) in enumerate(self.colours)]
        return (
            "# R G B name: the line's place, from 0 on, is the class id\n" + "\n".join(lines) + "\n"
        )


def find_coding(index: PairIndex, part: Part) -> Coding | None:
    """How a part's files code classes as colours, None where they are ids or plain pictures."""
    records = index.train[:: -(-len(index.train) // _PEEKED) or 1]
    areas: Counter[int] = Counter()
    colours: Counter[int] = Counter()
    covered, pixels, exact = 0, 0, True
    for record in records:
        peeked = _peek(record.files[part.name], part.half)
        if peeked is None:
            continue
        picture, lossless = peeked
        codes = _codes(picture)
        flat = flat_areas(picture)
        areas.update(codes[flat].tolist())
        covered, pixels = covered + int(flat.sum()), pixels + flat.size
        exact = exact and lossless
        colours.update(
            dict(zip(*map(np.ndarray.tolist, np.unique(codes, return_counts=True)), strict=True))
        )
        if len(colours) > 1 << 20:
            break
    if not pixels or covered < _AREAS * pixels:
        return None
    name = _built_in(areas)
    if name:
        return Coding(name)
    few = colours.most_common(_MOST)
    if exact and len(few) > 1 and sum(count for _, count in few) >= _COVERED * pixels:
        return Coding("", tuple(_colour(code) for code, _ in few))
    return None


def _peek(path: Path, half: str) -> tuple[np.ndarray, bool] | None:
    """uint8 (H, W, 3) and whether it is exact, None where there is none such or it cannot be read."""
    try:
        if read_info(path).colour != "rgb":
            return None
        picture, exact = halve_picture(read_image(path), half), not is_lossy(path)
    except DataError:
        return None  # said elsewhere
    if picture.dtype != np.uint8 or not picture.size:
        return None
    return np.ascontiguousarray(picture[..., :3]), exact


def _codes(picture: np.ndarray) -> np.ndarray:
    """(H, W) R * 65536 + G * 256 + B."""
    red, green, blue = np.moveaxis(picture.astype(np.int64), -1, 0)
    return red << 16 | green << 8 | blue


def _colour(code: int) -> Colour:
    return code >> 16, code >> 8 & 255, code & 255


def _built_in(areas: Counter[int]) -> str:
    """The built-in palette that explains the colours of the areas best, "" where none does."""
    if not areas:
        return ""
    colours = np.array([[_colour(code) for code in areas]], np.uint8)
    counts = np.array(list(areas.values()), np.float64)
    best, most = "", _EXPLAINED
    for name, palette in BUILT_IN.items():
        ids, distances = measure_classes(colours, palette.colours)
        near = distances[0] <= NEAR**2
        share = counts[near].sum() / counts.sum()
        if share >= most and len(np.unique(ids[0][near])) > 1:
            best, most = name, share
    return best


def sides(index: PairIndex) -> Sequence[Part]:
    """The parts A and B, where the data are pairs of them."""
    parts = {part.name: part for part in index.layout.parts}
    return (parts["A"], parts["B"]) if parts.keys() == {"A", "B"} else ()
