"""A validation picture and a translated picture are the same bits to the network."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from img2img.data.spec import DataSpec
from img2img.data.transforms import JointTransform
from img2img.fields import Image, Instance, Label
from img2img.fields.image import ImageSpec
from img2img.inference.translator import Translator
from img2img.keys import TARGET
from img2img.schema import DataConfig

SIZE = (47, 61)
RESIZES = {
    "own size": None,
    "smaller": (20, 36),
    "larger": (70, 150),
    "narrower and higher": (90, 30),
    "half": (24, 30),
    "width": (None, 41),
}
IMAGES = {
    "grey": ImageSpec(channels=1),
    "photo": ImageSpec(channels=3),
    "deep": ImageSpec(channels=2, dtype="uint16", low=200, high=4095),
    "stack": ImageSpec(channels=6, dtype="float32", low=-3, high=3),
}


@pytest.mark.parametrize("resize", RESIZES.values(), ids=RESIZES)
def test_validation_and_translation_see_the_same(resize):
    rng = np.random.default_rng(0)
    inputs = [
        Label(name="label", part="label", classes=9),
        Instance(name="instance", part="instance"),
    ]
    arrays = {
        "label": rng.integers(0, 9, SIZE),
        "instance": rng.integers(0, 2**40, SIZE),
        TARGET: rng.integers(0, 256, (*SIZE, 3), np.uint8),
    }
    for name, image in IMAGES.items():
        inputs.append(Image(name=name, part=name, image=image))
        values = rng.uniform(image.low, image.high, (*SIZE, image.channels))
        arrays[name] = values.astype(image.dtype)
    spec = DataSpec(inputs=tuple(inputs), resize=resize)
    setting = {"resize_width": resize[1]} if resize and resize[0] is None else {"resize": resize}
    validated = JointTransform(DataConfig(**setting), spec, train=False)(arrays, 0)
    given = {source.name: arrays[source.name] for source in inputs}
    model = SimpleNamespace(spec=spec, style_input=None)
    translator = Translator(model, torch.device("cpu"))
    prepared = translator.prepare(given)
    assert prepared.size == SIZE
    batch = translator._batch(prepared)
    for name, tensor in batch.items():
        assert torch.equal(tensor[0], validated[name]), name
