"""States of a picture, one after the other: undo, redo, and the pictures rendered so far."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from img2img.inference.styles.looks import Choice, Objects, StyleAssignment
from img2img.ui.scenes import Scene

STEPS = 300
LABEL_BYTES = 2**29  # of label maps kept for undo
PICTURE_BYTES = 2**28  # of rendered pictures kept

Key = tuple[int, tuple[tuple[int, bytes], ...]]


@dataclass(frozen=True)
class Moment:
    """One state.

    Attributes:
        version: of the inputs; the same number, the same arrays.
        inputs: all inputs by name.
        what: what led to this state, for people.
    """

    version: int
    inputs: Mapping[str, np.ndarray]
    objects: Objects
    look: Mapping[int, Choice]
    what: str = ""

    @property
    def key(self) -> Key:
        return picture_key(self.version, self.look)


def picture_key(version: int, look: StyleAssignment) -> Key:
    """Equal for states that look the same."""
    return version, tuple((i, look[i].features.tobytes()) for i in sorted(look))


class History:
    """The states of one picture; old ones are forgotten when they take too much room."""

    def __init__(self, first: Moment):
        self.first = first
        self._moments = [first]
        self._position = 0

    @property
    def now(self) -> Moment:
        return self._moments[self._position]

    @property
    def former(self) -> Moment | None:
        """The state that `undo` leads to."""
        return self._moments[self._position - 1] if self._position else None

    @property
    def next(self) -> Moment | None:
        """The state that `redo` leads to."""
        after = self._position + 1
        return self._moments[after] if after < len(self._moments) else None

    def undo(self) -> None:
        self._position = max(self._position - 1, 0)

    def redo(self) -> None:
        self._position = min(self._position + 1, len(self._moments) - 1)

    def add(self, moment: Moment) -> None:
        """The next state; what had been undone is gone."""
        self._moments[self._position + 1 :] = [moment]
        while len(self._moments) > 2 and (len(self._moments) > STEPS or self.size > LABEL_BYTES):
            del self._moments[0]
        self._position = len(self._moments) - 1

    @property
    def size(self) -> int:
        """Bytes of its arrays."""
        arrays = [a for m in self._moments for a in (*m.inputs.values(), m.objects.ids)]
        return sum({id(a): a.nbytes for a in arrays}.values())  # moments share arrays


@dataclass
class Work:
    """What was done on one scene.

    Attributes:
        stuff: classes that are not counted, as `editing.LabelMap.stuff`.
        saved: the state that was saved last.
    """

    scene: Scene
    history: History
    stuff: frozenset[int]
    saved: Key | None = None

    @property
    def unsaved(self) -> bool:
        """Whether something would be lost with it."""
        return self.history.now.key not in (self.history.first.key, self.saved)


class Pictures:
    """Rendered pictures by state; those not asked for longest are forgotten first."""

    def __init__(self) -> None:
        self._pictures: OrderedDict[Key, np.ndarray] = OrderedDict()

    def get(self, key: Key) -> np.ndarray | None:
        if key in self._pictures:
            self._pictures.move_to_end(key)
        return self._pictures.get(key)

    def put(self, key: Key, picture: np.ndarray) -> None:
        self._pictures[key] = picture
        size = sum(p.nbytes for p in self._pictures.values())
        while size > PICTURE_BYTES and len(self._pictures) > 2:
            size -= self._pictures.popitem(last=False)[1].nbytes
