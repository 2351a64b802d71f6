"""What the data of a run look like: enough to build the networks and to read new inputs alike.

Found once before training and stored in every checkpoint, so that translating needs no
flags.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import model_validator

from img2img.errors import ConfigError
from img2img.fields import AnyField, Field, Image, Instance, Label
from img2img.fields.image import ImageSpec
from img2img.keys import LABELLED, TARGET
from img2img.schema import Section

BUILT_IN = "built-in"  # the layout of the street scenes, which lie in no folder


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

    inputs: tuple[AnyField, ...]
    target: ImageSpec = ImageSpec()
    target_part: str = "image"
    class_names: tuple[str, ...] = ()
    layout: str = BUILT_IN
    parts: tuple[PartSpec, ...] = ()
    size: tuple[int, int] | None = None
    smallest: tuple[int, int] | None = None
    resize: tuple[int | None, int] | None = None

    @model_validator(mode="before")
    @classmethod
    def _group_labelled(cls, stored: Any) -> Any:
        """Older checkpoints name no groups: there the labelled picture alone moves by itself."""
        if isinstance(stored, dict) and stored.get("class_names"):
            inputs = [
                {"group": LABELLED, **field}
                if isinstance(field, dict) and field.get("name") == LABELLED
                else field
                for field in stored.get("inputs", ())
            ]
            return {**stored, "inputs": inputs}
        return stored

    @property
    def fields(self) -> tuple[Field, ...]:
        """The target, as a field of that name, and the inputs."""
        return (Image(name=TARGET, part=self.target_part, image=self.target), *self.inputs)

    @property
    def groups(self) -> Mapping[str, tuple[Field, ...]]:
        """The fields by their group, the target's first: each has a size and a draw of its own."""
        groups: dict[str, tuple[Field, ...]] = {}
        for field in self.fields:
            groups[field.group] = (*groups.get(field.group, ()), field)
        return groups

    @property
    def one_size(self) -> tuple[int, int]:
        """`size`, for networks that make pictures of one size.

        Raises:
            ConfigError: the training pictures differ in size.
        """
        if self.size is None:
            raise ConfigError(
                "the pictures differ in size, but this model makes pictures of one size; set "
                "data.resize or data.crop"
            )
        return self.size

    @property
    def labels(self) -> Label | None:
        """The first label map, None where there is none."""
        return next((field for field in self.inputs if isinstance(field, Label)), None)

    @property
    def instances(self) -> Instance | None:
        """The first instance map, None where there is none."""
        return next((field for field in self.inputs if isinstance(field, Instance)), None)

    def working_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The (height, width) at which the network sees a picture of `size`."""
        if self.resize is None:
            return size
        height, width = self.resize
        return height or max(1, round(size[0] * width / size[1])), width

    @property
    def ignore(self) -> tuple[str, int] | None:
        """(name of the label input, ignored id), None where no pixel is ignored."""
        labels = self.labels
        if labels is None or labels.ignore_id is None:
            return None
        return labels.name, labels.ignore_id
