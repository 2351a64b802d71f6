"""The former place of `img2img.fields.files`; importing it warns."""

import warnings

from img2img.fields import files
from img2img.fields.files import *  # noqa: F403

__all__ = files.__all__

warnings.warn("img2img.data.images is now img2img.fields.files", DeprecationWarning, stacklevel=2)
