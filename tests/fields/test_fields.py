"""What every field promises, and that a new one needs nothing but its class and a line."""

from typing import ClassVar, Literal, get_args

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from img2img.config import load_config
from img2img.data.spec import DataSpec
from img2img.data.transforms import JointTransform
from img2img.errors import ConfigError, DataError
from img2img.fields import FIELDS, Image, Instance, Label
from img2img.fields.files import write_image
from img2img.fields.image import ImageSpec
from img2img.keys import LABELLED, STYLES, TARGET
from img2img.models import OPTIONS, build_model
from img2img.models.conditioning import Condition
from img2img.schema import DataConfig, InputConfig

H, W = 24, 40
PALETTE = ((0, 0, 0), (255, 0, 0), (0, 255, 0))
CASES = {
    "labels": Label(name="x", part="x", classes=3, palette=PALETTE),
    "instances": Instance(name="x", part="x"),
    "image": Image(name="x", part="x", image=ImageSpec(channels=2, dtype="uint16", high=65535)),
}


def an_array(kind: str, size=(H, W)) -> np.ndarray:
    rng = np.random.default_rng(0)
    if kind == "image":
        return rng.integers(0, 65536, (*size, 2), np.uint16)
    return rng.integers(0, 3, size)


def test_the_settings_offer_every_field():
    assert get_args(InputConfig.model_fields["kind"].annotation) == tuple(FIELDS) == tuple(CASES)
    assert {kind: field.model_fields["kind"].default for kind, field in FIELDS.items()} == {
        kind: kind for kind in FIELDS
    }


@pytest.mark.parametrize("kind", FIELDS)
def test_from_the_file_to_the_network(kind, tmp_path):
    field, array = CASES[kind], an_array(kind)
    path = tmp_path / "x.png"
    if kind == "image":
        path = tmp_path / "x.npy"
        np.save(path, array)
    else:
        write_image(path, array.astype(np.uint8))
    read = field.read(path)
    np.testing.assert_array_equal(read, array)
    np.testing.assert_array_equal(field.accept(array, "x"), read)
    tensor = field.tensor(field.resize(read, (H // 2, W)))[None]
    blank = field.blank(1, (H // 2, W))
    assert tensor.shape == blank.shape and tensor.dtype == blank.dtype and not blank.any()
    assert field.encode(tensor).shape == (1, field.channels, H // 2, W)
    assert field.encode(tensor).dtype == torch.float32
    drawn = field.draw(tensor)
    assert drawn.shape == (1, 3, H // 2, W) and drawn.min() >= -1 and drawn.max() <= 1


@pytest.mark.parametrize("high", [255, 2**31 - 1, 2**40])
@pytest.mark.parametrize("kind", ["labels", "instances"])
def test_ids_survive_packing(kind, high):
    ids = np.array([[0, 7], [high, 7]])
    packed, rest = CASES[kind].pack(ids)
    assert packed.dtype == np.int32
    np.testing.assert_array_equal(CASES[kind].unpack(packed, rest), ids)


def test_renumbered_labels_are_stored_as_they_were():
    field = Label(name="x", part="x", classes=2, remap={7: 0, 40: 1, 255: 2}, ignore_id=2)
    ids = np.array([[7, 40, 255]])
    assert field.accept(ids, "x").tolist() == [[0, 1, 2]]
    np.testing.assert_array_equal(field.stored(field.accept(ids, "x")), ids)


def test_a_callers_colours_become_classes():
    colours = np.array(PALETTE, np.uint8)[[[0, 2, 1]]]
    assert CASES["labels"].accept(colours, "x").tolist() == [[0, 2, 1]]
    with pytest.raises(DataError, match=r"x: expected integer ids \(H, W\), got uint8"):
        CASES["instances"].accept(colours, "x")


# --- stored descriptions ------------------------------------------------------------------


def test_a_description_comes_back_as_it_was():
    spec = DataSpec(inputs=tuple(CASES.values()))
    again = DataSpec.model_validate_json(spec.model_dump_json())
    assert again == spec and [type(f) for f in again.inputs] == [Label, Instance, Image]
    assert (spec.labels, spec.instances) == (CASES["labels"], CASES["instances"])


def as_before(name: str, kind: str, **changes) -> dict:
    """An input as checkpoints of before fields have it: with the keys of all kinds."""
    keys = ("derived", "classes", "class_names", "palette", "ignore_id", "remap", "image")
    values = (False, 0, [], [], None, None, None)
    return {"name": name, "kind": kind, "part": name, **dict(zip(keys, values, strict=True))} | (
        changes
    )


def test_older_checkpoints():
    image = {"channels": 1, "dtype": "uint8", "low": 0.0, "high": 255.0}
    inputs = [
        as_before("label", "labels", classes=3, remap={"7": 0}),
        as_before("instance", "instances", derived=True),
        as_before(LABELLED, "image", image=image),
    ]
    spec = DataSpec.model_validate({"inputs": inputs})
    assert spec.inputs == (
        Label(name="label", part="label", classes=3, remap={7: 0}),
        Instance(name="instance", part="instance", derived=True),
        Image(name=LABELLED, part=LABELLED, image=ImageSpec(channels=1)),
    )
    # Beside pictures with classes, the labelled one was another picture.
    spec = DataSpec.model_validate({"inputs": inputs[2:], "class_names": ["a", "b"]})
    assert [field.group for field in spec.fields] == ["", LABELLED]


def test_an_unknown_kind():
    with pytest.raises(ValidationError, match="'flow' is no kind of input; there are labels"):
        DataSpec.model_validate({"inputs": [as_before("x", "flow")]})


# --- groups -------------------------------------------------------------------------------


def grouped(group: str) -> DataSpec:
    """A label map and a picture of the same ids in one group, beside the target."""
    grey = ImageSpec(channels=1)
    return DataSpec(
        inputs=(
            Label(name="label", part="a", group=group, classes=256),
            Image(name="photo", part="b", group=group, image=grey),
        ),
        target=grey,
    )


@pytest.mark.parametrize("group", ["", "other"])
def test_fields_of_a_group_move_together(group):
    config = DataConfig(crop=(16, 16), colour=0)
    transform = JointTransform(config, grouped(group), train=True)
    ids = np.random.default_rng(0).integers(0, 256, (H, W))
    target = np.random.default_rng(1).integers(0, 256, (H, W, 1), np.uint8)
    arrays = {"label": ids, "photo": ids.astype(np.uint8)[..., None], TARGET: target}
    for seed in range(10):
        sample = transform(arrays, seed)
        moved = (sample["photo"] * 127.5 + 127.5).round().long()
        assert torch.equal(moved, sample["label"])


def test_another_group_has_its_own_size_and_draw():
    config = DataConfig(crop=(16, 16), colour=0)
    spec = grouped("other")
    transform = JointTransform(config, spec, train=True)
    columns = np.tile(np.arange(60), (30, 1))
    arrays = {"label": columns, "photo": columns.astype(np.uint8)[..., None]}
    arrays[TARGET] = np.tile(np.arange(50, dtype=np.uint8), (20, 1))[..., None]

    def moves(seed):  # the left column and whether it was mirrored
        sample = transform(arrays, seed)
        label, target = sample["label"][0, 0], (sample[TARGET][0, 0] * 127.5 + 127.5).round()
        return [(int(row.min()), bool(row[0] > row[1])) for row in (label, target)]

    found = [moves(seed) for seed in range(30)]
    assert found == [moves(seed) for seed in range(30)]  # a seed's own
    flips = {(own[1], other[1]) for own, other in found}
    assert len(flips) == 4  # each group is mirrored by itself
    # The target moves as it does without another group beside it.
    alone = JointTransform(config, grouped(""), train=True)
    same = {**arrays, "label": columns[:20, :50], "photo": arrays["photo"][:20, :50]}
    assert all(
        torch.equal(alone(same, seed)[TARGET], transform(arrays, seed)[TARGET])
        for seed in range(10)
    )


def test_a_group_of_ids_alone():
    spec = DataSpec(inputs=(Label(name="label", part="a", group="own", classes=9),))
    transform = JointTransform(DataConfig(crop=(8, 8), rotate=20), spec, train=True)
    sample = transform(
        {"label": np.full((30, 20), 4), TARGET: np.zeros((H, W, 3), np.uint8)}, seed=0
    )
    assert sample["label"].shape == (1, 8, 8) and (sample["label"] == 4).all()


# --- names in a batch ---------------------------------------------------------------------


@pytest.mark.parametrize("name", [TARGET, STYLES])
def test_an_input_cannot_have_a_name_of_the_batch(name):
    inputs = [{"name": name, "kind": "image"}]
    with pytest.raises(ConfigError, match=f"'{name}' is used by the batch itself; choose another"):
        load_config(OPTIONS, overrides={"model": "pix2pix", "data.inputs": inputs})


def test_an_input_called_features_is_no_style():
    """It once was taken for the features of a style."""
    config = load_config(
        OPTIONS,
        overrides={
            "model": "pix2pixHD",
            **{"model.width": 4, "model.n_down": 1, "model.n_blocks": 1, "model.d_width": 4},
            **{"model.num_D": 1, "model.features": True, "model.e_width": 4, "model.e_down": 1},
        },
    )
    label = Label(name="label", part="label", classes=3)
    spec = DataSpec(inputs=(label, Image(name="features", part="f", image=ImageSpec())))
    model = build_model(config, spec).eval()
    batch = {
        "label": torch.zeros(1, 1, 16, 16).long(),
        "features": torch.rand(1, 3, 16, 16) * 2 - 1,
    }
    with torch.no_grad():
        neutral = torch.zeros(1, 3, 16, 16)
        assert torch.equal(model.translate(batch), model.translate({**batch, STYLES: neutral}))
        other = model.translate({**batch, STYLES: neutral + 1})
    assert not torch.equal(model.translate(batch), other)


# --- another field ------------------------------------------------------------------------


class Height(Image):
    """A toy: a picture of which a network sees whether it is high."""

    kind: Literal["height"] = "height"
    words: ClassVar[str] = "the height map"

    @property
    def channels(self) -> int:
        return 1

    def encode(self, value: Tensor) -> Tensor:
        return (value.mean(1, keepdim=True) > 0).float()


def test_another_field_is_a_class_and_a_line(monkeypatch):
    monkeypatch.setitem(FIELDS, "height", Height)
    stored = {"name": "h", "kind": "height", "part": "h", "image": {"channels": 2}}
    spec = DataSpec.model_validate({"inputs": [stored]})
    arrays = {"h": np.full((H, W, 2), 200, np.uint8), TARGET: np.zeros((H, W, 3), np.uint8)}
    sample = JointTransform(DataConfig(crop=(16, 16)), spec, train=True)(arrays, 0)
    condition = Condition(spec, boundary=True)
    assert condition.channels == 1
    shown = condition({name: value[None] for name, value in sample.items()})
    assert torch.equal(shown, torch.ones(1, 1, 16, 16))
    assert DataSpec.model_validate_json(spec.model_dump_json()) == spec
