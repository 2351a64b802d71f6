"""The style book of a run: per class the styles that its instances fall into, with names.

In the run: `styles.json`, which people may read and edit. One file, so that a change is there whole
or not at all.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from img2img.errors import CheckpointError, ConfigError, nearest
from img2img.foreign import read_json
from img2img.runs.writing import write_text

FILE = "styles.json"
FORMAT = 2
# Format 1 had the centres in a file of their own: (styles, C) by the class's id.
FORMER_CENTRES = "styles.safetensors"
# What people's and other programs' edits can lead to.
_UNREADABLE = (OSError, SafetensorError, KeyError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True)
class Example:
    """One instance of a style.

    Attributes:
        picture: position among the training pictures.
        name: the picture's name.
        instance: its id.
        box: x, y, width, height at the size at which the network works.
    """

    picture: int
    name: str
    instance: int
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Style:
    """One cluster of a class's instances.

    Attributes:
        name: unique in its class; no number, without "=" and "/".
        centre: features (C,), float32.
        count: instances of the training set.
        spread: root mean square distance of its instances from the centre.
        examples: the nearest to the centre first.
    """

    name: str
    centre: np.ndarray
    count: int
    spread: float
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True)
class StyleBook:
    """All styles.

    Attributes:
        styles: by class, the commonest first.
        class_names: of every class that has styles.
        step: of the checkpoint whose encoder made the features.
        seed: of the clustering.
    """

    styles: Mapping[int, tuple[Style, ...]]
    class_names: Mapping[int, str]
    step: int
    seed: int = 0

    def find_class(self, name: str) -> int:
        """The id of a class by name.

        Raises:
            ConfigError: the book has no such class; those that it has.
        """
        for cls, known in self.class_names.items():
            if known == name:
                return cls
        raise ConfigError(f"no class {name!r} with styles; there are {', '.join(self._names())}")

    def class_of(self, style: str) -> int:
        """The class that has a style of this name; `car/red` for one that several have.

        Raises:
            ConfigError: none or several have.
        """
        cls, slash, _ = style.partition("/")
        if slash:
            return self.find_class(cls)
        found = [c for c, styles in self.styles.items() if style in (s.name for s in styles)]
        if len(found) == 1:
            return found[0]
        known = [s.name for styles in self.styles.values() for s in styles]
        why = f"say which: CLASS/{style}" if found else nearest(style, known)
        raise ConfigError(f"{len(found) or 'no'} classes have a style {style!r}; {why}")

    def find(self, cls: int, style: str) -> Style:
        """A class's style by its number (0: the commonest) or its name.

        Raises:
            ConfigError: the class has no such style; those that it has.
        """
        styles = self.styles.get(cls, ())
        if not styles:
            raise ConfigError(f"class {cls} has no styles; the book has {', '.join(self._names())}")
        if style.isdecimal() and int(style) < len(styles):
            return styles[int(style)]
        short = style.removeprefix(f"{self.class_names[cls]}/")
        named = next((s for s in styles if s.name in (style, short)), None)
        if named is None:
            raise ConfigError(
                f"{self.class_names[cls]} has no style {style!r}; there are "
                f"{', '.join(s.name for s in styles)} (or 0 to {len(styles) - 1})"
            )
        return named

    def renamed(self, cls: int, style: str, name: str) -> "StyleBook":
        """With another name for one style.

        Raises:
            ConfigError: no such style, or no possible name.
        """
        chosen = self.find(cls, style)
        styles = tuple(replace(s, name=name) if s is chosen else s for s in self.styles[cls])
        _check_names(self.class_names[cls], [s.name for s in styles])
        return replace(self, styles={**self.styles, cls: styles})

    def added(self, cls: int, style: Style) -> "StyleBook":
        """With one more style, behind the others of its class.

        Raises:
            ConfigError: the class has no styles, or it is no possible name.
        """
        self.find(cls, "0")
        styles = (*self.styles[cls], style)
        _check_names(self.class_names[cls], [s.name for s in styles])
        return replace(self, styles={**self.styles, cls: styles})

    def save(self, run: Path) -> None:
        """Replaces the run's book.

        Raises:
            CheckpointError: it cannot be written; the former one is as it was.
        """
        meta = {
            "format": FORMAT,
            "step": self.step,
            "seed": self.seed,
            "classes": [self._class_entry(cls) for cls in sorted(self.styles)],
        }
        write_text(run / FILE, json.dumps(meta, indent=1) + "\n")
        (run / FORMER_CENTRES).unlink(missing_ok=True)

    @classmethod
    def load(cls, run: Path) -> "StyleBook | None":
        """A run's book, None where it has none.

        Raises:
            CheckpointError: it is damaged, or was edited into something else.
        """
        path = run / FILE
        if not path.exists():
            return None
        try:
            meta = read_json(path)
            if meta["format"] not in (1, FORMAT):
                raise ValueError(f"format {meta['format']}, expected {FORMAT}")
            entries = {entry["id"]: entry for entry in meta["classes"]}
            if meta["format"] == 1:
                centres = load_file(run / FORMER_CENTRES)
            else:
                centres = {str(i): _centres(entry) for i, entry in entries.items()}
            styles = {i: _styles(entry, centres[str(i)]) for i, entry in entries.items()}
            names = {i: str(entry["name"]) for i, entry in entries.items()}
            for i, of_class in styles.items():
                _check_names(names[i], [s.name for s in of_class])
            return cls(styles, names, int(meta["step"]), int(meta["seed"]))
        except _UNREADABLE as error:
            what = f"no {error}" if isinstance(error, KeyError) else error
            raise CheckpointError(
                f"{path}: not a style book that can be read ({what}); make it anew with "
                f"`img2img cluster-styles --run {run} --overwrite`"
            ) from error

    def require_channels(self, channels: int, run: Path) -> None:
        """Raises CheckpointError where the styles are of another model."""
        for styles in self.styles.values():
            for style in styles:
                if style.centre.shape != (channels,):
                    raise CheckpointError(
                        f"{run / FILE}: its styles have {len(style.centre)} features, the model "
                        f"{channels}: it belongs to another run. Make this run's own with "
                        f"`img2img cluster-styles --run {run} --overwrite`"
                    )

    def _names(self) -> list[str]:
        return [self.class_names[cls] for cls in sorted(self.class_names)]

    def _class_entry(self, cls: int) -> dict[str, Any]:
        def entry(style: Style) -> dict[str, Any]:
            examples = [
                {"picture": e.picture, "name": e.name, "instance": e.instance, "box": list(e.box)}
                for e in style.examples
            ]
            return {
                "name": style.name,
                "count": style.count,
                "spread": round(style.spread, 5),
                "centre": style.centre.tolist(),
                "examples": examples,
            }

        styles = [entry(style) for style in self.styles[cls]]
        return {"id": cls, "name": self.class_names[cls], "styles": styles}


def _centres(entry: Mapping[str, Any]) -> np.ndarray:
    """(styles, C) of a class, float32; decimal digits give the very numbers back."""
    centres = np.array([style["centre"] for style in entry["styles"]], np.float32)
    if centres.ndim != 2 or not np.isfinite(centres).all():
        raise ValueError(f"a centre of {entry['name']} is no list of finite numbers")
    return centres


def _styles(entry: Mapping[str, Any], centres: np.ndarray) -> tuple[Style, ...]:
    if len(centres) != len(entry["styles"]):
        raise ValueError(
            f"{len(entry['styles'])} styles of {entry['name']}, {len(centres)} centres"
        )
    return tuple(
        Style(
            name=str(style["name"]),
            centre=centre.astype(np.float32),
            count=int(style["count"]),
            spread=float(style["spread"]),
            examples=tuple(
                Example(e["picture"], e["name"], e["instance"], tuple(e["box"]))
                for e in style["examples"]
            ),
        )
        for style, centre in zip(entry["styles"], centres, strict=True)
    )


def _check_names(cls: str, names: Iterable[str]) -> None:
    names = list(names)
    for name in names:
        if not name or name.isdecimal() or set("=/") & set(name) or names.count(name) > 1:
            raise ConfigError(
                f"{cls}: {name!r} cannot be a style's name: it must be unique in its class, not a "
                "number, and without '=' and '/'"
            )
