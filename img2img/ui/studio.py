"""One tab's work: a picture, its objects and their styles, what is selected, undo and redo."""

import itertools
import threading
from collections.abc import Callable

import numpy as np

from img2img.errors import ConfigError, DataError
from img2img.inference.arrays import Prepared
from img2img.inference.styles.book import Style
from img2img.inference.styles.looks import Choice, StyleAssignment, StyleOverrides
from img2img.ui.editing import LabelMap
from img2img.ui.engine import Class, Engine
from img2img.ui.history import History, Moment, Pictures, Work, picture_key
from img2img.ui.scenes import Scene

KEPT = 2**30  # bytes of the label maps of all scenes of a tab


class Studio:
    """What one tab shows and does; its methods may be called from several threads.

    Attributes:
        works: what was done on every scene that was opened, by the scene's number; the open one
            is the last.
        selected: id of the selected object, None for none.
        pictures: those rendered so far.
        sent: version of the inputs that the page has; None at first.
        copied: a style for other objects.
        turn: held while the picture is rendered for the page.
    """

    def __init__(self, engine: Engine):
        self.engine, self.lock = engine, threading.RLock()
        self.works: dict[int, Work] = {}
        self.selected: int | None = None
        self.sent: int | None = None
        self.copied: Choice | None = None
        self._sent_serial = -1
        self.turn = threading.Lock()
        self._serial = itertools.count()
        self.pictures = Pictures()
        self._prepared: tuple[int, Prepared] | None = None
        self._versions = itertools.count()

    def open(self, scene: Scene, place: int = 0) -> None:
        """Starts with another picture, in the run's usual styles; the history begins anew.

        Args:
            place: the scene's number.

        Raises:
            DataError: the inputs do not fit the run; what was open stays open.
        """
        prepared = self.engine.prepare(scene.inputs)
        inputs = self.engine.complete(scene.inputs, prepared)
        objects = self.engine.objects(inputs, prepared)
        stuff = self.engine.stuff(scene.inputs, inputs)
        first = Moment(next(self._versions), inputs, objects, self.engine.look(objects))
        with self.lock:
            self._prepared = first.version, prepared
            self.works.pop(place, None)
            self.works[place] = Work(scene, History(first), stuff)
            self.sent = self.selected = None
            while len(self.works) > 1 and sum(w.history.size for w in self.works.values()) > KEPT:
                del self.works[min(list(self.works)[:-1], key=lambda p: self.works[p].unsaved)]

    def reopen(self, place: int) -> bool:
        """Goes on with a scene where it was left; False where it was not opened before."""
        with self.lock:
            if place not in self.works:
                return False
            self.works[place] = self.works.pop(place)
            self.sent = self.selected = None
            return True

    def uploads(self) -> list[tuple[int, str]]:
        """Numbers and names of the person's own scenes, in the order in which they came."""
        with self.lock:
            own = [(place, work.scene.name) for place, work in self.works.items() if place < 0]
        return sorted(own, reverse=True)

    def serial(self) -> int:
        """A number above all former ones: of two answers, the one of the later state has the
        higher; to be taken with `lock` held, together with the state."""
        return next(self._serial)

    def mark_sent(self, *, serial: int, version: int) -> None:
        """The page got a version of the inputs; no matter if it has a later state already."""
        with self.lock:
            if serial > self._sent_serial:
                self.sent, self._sent_serial = version, serial

    @property
    def place(self) -> int | None:
        """Number of the open scene."""
        return next(reversed(self.works), None)

    @property
    def work(self) -> Work:
        """Raises DataError where no picture is open."""
        with self.lock:
            if self.place is None:
                raise DataError("no picture is open: choose or upload one")
            return self.works[self.place]

    @property
    def history(self) -> History:
        return self.work.history

    @property
    def unsaved(self) -> bool:
        """Whether work on any scene would be lost with the studio."""
        with self.lock:
            return any(work.unsaved for work in self.works.values())

    @property
    def now(self) -> Moment:
        return self.history.now

    def undo(self) -> None:
        with self.lock:
            self.history.undo()
            self._changed()

    def redo(self) -> None:
        with self.lock:
            self.history.redo()
            self._changed()

    def reset(self) -> None:
        """Back to the picture as it was opened; can be undone."""
        with self.lock:
            if self.now.key != self.history.first.key:
                self._add(self.history.first)

    def _add(self, moment: Moment) -> None:
        self.history.add(moment)
        self._changed()

    def _changed(self) -> None:
        if self.selected not in self.now.objects.classes:
            self.selected = None

    def select(self, x: float, y: float) -> None:
        """Selects the object at a point in pixels; outside the picture, none."""
        with self.lock:
            ids = self.now.objects.ids
            inside = 0 <= x < ids.shape[1] and 0 <= y < ids.shape[0]
            self.selected = int(ids[int(y), int(x)]) if inside else None

    @property
    def selected_class(self) -> tuple[int, Class] | None:
        """Number and description of the selected object's class."""
        if self.selected is None:
            return None
        number = self.now.objects.classes[self.selected]
        return number, self.engine.class_of(number)

    @property
    def styles(self) -> tuple[Style, ...]:
        """The styles that the selected object can have, () for none."""
        chosen, book = self.selected_class, self.engine.book
        return book.styles.get(chosen[0], ()) if book and chosen else ()

    def choose(self, style: str, *, whole_class: bool = False) -> None:
        """Gives the selected object, or all objects of its class, a style by name or number.

        Raises:
            ConfigError: nothing is selected, or its class has no such style.
        """
        with self.lock:
            book = self.engine.require_book()
            if self.selected is None or self.selected_class is None:
                raise ConfigError("select an object first: click it in the picture")
            number, cls = self.selected_class
            found = book.find(number, style)
            if whole_class:
                self.override(
                    StyleOverrides(classes={number: found}), f"{found.name} for all of {cls.name}"
                )
            else:
                overrides = StyleOverrides(instances={self.selected: found.name})
                self.override(overrides, f"{found.name} for {cls.name} {self.selected}")

    def roll(self, seed: int) -> None:
        """Gives every object one of its class's styles at random.

        Raises:
            ConfigError: the run has no styles.
        """
        self.engine.require_book()
        self.override(StyleOverrides(random=True), "the dice", seed=seed)

    def override(self, overrides: StyleOverrides, what: str = "", *, seed: int = 0) -> None:
        """Changes styles; what is not overridden stays as it is.

        Raises:
            ConfigError: an object or style of the overrides is not there.
        """
        with self.lock:
            now = self.now
            look = self.engine.look(now.objects, overrides, seed=seed, base=now.look)
            if picture_key(now.version, look) != now.key:
                self._add(Moment(now.version, now.inputs, now.objects, look, what))

    def apply(self, look: StyleAssignment, what: str) -> int:
        """Gives objects the styles of a look, by their ids; the others stay as they are.

        Returns:
            How many objects of the look are not in this picture.

        Raises:
            DataError: none of its objects is here.
        """
        with self.lock:
            now = self.now
            found = {
                ident: choice for ident, choice in look.items() if ident in now.objects.classes
            }
            if not found:
                raise DataError(
                    f"none of the {len(look)} objects of these styles is in this picture: open the "
                    "label map and the instance map that were saved with them"
                )
            mixed = {**now.look, **found}
            if picture_key(now.version, mixed) != now.key:
                self._add(Moment(now.version, now.inputs, now.objects, mixed, what))
            return len(look) - len(found)

    def edit(self, change: Callable[[LabelMap], LabelMap], what: str) -> None:
        """Changes the label map; objects that stay keep their styles.

        Raises:
            DataError: the change is not possible, or the run has no label map.
        """
        with self.lock:
            now, engine = self.now, self.engine
            before = engine.label_map(now.inputs, self.work.stuff)
            if before is None:
                raise DataError("this run has no label map to edit")
            after = change(before)
            if (after.label == before.label).all() and (after.ids == before.ids).all():
                return
            inputs = engine.with_labels(now.inputs, after)
            prepared = engine.prepare(inputs)
            objects = engine.objects(inputs, prepared)
            look = engine.look(objects, base=now.look)
            moment = Moment(next(self._versions), inputs, objects, look, what)
            self._prepared = moment.version, prepared
            self._add(moment)

    def prepare(self, moment: Moment) -> Prepared:
        """A state's inputs as networks know them; those of one version, the last, are kept."""
        with self.lock:
            known = self._prepared
        if known is None or known[0] != moment.version:
            known = moment.version, self.engine.prepare(moment.inputs)
            with self.lock:
                self._prepared = known
        return known[1]

    def has_picture(self) -> bool:
        """Whether the present state is rendered already."""
        with self.lock:
            return self.pictures.get(self.now.key) is not None

    def picture(self, moment: Moment | None = None) -> np.ndarray:
        """A state as uint8 RGB (H, W, 3), the present one by default; rendered when it is new."""
        moment = moment or self.now
        with self.lock:
            known = self.pictures.get(moment.key)
        if known is None:
            [known] = self.engine.display(self.prepare(moment), [moment.look])
            with self.lock:
                self.pictures.put(moment.key, known)
        return known
