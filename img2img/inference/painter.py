"""The former name of `img2img.inference.sampler`, and of what is in it."""

from img2img.inference.sampler import LatentSampler  # noqa: F401 - what the old name leads to
from img2img.lazy import renamed

__getattr__ = renamed(__name__, {"Painter": "LatentSampler"})
