"""Colours and names of classes: the data sets people bring, files of their own, and colour -> id."""

from dataclasses import dataclass

import numpy as np

from img2img.errors import DataError, nearest
from img2img.places import expand

Colour = tuple[int, int, int]

_CHUNK = 4096  # pixels measured at once: what stays in the processor's cache


@dataclass(frozen=True)
class Palette:
    """Class colours, RGB 0..255, and names; the position is the class id."""

    colours: tuple[Colour, ...]
    names: tuple[str, ...]


def _palette(text: str) -> Palette:
    """Lines `R G B name`; a name may be missing, `#` starts a comment."""
    colours: list[tuple[int, int, int]] = []
    names: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split("#")[0].split(maxsplit=3)
        if not fields:
            continue
        values = [int(field) for field in fields[:3] if field.isdecimal()]
        if len(values) != 3 or max(values) > 255:
            raise ValueError(f"line {number}: expected `R G B name` with 0..255, got {line!r}")
        colours.append((values[0], values[1], values[2]))
        names.append(fields[3].strip() if len(fields) > 3 else f"class-{len(names)}")
    if not colours:
        raise ValueError("no colours in it")
    return Palette(tuple(colours), tuple(names))


BUILT_IN = {
    # CMP Facades, http://cmp.felk.cvut.cz/~tylecr1/facade
    "facades": _palette("""
        0 0 222 background
        0 48 255 facade
        0 128 255 window
        0 207 255 door
        34 254 226 cornice
        112 253 148 sill
        192 255 63 balcony
        252 240 8 blind
        255 159 2 deco
        253 80 0 molding
        248 2 3 pillar
        174 0 1 shop
    """),
    # Cityscapes label ids 0..33 (Cordts et al. 2016) and the 35th class of pix2pixHD.
    "cityscapes": _palette("""
        0 0 0 unlabeled
        0 0 0 ego vehicle
        0 0 0 rectification border
        0 0 0 out of roi
        0 0 0 static
        111 74 0 dynamic
        81 0 81 ground
        128 64 128 road
        244 35 232 sidewalk
        250 170 160 parking
        230 150 140 rail track
        70 70 70 building
        102 102 156 wall
        190 153 153 fence
        180 165 180 guard rail
        150 100 100 bridge
        150 120 90 tunnel
        153 153 153 pole
        153 153 153 polegroup
        250 170 30 traffic light
        220 220 0 traffic sign
        107 142 35 vegetation
        152 251 152 terrain
        70 130 180 sky
        220 20 60 person
        255 0 0 rider
        0 0 142 car
        0 0 70 truck
        0 60 100 bus
        0 0 90 caravan
        0 0 110 trailer
        0 80 100 train
        0 0 230 motorcycle
        119 11 32 bicycle
        0 0 142 license plate
    """),
    # CamVid's 11 classes and void (Brostow et al. 2009).
    "camvid": _palette("""
        128 128 128 sky
        128 0 0 building
        192 192 128 pole
        128 64 128 road
        60 40 222 pavement
        128 128 0 tree
        192 128 128 sign
        64 64 128 fence
        64 0 128 car
        64 64 0 pedestrian
        0 128 192 bicyclist
        0 0 0 void
    """),
}


def load_palette(name: str) -> Palette:
    """A built-in palette, or one from a file with lines `R G B name`.

    Raises:
        DataError: neither a built-in name nor a readable palette file.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    path = expand(name)
    if not path.is_file():
        raise DataError(
            f"data.palette: {name!r} is neither a file nor a built-in palette; "
            f"{nearest(name, BUILT_IN)}"
        )
    try:
        return _palette(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: not a palette: {error}") from error


def load_class_names(name: str) -> tuple[str, ...]:
    """Class names from a file, one a line, in the order of the ids.

    Raises:
        DataError: the file is missing, empty, or names a class twice.
    """
    path = expand(name)
    try:
        names = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"data.classes: {path} cannot be read ({error})") from error
    while names and not names[-1]:
        names.pop()
    doubled = sorted({n for n in names if names.count(n) > 1})
    if not names or doubled:
        why = f"names twice: {', '.join(map(repr, doubled))}" if doubled else "it is empty"
        raise DataError(f"data.classes: {path}: expected one class name a line, but {why}")
    return tuple(names)


def nearest_class(image: np.ndarray, palette: tuple[Colour, ...]) -> np.ndarray:
    """The class whose colour is nearest, as JPEG and antialiasing shift colours.

    Args:
        image: uint8 (H, W, 3 or 4) RGB(A).
        palette: class colours.

    Returns:
        int64 (H, W); of equal distances the lower id.
    """
    return measure_classes(image, palette)[0]


def measure_classes(
    image: np.ndarray, palette: tuple[Colour, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """As `nearest_class`, and the squares of the distances: int32 (H, W)."""
    pixels = image[..., :3].reshape(-1, 3)
    ids = np.empty(len(pixels), np.int64)
    best = np.empty(len(pixels), np.int32)
    # |p - c|^2 = |p|^2 - 2 p.c + |c|^2: one product of matrices for all colours. All terms are
    # integers below 2^24, which float32 holds exactly.
    colours = np.array(palette, np.float32)
    offsets = (colours**2).sum(1)
    for start in range(0, len(pixels), _CHUNK):
        part = pixels[start : start + _CHUNK].astype(np.float32)
        distances = offsets - 2 * (part @ colours.T)
        nearest = distances.argmin(1)
        ids[start : start + _CHUNK] = nearest
        least = np.take_along_axis(distances, nearest[:, None], 1)[:, 0]
        best[start : start + _CHUNK] = least + (part**2).sum(1)
    return ids.reshape(image.shape[:2]), best.reshape(image.shape[:2])
