"""Small data sets on disk, and what `describe_data` makes of them."""

import os

import numpy as np
import pytest
from PIL import Image

from img2img.data.describe import describe_data
from img2img.errors import DataError
from img2img.fields.files import write_image
from img2img.schema import DataConfig

H, W = 6, 8


def photo(seed=0, shape=(H, W, 3), dtype=np.uint8):
    high = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, high, shape, dtype, endpoint=True)


def ids(*values, dtype=np.uint8):
    """A map that holds each of the values."""
    return np.resize(np.array(values, dtype), (H, W))


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jpg":
        Image.fromarray(array).save(path, quality=90)
    else:
        write_image(path, array)


def put(root, folders, count=3):
    """folder (may end in a suffix such as `.jpg`) -> array, or a function of the number."""
    for folder, content in folders.items():
        folder, suffix = os.path.splitext(folder)
        for number in range(count):
            array = content(number) if callable(content) else content
            save(root / folder / f"{number}{suffix or '.png'}", array)
    return root


def describe(path, **settings):
    return describe_data(DataConfig(path=str(path), **settings))


def inputs(data):
    return [(source.name, source.kind, source.part) for source in data.spec.inputs]


def refusal(path, **settings):
    """The message that refuses the data."""
    with pytest.raises(DataError) as error:
        describe(path, **settings)
    return str(error.value)


def warnings(data):
    return [remark for remark in data.remarks if remark.startswith("WARNING")]


LABELLED = {"images": photo, "labels": ids(0, 2, 4)}
