"""Small folders of pairs that are right, to be made wrong one way at a time."""

import os

import cv2
import numpy as np
from PIL import Image

from img2img.fields.files import write_image

H, W = 64, 96
COUNT = 8


def scene(seed, *, shift=(0, 0), classes=4):
    """A label map of rectangles and discs, and a photo in which every class has its brightness.

    Args:
        shift: (right, down) of the photo.
    """
    rng = np.random.default_rng(seed)
    label = np.zeros((H + 40, W + 40), np.uint8)
    for _ in range(12):
        y, x = int(rng.integers(0, H + 40)), int(rng.integers(0, W + 40))
        size, ident = int(rng.integers(6, 20)), int(rng.integers(0, classes))
        if rng.random() < 0.5:
            cv2.circle(label, (x, y), size, ident, -1)
        else:
            label[max(0, y - size) : y + size, max(0, x - size) : x + size] = ident
    tones = np.array([(30, 60, 90), (200, 180, 160), (90, 140, 60), (240, 90, 120)], np.float32)
    photo = tones[label] + rng.normal(0, 6, (*label.shape, 3))
    right, down = shift
    inner = np.s_[20 : 20 + H, 20 : 20 + W]
    moved = np.s_[20 - down : 20 - down + H, 20 - right : 20 - right + W]
    return label[inner].copy(), photo[moved].clip(0, 255).astype(np.uint8)


def put_pairs(root, count=COUNT, *, shift=(0, 0), suffix=".png"):
    """images/ and labels/ with `count` pairs."""
    for number in range(count):
        label, photo = scene(number, shift=shift)
        save(root / f"labels/{number}.png", label)
        save(root / f"images/{number}{suffix}", photo)
    return root


def save(path, array, **options):
    """A picture by its suffix; JPEG by Pillow."""
    os.makedirs(path.parent, exist_ok=True)
    if path.suffix == ".jpg" or options:
        Image.fromarray(array).save(path, **options)
    else:
        write_image(path, array)
