"""What all tabs share: the model, used by one at a time, and the names and colours of its classes."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from img2img.errors import ConfigError
from img2img.fields import Label
from img2img.inference.arrays import Prepared, prepare
from img2img.inference.styles.book import StyleBook
from img2img.inference.styles.looks import Choice, Objects, StyleAssignment, StyleOverrides, choose
from img2img.inference.translator import NO_BOOK, Translator
from img2img.labels import default_palette, instance_classes
from img2img.runs.locking import owning
from img2img.ui.editing import LabelMap, stuff_classes

AT_ONCE = 2**18  # pixels of the pictures rendered in one batch

Arrays = Mapping[str, np.ndarray]  # all inputs of a picture by name, labels as stored


@dataclass(frozen=True)
class Class:
    """A class as people see it.

    Attributes:
        ident: its id in the data set's files.
        colour: RGB 0..255.
    """

    ident: int
    name: str
    colour: tuple[int, int, int]


class Engine:
    """A run for several tabs at once.

    Attributes:
        classes: by class number, with the one of ignored pixels; {} where the run has no labels.
        arguments: what names the run on a command line, such as `--run city`.
        run: its folder, where styles are named.
    """

    def __init__(
        self, translator: Translator, arguments: Sequence[str] = (), run: Path | None = None
    ):
        self.translator, self.spec, self.book = translator, translator.spec, translator.book
        self.arguments, self.run = tuple(arguments), run
        self.labels, self.instances = self.spec.labels, self.spec.instances
        self.classes = describe_classes(self.labels) if self.labels else {}
        self._busy = threading.Lock()
        self._rate: float | None = None
        if self.labels is None and not translator.style_input:
            raise ConfigError(
                f"{translator.source}: this model has neither styles nor label maps, so there is "
                "nothing to pick; `img2img translate` uses it"
            )

    @property
    def remark(self) -> str:
        """Why no style can be picked and what helps; "" where styles can be picked."""
        if not self.translator.style_input:
            try:
                self.translator.require_styles()
            except ConfigError as error:
                return f"{error}. Label maps can be edited and translated all the same."
        return "" if self.book else f"{self.translator.source}: {NO_BOOK}"

    def require_book(self) -> StyleBook:
        """The run's styles.

        Raises:
            ConfigError: it has none.
        """
        if self.book is None:
            raise ConfigError(self.remark)
        return self.book

    def class_of(self, number: int) -> Class:
        """A class by its number, made up where the run does not describe it."""
        return self.classes.get(number) or Class(number, f"class-{number}", (128, 128, 128))

    def prepare(self, inputs: Arrays) -> Prepared:
        """All inputs of a picture, checked; missing instances are the labels' connected pieces.

        Args:
            inputs: by name, as `Translator.translate` takes them.

        Raises:
            DataError: inputs that are missing, of different size, or not the run's.
        """
        return prepare(inputs, self.spec, derive=True)

    def complete(self, inputs: Arrays, prepared: Prepared) -> dict[str, np.ndarray]:
        """The inputs that a picture came with, and the others, which were made of them."""
        return {name: _compact(inputs.get(name, array)) for name, array in prepared.arrays.items()}

    def stuff(self, given: Arrays, inputs: Arrays) -> frozenset[int]:
        """The classes of a picture that are not counted, as `LabelMap.stuff`.

        Args:
            given: the inputs that the picture came with.
            inputs: all of them, as `complete` returns them.
        """
        source = self.instances
        if self.labels is None or source is None or source.derived or source.name not in given:
            return frozenset()  # connected pieces have numbers, whatever the class
        known = [
            (self.class_of(number).ident, example.instance)
            for number, styles in (self.book.styles.items() if self.book else ())
            for style in styles
            for example in style.examples
        ]
        return stuff_classes(inputs[self.labels.name], inputs[source.name], known)

    def label_map(self, inputs: Arrays, stuff: frozenset[int] = frozenset()) -> LabelMap | None:
        """The inputs that the editor changes, None where the run has no labels."""
        if self.labels is None:
            return None
        ignored = self.labels.ignore_id
        return LabelMap(
            inputs[self.labels.name],
            inputs[self.instances.name] if self.instances else None,
            stuff,
            void=None if ignored is None else self.class_of(ignored).ident,
        )

    def with_labels(self, inputs: Arrays, labels: LabelMap) -> dict[str, np.ndarray]:
        """Inputs with another label map in them."""
        assert self.labels is not None  # they come from `label_map`
        changed = {**inputs, self.labels.name: labels.label}
        if labels.instance is not None and self.instances:
            changed[self.instances.name] = labels.instance
        return changed

    def objects(self, inputs: Arrays, prepared: Prepared) -> Objects:
        """The objects of a picture, and the number of the class of each."""
        if self.translator.style_input:
            return self.translator.objects(prepared)
        assert self.labels is not None  # a model without styles has them, or this would not be
        label = prepared.arrays[self.labels.name]
        ids = inputs[(self.instances or self.labels).name]
        return Objects(ids, instance_classes(torch.from_numpy(ids), torch.from_numpy(label)))

    def look(
        self,
        objects: Objects,
        overrides: StyleOverrides = StyleOverrides(),
        *,
        seed: int = 0,
        base: StyleAssignment | None = None,
    ) -> dict[int, Choice]:
        """As `styles.looks.choose`; no styles where the run has no book."""
        if self.book is None:
            return {}
        return choose(objects, self.book, overrides, seed=seed, base=base)

    def render(
        self, inputs: Arrays | Prepared, looks: Sequence[StyleAssignment]
    ) -> list[np.ndarray]:
        """Pictures as `Translator.render` returns them, in one batch; other tabs wait."""
        with self._busy:
            start = time.monotonic()
            pictures = self.translator.render(inputs, looks)
            pixels = sum(picture.shape[0] * picture.shape[1] for picture in pictures)
            self._rate = (time.monotonic() - start) / pixels
            return pictures

    def encode(self, inputs: Prepared, photo: np.ndarray) -> dict[int, Choice]:
        """As `Translator.encode`; other tabs wait."""
        with self._busy:
            return self.translator.encode(inputs, photo)

    def change_book(self, change: Callable[[StyleBook], StyleBook]) -> None:
        """Changes the run's styles, on disk and for all tabs.

        Raises:
            ConfigError: not possible, or another process writes the run.
            CheckpointError: the file cannot be read or written.
        """
        self.require_book()
        if self.run is None:
            raise ConfigError("styles are named in a run's folder, and this model has none")
        with self._busy, owning(self.run, "pick-style"):
            book = change(StyleBook.load(self.run) or self.require_book())
            book.save(self.run)
            self.book = self.translator.book = book

    def forecast(self, pixels: int) -> float | None:
        """Seconds that a picture will take, by the last one; None before the first."""
        return None if self._rate is None else self._rate * pixels

    def display(
        self, inputs: Arrays | Prepared, looks: Sequence[StyleAssignment]
    ) -> list[np.ndarray]:
        """The same as uint8 RGB (H, W, 3)."""
        return [self.translator.display(picture) for picture in self.render(inputs, looks)]

    def batch(self, inputs: Prepared) -> int:
        """How many pictures of this size are rendered at once."""
        height, width = inputs.size
        return max(1, AT_ONCE // (height * width))

    def size(self, inputs: Arrays) -> tuple[int, int]:
        """(height, width)."""
        return inputs[self.spec.inputs[0].name].shape[:2]


def describe_classes(labels: Label) -> dict[int, Class]:
    """Names and colours by class number: the data set's, else made-up ones."""
    stored = {new: old for old, new in (labels.remap or {}).items()}
    colours = labels.colours or default_palette(labels.classes).tolist()
    found = {}
    for number in range(labels.classes):
        ident = stored.get(number, number)
        found[number] = Class(ident, labels.class_name(number), tuple(colours[number]))
    ignored = labels.ignore_id
    if ignored is not None and ignored not in found:
        found[ignored] = Class(stored.get(ignored, ignored), "no class", (0, 0, 0))
    return found


def _compact(array: np.ndarray) -> np.ndarray:
    """Ids in 32 bits where they fit: a history of edits holds many of these."""
    fits = array.dtype == np.int64 and abs(array).max(initial=0) <= np.iinfo(np.int32).max
    return array.astype(np.int32) if fits else array
