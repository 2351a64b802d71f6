"""Style assignments, `look` for short: which style every object of one picture has."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from img2img.errors import ConfigError, DataError
from img2img.foreign import read_json
from img2img.inference.styles.book import Style, StyleBook
from img2img.lazy import renamed

__getattr__ = renamed(
    __name__,
    {
        "Look": "StyleAssignment",
        "Wishes": "StyleOverrides",
        "parse_wishes": "parse_style_overrides",
    },
)

FORMAT = "img2img look 1"
MAX_LISTED = 12  # ids named in a message


@dataclass(frozen=True)
class Objects:
    """The objects of one picture.

    Attributes:
        ids: int64 (H, W), the id of every pixel's object.
        classes: class by id.
    """

    ids: np.ndarray
    classes: Mapping[int, int]

    def box(self, ident: int) -> tuple[int, int, int, int]:
        """x, y, width, height of an object that is there."""
        rows, columns = np.nonzero(self.ids == ident)
        x, y = int(columns.min()), int(rows.min())
        return x, y, int(columns.max()) + 1 - x, int(rows.max()) + 1 - y


@dataclass(frozen=True)
class Choice:
    """One object's style.

    Attributes:
        features: (C,) float32.
        style: its name in the book; "" where it comes from elsewhere.
    """

    features: np.ndarray
    style: str = ""

    @classmethod
    def of(cls, style: Style) -> "Choice":
        return cls(style.centre, style.name)


StyleAssignment = Mapping[int, Choice]  # by object id; an object without one gets neutral features


@dataclass(frozen=True)
class StyleOverrides:
    """What was asked for, before the objects of a picture are known.

    Attributes:
        classes: style by class.
        instances: a style's number or name by object id.
        random: any other object gets one of its class's styles at random.
    """

    classes: Mapping[int, Style] = field(default_factory=dict)
    instances: Mapping[int, str] = field(default_factory=dict)
    random: bool = False


def parse_style_overrides(items: Sequence[str], book: StyleBook) -> StyleOverrides:
    """`car=2`, `building=brick-1`, `26003=car-4` (an object by its id), `random`.

    Raises:
        ConfigError: an unknown class or style; the known ones.
    """
    classes: dict[int, Style] = {}
    instances: dict[int, str] = {}
    for item in items:
        key, equals, style = item.partition("=")
        if item == "random":
            continue
        if not equals or not key or not style:
            raise ConfigError(
                f"--style {item}: expected CLASS=STYLE, ID=STYLE or random, such as car=2"
            )
        if key.removeprefix("-").isdecimal():
            instances[int(key)] = style
        else:
            cls = book.find_class(key)
            classes[cls] = book.find(cls, style)
    return StyleOverrides(classes, instances, "random" in items)


def picture_seed(seed: int, name: str) -> int:
    """A seed of a picture's own, by its file's name: pictures of one folder differ, and each
    is the same whatever else is translated with it."""
    return zlib.crc32(f"{seed} {name}".encode("utf-8", "surrogateescape"))


def choose(
    objects: Objects,
    book: StyleBook,
    overrides: StyleOverrides,
    *,
    seed: int = 0,
    variation: int = 0,
    base: StyleAssignment | None = None,
) -> dict[int, Choice]:
    """The styles under the overrides: an object's own, else its class's, else at random, else
    that of `base`, else its class's commonest style.

    The draw depends on (seed, variation, id) alone: another object in the picture changes
    nothing. An object whose class has no styles is left out.

    Raises:
        ConfigError: an object of the overrides is not there, or its class has no such style.
    """
    unknown = [ident for ident in overrides.instances if ident not in objects.classes]
    if unknown:
        raise ConfigError(f"no object {unknown[0]} in this picture; {_listed(objects)}")
    look: dict[int, Choice] = {}
    for ident, cls in objects.classes.items():
        styles = book.styles.get(cls, ())
        if ident in overrides.instances:
            look[ident] = Choice.of(book.find(cls, overrides.instances[ident]))
        elif cls in overrides.classes:
            look[ident] = Choice.of(overrides.classes[cls])
        elif overrides.random and styles:
            rng = np.random.default_rng([seed, variation, ident % 2**32])
            look[ident] = Choice.of(styles[rng.integers(len(styles))])
        elif base and ident in base:
            look[ident] = base[ident]
        elif styles:
            look[ident] = Choice.of(styles[0])
    return look


def _listed(objects: Objects) -> str:
    ids = sorted(objects.classes)
    more = f" and {len(ids) - MAX_LISTED} more" if len(ids) > MAX_LISTED else ""
    return f"there are {', '.join(map(str, ids[:MAX_LISTED]))}{more}"


def write_look(path: Path, look: StyleAssignment) -> None:
    """A style assignment as JSON, with the features themselves: it stays the same when the book changes.

    Raises:
        DataError: the file cannot be written.
    """
    objects = {
        str(ident): {"style": choice.style, "features": [float(v) for v in choice.features]}
        for ident, choice in sorted(look.items())
    }
    text = json.dumps({"format": FORMAT, "objects": objects}, indent=1) + "\n"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from error


def read_look(path: Path, channels: int) -> dict[int, Choice]:
    """What `write_look` wrote.

    Args:
        channels: feature channels of the model.

    Raises:
        DataError: no such file, no style assignment, or one of another model.
    """
    try:
        content = read_json(path)
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']!r}, expected {FORMAT!r}")
        look = {
            int(ident): Choice(np.array(entry["features"], np.float32), str(entry["style"]))
            for ident, entry in content["objects"].items()
        }
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        what = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"{path}: not a style file that can be read ({what})") from error
    for choice in look.values():
        if choice.features.shape != (channels,) or not np.isfinite(choice.features).all():
            raise DataError(
                f"{path}: features of shape {choice.features.shape}, but this run's styles have "
                f"{channels} channels; the file belongs to another run"
            )
    return look
