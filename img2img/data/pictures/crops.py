"""The built-in data for networks without pairs: the things of the street scenes, one a picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from img2img.data.scenes import CLASSES, STYLES, Scene, draw_scene
from img2img.fields.resizing import resize_image
from img2img.progress import counting

SIDE = 32  # pixels of a crop's sides
LEAST = 12  # pixels of the shorter side of what is cropped; less shows no wheels or heads
MARGIN = 0.1  # of the longer side, around it
CROPPED = ("tree", "car", "person", "sign")


@dataclass(frozen=True)
class Crop:
    """One thing. Attributes: uint8 (SIDE, SIDE, 3) RGB, class and style by name."""

    image: np.ndarray
    kind: str
    style: str


def draw_crops(count: int, *, seed: int) -> list[Crop]:
    """The first `count` things of the street scenes of a seed that can be seen whole."""
    return list(counting(islice(_crops(seed), count), count, "crops"))


def _crops(seed: int) -> Iterator[Crop]:
    index = 0
    while True:
        yield from _crops_of(draw_scene(index, seed=seed))
        index += 1


def _crops_of(scene: Scene) -> Iterator[Crop]:
    height, width = scene.instance.shape
    for instance, style in scene.styles.items():
        kind = CLASSES[instance // 1000].name if instance >= 1000 else ""
        if kind not in CROPPED:
            continue
        rows, columns = np.nonzero(scene.instance == instance)
        top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
        cut = top == 0 or left == 0 or bottom == height or right == width
        if cut or min(bottom - top, right - left) < LEAST:
            continue
        side = min(round(max(bottom - top, right - left) * (1 + 2 * MARGIN)), height)
        y = int(np.clip((top + bottom - side) // 2, 0, height - side))
        x = int(np.clip((left + right - side) // 2, 0, width - side))
        image = resize_image(scene.image[y : y + side, x : x + side], (SIDE, SIDE))
        yield Crop(np.rint(image).astype(np.uint8), kind, STYLES[kind][style].name)
