"""The kinds of fields, as settings and checkpoints name them."""

from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny

from img2img.fields.base import Field
from img2img.fields.image import Image
from img2img.fields.instance import Instance
from img2img.fields.label import Label

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
