"""Label maps for which no palette is set: which one is it, and which side are the labels?

Classes cover areas, if only small ones. Smoothing and JPEG write other colours beside them, and between
two areas their mixtures; those are no classes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from img2img.data.classes import are_marks
from img2img.data.layouts import PairIndex, Part
from img2img.errors import DataError
from img2img.fields.base import halve_picture
from img2img.fields.files import colours_of, is_lossy, read_info, read_stored
from img2img.fields.mixtures import NEAR, flat_areas, is_between
from img2img.fields.palettes import BUILT_IN, Colour, measure_classes

_PEEKED = 24  # files
_EXPLAINED = 0.97  # share of the pixels, or of areas of one colour, that a palette must explain
_AREAS = 0.3  # share of a picture that such areas cover in a label map
_MOST = 256  # colours in label maps; of two photos there are more
_COVERED = 0.999  # share of pixels that these colours must make up, where none are mixed
# Share of a class's pixels that lie among their own kind, as in `thinness`; of mixed colours it is less.
_THIN = 0.08
_NOISE = 16  # distance in RGB up to which values near a class's colour are noise
_SOLID = 0.7  # share of the pixels that have the classes' colours, but for noise
# Shares of the pixels from which on a colour is a class beside mixed ones: in areas of exactly one, of
# nearly one, and in lines.
_RARE, _FREQUENT, _DRAWN = 1e-4, 5e-4, 5e-3
_LOUD = 0.05  # noise's share of the areas of a class
_MIXED = 64  # classes of which mixtures are looked for
_LEAST, _SHARE = 3, 0.25  # so many other colours, and in proportion to the classes


@dataclass(frozen=True)
class Coding:
    """How the colours of label maps can be read.

    Attributes:
        palette: a built-in palette's name; "" where none fits.
        colours: the colours themselves, where no built-in palette fits: greys from dark to light,
            others by how common they are.
        mixed: there are others, which noise and smoothing made.
        ids: the files are grey or indexed, and may be taken for ids.
        differing: the same index has several colours, in different files.
    """

    palette: str
    colours: tuple[Colour, ...] = ()
    mixed: bool = False
    ids: bool = False
    differing: bool = False

    def text(self) -> str:
        """The colours as a palette file, with names to be replaced."""
        lines = [f"{r} {g} {b} class-{number}" for number, (r, g, b) in enumerate(self.colours)]
        return (
            "# R G B name: the line's place, from 0 on, is the class id\n" + "\n".join(lines) + "\n"
        )


@dataclass
class _Peeks:
    """Pixels of every colour, R * 65536 + G * 256 + B, in some files.

    Attributes:
        areas: those among neighbours of nearly one colour.
        pure: those whose neighbours have the very same.
        files: how many files hold a colour.
        kinds: "grey", "rgb" or "palette", of the files.
        indices: those in use in indexed files, with their colours.
    """

    colours: Counter[int] = field(default_factory=Counter)
    areas: Counter[int] = field(default_factory=Counter)
    pure: Counter[int] = field(default_factory=Counter)
    files: Counter[int] = field(default_factory=Counter)
    exact: bool = True
    kinds: set[str] = field(default_factory=set)
    indices: set[tuple[int, Colour]] = field(default_factory=set)

    def add(self, picture: np.ndarray) -> None:
        """One more, uint8 (H, W, 3)."""
        codes, square = _codes(picture), np.ones((3, 3), np.uint8)
        pure = (cv2.dilate(picture, square) == cv2.erode(picture, square)).all(-1)
        for counter, where in (
            (self.colours, np.ones_like(pure)),
            (self.areas, flat_areas(picture)),
            (self.pure, pure),
        ):
            found, counts = np.unique(codes[where], return_counts=True)
            counter.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))
        self.files.update(np.unique(codes).tolist())


def find_coding(index: PairIndex, part: Part) -> Coding | None:
    """How a part's files code classes as colours, None where they are ids or plain pictures.

    Files of ids, grey or indexed, are left as they are, unless most of the values in them are mixed,
    or one index has several colours.
    """
    records = index.train[:: -(-len(index.train) // _PEEKED) or 1]
    peeks = _Peeks()
    for record in records:
        _peek(record.files[part.name], part.half, peeks)
        if len(peeks.colours) > 1 << 18:
            break
    kinds = peeks.kinds
    differing = len(peeks.indices) > len({i for i, _ in peeks.indices})
    if differing or kinds == {"rgb", "palette"}:
        kinds = {"rgb"}  # by their indices they could not be read
    if len(kinds) != 1 or (kinds != {"rgb"} and part.name != "label"):
        return None
    pixels = peeks.colours.total()
    if not pixels or peeks.areas.total() < _AREAS * pixels:
        return None
    name = _built_in(peeks.areas) if kinds == {"rgb"} else ""
    if name:
        return Coding(name, differing=differing)
    ids = kinds != {"rgb"}
    if kinds == {"grey"} and (marks := _marks(peeks)):
        return Coding("", marks, mixed=True, ids=True)
    # Of one of two pictures it is not known that it is a label map: photos before white look alike.
    classes = _mixed_classes(peeks, ids) if part.name == "label" else ()
    if classes:
        if all(red == green == blue for red, green, blue in classes):
            classes = tuple(sorted(classes))
            steps = np.diff([red for red, _, _ in classes])
            if kinds == {"grey"} and steps.min() < _NOISE:
                return None  # ids, of which noise made other ids
        return Coding("", classes, mixed=True, ids=ids)
    few = peeks.colours.most_common(_MOST)
    covered = sum(count for _, count in few) >= _COVERED * pixels
    if kinds == {"rgb"} and peeks.exact and len(few) > 1 and covered:
        return Coding("", tuple(_colour(code) for code, _ in few), differing=differing)
    return None


def _marks(peeks: _Peeks) -> tuple[Colour, ...]:
    """Black and white of masks that write them differently from file to file, as most do; else ()."""
    files = {code & 255: count for code, count in peeks.files.items()}
    if not are_marks(files):
        return ()
    common = [code & 255 for code, _ in peeks.colours.most_common()]
    black, white = next(v for v in common if v < 128), next(v for v in common if v >= 128)
    return (black,) * 3, (white,) * 3


def _mixed_classes(peeks: _Peeks, ids: bool) -> tuple[Colour, ...]:
    """The classes' colours, the commonest first, where others are noise and mixtures of them; else ()."""
    pixels = peeks.colours.total()
    own = _classes(peeks, pixels, ids)
    if not 2 <= len(own) <= _MIXED or len(peeks.colours) < len(own) + max(
        _LEAST, _SHARE * len(own)
    ):
        return ()
    codes, counts = (
        np.array(list(numbers)) for numbers in zip(*peeks.colours.items(), strict=True)
    )
    colours, centres = _rgb(codes), _rgb(np.array(own))
    noise = np.min([((colours - one) ** 2).sum(-1) for one in centres], 0) <= _NOISE**2
    between = is_between(colours, centres)
    lines = ~noise & ~between & (counts >= _DRAWN * pixels) & peeks.exact
    known = noise | between | lines
    if counts[known].sum() < _EXPLAINED * pixels or counts[noise].sum() < _SOLID * pixels:
        return ()
    return tuple(map(_colour, [*own, *codes[lines].tolist()]))


def _classes(peeks: _Peeks, pixels: int, ids: bool) -> list[int]:
    """Colours of areas, the commonest first; [] where noise and ids cannot be told apart."""
    solid = [
        code
        for code, count in peeks.colours.most_common()
        if peeks.pure[code] >= max(_THIN * count, _RARE * pixels)
    ]
    if peeks.exact and len(solid) > 1:
        return solid
    found: list[int] = []
    for code, count in peeks.areas.most_common():
        if count < _FREQUENT * pixels:
            break
        near = ((_rgb(np.array(found)) - _rgb(np.array([code]))) ** 2).sum(-1) <= _NOISE**2
        if not near.any():
            found.append(code)
        elif ids and code in solid and peeks.pure[code] > _LOUD * peeks.pure[found[near.argmax()]]:
            return []
    return found


def _peek(path: Path, half: str, peeks: _Peeks) -> None:
    """Adds what a file holds, where that can be read as 8-bit colours."""
    try:
        stored, info, lossy = read_stored(path), read_info(path), is_lossy(path)
        picture = halve_picture(colours_of(stored, path), half)
    except DataError:
        return  # said elsewhere
    if picture.dtype != np.uint8 or not picture.size or picture.shape[2] > 4:
        return
    if stored.palette is not None:
        used = np.unique(halve_picture(stored.array, half)).tolist()
        peeks.indices.update((i, tuple(stored.palette[i].tolist())) for i in used)
    rgb = picture[..., :3] if picture.shape[2] > 2 else np.repeat(picture[..., :1], 3, -1)
    peeks.kinds.add(info.colour)
    peeks.exact = peeks.exact and not lossy
    peeks.add(np.ascontiguousarray(rgb))


def _rgb(codes: np.ndarray) -> np.ndarray:
    """float32 (N, 3)."""
    codes = codes.astype(np.int64)
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], -1).astype(np.float32)


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
