"""The built-in data: small street scenes, drawn by index, each thing in one of its class's styles.

The label map does not determine the styles, so the scenes show whether a model that looks at
instances has found them; `Scene.styles` holds the truth.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from img2img.data.scenes.street import JITTER, Street
from img2img.data.scenes.styles import CLASSES, STYLES, SceneClass, Style
from img2img.errors import DataError

__all__ = ["CLASSES", "STYLES", "VAL_OFFSET", "Scene", "SceneClass", "Style", "draw_scene"]

VAL_OFFSET = 1_000_000  # held-out scene i has the index VAL_OFFSET + i
MIN_SIDE, MAX_ASPECT = 16, 16


@dataclass(frozen=True)
class Scene:
    """One scene.

    Attributes:
        label: uint8 (H, W), positions in `CLASSES`.
        instance: int32 (H, W): class * 1000 + k for things that can be counted, else the class.
        image: uint8 (H, W, 3) RGB.
        styles: index into `STYLES[class name]` of every id in `instance`.
    """

    label: np.ndarray
    instance: np.ndarray
    image: np.ndarray
    styles: dict[int, int]


def draw_scene(
    index: int,
    *,
    seed: int = 0,
    height: int = 128,
    width: int = 256,
    styles: Mapping[int, int] | None = None,
    exact: bool = False,
) -> Scene:
    """Draws one scene; the same arguments give the same arrays, and other sizes the same scene.

    Args:
        index: which scene, >= 0; see `VAL_OFFSET`.
        seed: which series of scenes, >= 0.
        height, width: in pixels, at least 16, neither over 16 times the other.
        styles: as `Scene.styles`, of some ids, instead of those that the scene has of itself.
        exact: things have their style's own colours, which otherwise vary a little.

    Raises:
        DataError: a size that no scene fits.
    """
    if min(height, width) < MIN_SIDE or max(height, width) > MAX_ASPECT * min(height, width):
        raise DataError(
            f"built-in scenes: {height}x{width} is no size for a street scene; choose a height and "
            f"width of at least {MIN_SIDE} pixels, neither more than {MAX_ASPECT} times the other"
        )
    rng = np.random.Generator(np.random.PCG64([seed, index]))
    street = Street(rng, height, width, styles or {}, jitter=0 if exact else JITTER)
    street.paint()
    instance = street.canvas.instances()
    label = np.where(instance >= 1000, instance // 1000, instance).astype(np.uint8)
    noise = rng.integers(-3, 4, (height, width, 1), np.int16)
    image = (street.canvas.photo() + noise).clip(0, 255).astype(np.uint8)
    present = np.flatnonzero(np.bincount(instance.ravel()))
    return Scene(label, instance, image, {int(key): street.styles[int(key)] for key in present})
