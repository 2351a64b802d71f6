"""What the data of a run look like: enough to build the networks and to read new inputs alike.

Found once before training and stored in every checkpoint, so that translating needs no
flags.
"""

from typing import Literal

import numpy as np

from img2img.schema import Section

DType = Literal["uint8", "uint16", "float32"]
BUILT_IN = "built-in"  # the layout of the street scenes, which lie in no folder
DTYPE_RANGES = {"uint8": (0.0, 255.0), "uint16": (0.0, 65535.0), "float32": (0.0, 1.0)}


class ImageSpec(Section):
    """An image: how many channels, and which stored values are -1 and 1.

    Attributes:
        low, high: stored values that become -1 and 1.
    """

    channels: int = 3
    dtype: DType = "uint8"
    low: float = 0.0
    high: float = 255.0

    def normalise(self, array: np.ndarray) -> np.ndarray:
        """Stored values as float32, `low`..`high` to [-1, 1]; values beyond are clipped."""
        array = array.astype(np.float32)
        # In place: fresh memory for every step takes longer than the arithmetic.
        array -= np.float32(self.low)
        array *= np.float32(2.0 / (self.high - self.low))
        array -= np.float32(1.0)
        return array.clip(-1.0, 1.0, out=array)

    def denormalise(self, array: np.ndarray) -> np.ndarray:
        """[-1, 1] as stored values: rounded and clipped to the type's range, not truncated."""
        array = (array.astype(np.float64) + 1.0) * ((self.high - self.low) / 2.0) + self.low
        if self.dtype == "float32":
            return array.astype(np.float32)
        return np.clip(np.rint(array), *DTYPE_RANGES[self.dtype]).astype(self.dtype)


class InputSpec(Section):
    """One input of the generator.

    Attributes:
        kind: `labels` (class ids), `instances` (object ids), or `image`.
        part: the layout's part that its files come from.
        derived: `instances` that no file holds: the connected pieces of the labels.
        classes: number of classes of `labels`.
        class_names: one for each class; () or fewer where nobody named them, see `class_name`.
        palette: RGB colours by stored id, maybe of more ids than classes: to read
            colour-coded labels; see `colours`.
        ignore_id: the class number (after renumbering) of pixels without a class.
        remap: stored id -> class, the ignored id among them, where ids are renumbered.
        image: the values of an `image`.
    """

    name: str
    kind: Literal["labels", "instances", "image"]
    part: str
    derived: bool = False
    classes: int = 0
    class_names: tuple[str, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = ()
    ignore_id: int | None = None
    remap: dict[int, int] | None = None
    image: ImageSpec | None = None

    def class_name(self, number: int) -> str:
        """A class's name, `class-26` where it has none."""
        names = self.class_names
        return names[number] if number < len(names) and names[number] else f"class-{number}"

    @property
    def colours(self) -> tuple[tuple[int, int, int], ...]:
        """RGB colours, one for each class; () where the palette lacks one."""
        stored = {new: old for old, new in self.remap.items()} if self.remap else {}
        ids = [stored.get(c, c) for c in range(self.classes)]
        if not ids or min(ids) < 0 or max(ids) >= len(self.palette):
            return ()
        return tuple(self.palette[i] for i in ids)


class PartSpec(Section):
    """Where a part's files lie: as `layouts.Part`, kept so that partners are found again."""

    name: str
    folder: str
    suffix: str = ""
    half: str = ""


class DataSpec(Section):
    """All inputs, the target, and where their files lie.

    Attributes:
        inputs: () for pictures without partners, but for a labelled one beside each.
        class_names: of pictures that have a class each; () where they have none.
        size: (height, width) of the training pictures, None where they differ.
        smallest: least height and least width of the training pictures.
        resize: (height, width) at which the network works; (None, width) keeps the aspect
            ratio; None: the pictures' own size.
    """

    inputs: tuple[InputSpec, ...]
    target: ImageSpec = ImageSpec()
    target_part: str = "image"
    class_names: tuple[str, ...] = ()
    layout: str = BUILT_IN
    parts: tuple[PartSpec, ...] = ()
    size: tuple[int, int] | None = None
    smallest: tuple[int, int] | None = None
    resize: tuple[int | None, int] | None = None

    def of_kind(self, kind: str) -> InputSpec | None:
        """The first input of a kind, None where there is none."""
        return next((source for source in self.inputs if source.kind == kind), None)

    def working_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The (height, width) at which the network sees a picture of `size`."""
        if self.resize is None:
            return size
        height, width = self.resize
        return height or max(1, round(size[0] * width / size[1])), width

    @property
    def ignore(self) -> tuple[str, int] | None:
        """(name of the label input, ignored id), None where no pixel is ignored."""
        labels = self.of_kind("labels")
        if labels is None or labels.ignore_id is None:
            return None
        return labels.name, labels.ignore_id
