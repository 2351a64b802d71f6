"""What a picture file means: how it is read, moved, shown to networks and drawn for people.

Another kind of input is one more file here and a line in `FIELDS` (and its name in
`schema.Source`, where settings are checked before anything heavy is imported).
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny

from img2img.fields.base import Field
from img2img.fields.image import Image
from img2img.fields.instance import Instance
from img2img.fields.label import Label

__all__ = ["FIELDS", "AnyField", "Field", "Image", "Instance", "Label"]

# By the `kind` of `data.inputs`.
FIELDS: dict[str, type[Field]] = {"labels": Label, "instances": Instance, "image": Image}


def _load(value: Any) -> Any:
    """A stored field as one of its class."""
    if not isinstance(value, dict):
        return value
    kind = value.get("kind")
    if kind not in FIELDS:
        raise ValueError(f"{kind!r} is no kind of input; there are {', '.join(FIELDS)}")
    return FIELDS[kind].model_validate(value)


AnyField = Annotated[SerializeAsAny[Field], BeforeValidator(_load)]
