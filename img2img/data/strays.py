"""Colours in colour-coded labels that the palette lacks: they would become the nearest class.

A distance alone does not tell them: JPEG and antialiasing mix the colours of two classes where
they meet, and the mixture may be far from both. In CMP Facades, whose labels are JPEGs, a fifth
of all pixels is. But mixtures vary from pixel to pixel, and colours of a class do not.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from img2img.data.tally import Some
from img2img.errors import counted
from img2img.fields.mixtures import NEAR, flat_areas
from img2img.fields.palettes import BUILT_IN, Colour, nearest_class

# In exact files a colour with this share of a picture is no mixture, be its areas ever so thin.
_FREQUENT = 0.01
# A picture counts from this share on: of one of CMP Facades 0.00006 look like strays.
_LEAST = 0.0005
# With this share of pixels far from all its colours, the palette is another's. Of CMP Facades
# 0.19 are by their own palette (0.49 of one picture), 0.77 by that of Cityscapes.
_NEARLY_ALL = 0.75
_KEPT = 8  # colours remembered of one picture
_KEPT_OF_ALL = (
    4096  # colours remembered of all pictures: photos taken for labels bring ever new ones
)


@dataclass(frozen=True)
class StrayScan:
    """What one label map has of colours that are far from the palette.

    Attributes:
        pixels: all pixels of the map.
        far: those farther than the tolerance from every colour.
        strays: those of them that are no mixtures: 0 where they are too few to tell.
        colours: the commonest colours among these, as R * 65536 + G * 256 + B -> pixels.
    """

    pixels: int
    far: int
    strays: int
    colours: Counter[int]


def scan_for_strays(image: np.ndarray, distances: np.ndarray, *, exact: bool) -> StrayScan:
    """Looks through one label map.

    Args:
        image: uint8 (H, W, 3 or 4).
        distances: (H, W), squares, from the nearest colour of the palette.
        exact: the file's compression is lossless.
    """
    far = distances > NEAR**2
    count = int(far.sum())
    if not count:
        return StrayScan(far.size, 0, 0, Counter())
    rgb = np.ascontiguousarray(image[..., :3])
    red, green, blue = rgb[far].astype(np.uint32).T
    codes = red << 16 | green << 8 | blue
    colours, counts = np.unique(codes, return_counts=True)
    if count < _NEARLY_ALL * far.size:
        # Mixtures do not count.
        flat, flat_counts = np.unique(codes[flat_areas(rgb)[far]], return_counts=True)
        frequent = np.where(exact & (counts >= _FREQUENT * far.size), counts, 0)
        frequent[np.searchsorted(colours, flat)] += flat_counts
        counts = frequent.clip(max=counts)
    strays = int(counts.sum())
    if strays < _LEAST * far.size:
        return StrayScan(far.size, count, 0, Counter())
    kept = [place for place in np.argsort(counts)[-_KEPT:] if counts[place]]
    found = Counter({int(colours[place]): int(counts[place]) for place in kept})
    return StrayScan(far.size, count, strays, found)


@dataclass
class Strays:
    """The scans of all label maps together.

    Attributes:
        maps: how many are colour-coded.
        files: those with colours that the palette lacks.
        example: a file for each colour.
    """

    maps: int = 0
    pixels: int = 0
    far: int = 0
    strays: int = 0
    colours: Counter[int] = field(default_factory=Counter)
    files: Some[Path] = field(default_factory=Some)
    example: dict[int, Path] = field(default_factory=dict)

    def add(self, path: Path, found: StrayScan) -> None:
        self.maps += 1
        self.pixels += found.pixels
        self.far += found.far
        self.strays += found.strays
        self.colours.update(found.colours)
        if found.strays:
            self.files.add(path)
        for code in found.colours:
            self.example.setdefault(code, path)
        self._forget_rare()

    def _forget_rare(self) -> None:
        if len(self.colours) > _KEPT_OF_ALL:
            self.colours = Counter(dict(self.colours.most_common(_KEPT_OF_ALL // 2)))
            self.example = {code: self.example[code] for code in self.colours}

    def join(self, other: "Strays") -> None:
        """Adds all of another one."""
        self.maps += other.maps
        self.pixels += other.pixels
        self.far += other.far
        self.strays += other.strays
        self.colours.update(other.colours)
        self.files.join(other.files)
        self.example = other.example | self.example
        self._forget_rare()

    def dump(self, place: Mapping[Path, int]) -> list:
        """As JSON, with places for files."""
        colours = [[code, n, place[self.example[code]]] for code, n in self.colours.items()]
        files = [self.files.count, [place[path] for path in self.files.first]]
        return [self.maps, self.pixels, self.far, self.strays, colours, files]

    @classmethod
    def load(cls, saved: list, at: Callable[[int], Path]) -> "Strays":
        """What was dumped, `at` a place being a file."""
        maps, pixels, far, strays, colours, (count, first) = saved
        own = cls(maps, pixels, far, strays, Counter({code: n for code, n, _ in colours}))
        own.files.recall(count, first, at)
        own.example = {code: at(place) for code, _, place in colours}
        return own

    def warning(
        self, name: str, colours: Sequence[Colour], names: Sequence[str], *, pairs: bool
    ) -> str | None:
        """One sentence for the log, None where the palette explains all colours.

        Args:
            name: of the palette, as in the settings.
            colours, names: the palette's.
            pairs: whether the labels are one side of pairs A and B.
        """
        if not self.files:
            return None
        [(code, _)] = self.colours.most_common(1)
        colour = (code >> 16, code >> 8 & 255, code & 255)
        nearest = names[int(nearest_class(np.array([[colour]], np.uint8), tuple(colours))[0, 0])]
        listed = " ".join(map(str, colour))
        most = f"most often {listed} (R G B), for example in {self.example[code]}"
        if self.far >= _NEARLY_ALL * self.pixels:
            turned = "; if these are the photos, turn the pairs round with data.direction"
            return (
                f"WARNING: data.palette={name} is probably not the palette of these labels: "
                f"{100 * self.far // self.pixels}% of all pixels have colours far from all of its "
                f"colours, {most}. Name the right one, a file with lines `R G B name` or one of "
                f"{', '.join(BUILT_IN)}{turned if pairs else ''}"
            )
        return (
            f"WARNING: {self.files.count} of {counted(self.maps, 'label file')} with colours far from "
            f"all colours of data.palette={name}, {counted(self.strays, 'pixel')} in all, {most}. They are read "
            f"as the class of the nearest colour, this one as {nearest!r}. Add `{listed} NAME` to "
            "the palette (a file with lines `R G B name`), or set data.palette to the one that "
            "the labels were drawn with"
        )
