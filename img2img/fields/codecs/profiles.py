"""Names of colour profiles: a picture in other colours than sRGB looks pale or garish beside others."""

import io
from functools import lru_cache

from PIL import ImageCms

# What profiles of the usual colours call themselves, and profiles of grey, in lower case.
_USUAL = ("srgb", "grey", "gray", "dot gain")


@lru_cache(64)  # the pictures of a data set share their profile
def profile_name(profile: bytes | None) -> str:
    """The name of an ICC profile, "" where it is sRGB, one of grey, or none."""
    if not profile:
        return ""
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return "a damaged colour profile"
    name = " ".join(name.split())
    return "" if any(word in name.lower() for word in _USUAL) else name or "an unnamed profile"
