"""What a picture file means: how it is read, moved, shown to networks and drawn for people.

Another kind of input is one more file here and a line in `kinds.FIELDS` (and its name in
`schema.InputConfig`, where settings are checked before anything heavy is imported).
"""

from typing import TYPE_CHECKING

from img2img.lazy import lazily

if TYPE_CHECKING:
    from img2img.fields.base import Field
    from img2img.fields.image import Image
    from img2img.fields.instance import Instance
    from img2img.fields.kinds import FIELDS, AnyField
    from img2img.fields.label import Label

__all__ = ["FIELDS", "AnyField", "Field", "Image", "Instance", "Label"]

# Who only reads or writes files (`files`, `codecs`) does not wait for torch.
__getattr__ = lazily(
    __name__,
    {
        "AnyField": "kinds",
        "FIELDS": "kinds",
        "Field": "base",
        "Image": "image",
        "Instance": "instance",
        "Label": "label",
    },
)
