"""A pair stays a pair: every array says where its pixels came from, before and after.

In the coordinate sample each pixel's instance id is its place (y * W + x), and the pictures
hold the same two numbers, so that any difference between the two after a transform is a
displacement in pixels.
"""

import cv2
import numpy as np
import pytest
import torch

from img2img.data.spec import DataSpec
from img2img.data.transforms import JointTransform
from img2img.fields import FIELDS, Image, Instance, Label
from img2img.fields.image import ImageSpec
from img2img.fields.resizing import resize_ids, resize_image
from img2img.keys import TARGET
from img2img.schema import DataConfig

H, W = 48, 64
SEEDS = range(25)
PLAIN = {"flip": False}
GEOMETRIES = {
    "nothing": PLAIN,
    "resize down": PLAIN | {"resize": (20, 36)},
    "resize up": PLAIN | {"resize": (70, 150)},
    "resize to a quarter": PLAIN | {"resize": (12, 16)},
    "resize_width": PLAIN | {"resize_width": 41},
    "crop": PLAIN | {"crop": (20, 30)},
    "crop larger than the picture": PLAIN | {"crop": (60, 90)},
    "jitter": PLAIN | {"jitter": 0.15},
    "flip": {"flip": True},
    "rotate": PLAIN | {"rotate": 30},
    "rotate far": PLAIN | {"rotate": 180},
    "colour": PLAIN | {"colour": 0.5},
    "all": {"resize": (40, 56), "jitter": 0.2, "crop": (32, 32), "rotate": 15, "colour": 0.3},
}

FLOATS = ImageSpec(channels=3, dtype="float32", low=0, high=W)
INSTANCE = Instance(name="instance", part="instance")


def make(settings, *inputs, target, train=True):
    """A transform under the spec that `describe_data` would make of the settings."""
    config = DataConfig(**settings)
    resize = config.resize or (config.resize_width and (None, config.resize_width)) or None
    spec = DataSpec(inputs=inputs, target=target, resize=resize)
    return JointTransform(config, spec, train=train)


def places():
    y, x = np.mgrid[:H, :W].astype(np.float32)
    return {
        "instance": (y * W + x).astype(np.int64),
        "depth": (np.stack([x, y], -1) * 1000).astype(np.uint16),
        TARGET: np.stack([x, y, x], -1),
    }


def place_transform(settings, *, train=True):
    depth = Image(
        name="depth",
        part="depth",
        image=ImageSpec(channels=2, dtype="uint16", low=0, high=1000 * W),
    )
    return make(settings, INSTANCE, depth, target=FLOATS, train=train)


def displacement(sample):
    """(2, H, W): the picture's place minus the id's, in pixels of the original."""
    ids = sample["instance"][0].numpy()
    image = (sample[TARGET][:2].numpy() + 1) / 2 * W
    return image - np.stack([ids % W, ids // W])


@pytest.mark.parametrize("name", [n for n, s in GEOMETRIES.items() if "colour" not in s])
def test_target_and_ids_come_from_the_same_place(name):
    settings = GEOMETRIES[name]
    transform = place_transform(settings)
    arrays = places()
    for seed in SEEDS:
        sample = transform(arrays, seed)
        height, width = sample[TARGET].shape[-2:]
        work = transform.spec.working_size((H, W))
        scale = np.array([W / work[1], H / work[0]]).reshape(2, 1, 1).clip(1)
        off = displacement(sample) / scale  # in pixels of the result, where it is smaller
        assert (np.abs(off) <= 1).mean() >= 0.99
        # No shift of half a pixel in one direction: nearest neighbours err to both sides.
        middle = off[:, height // 4 : -height // 4, width // 4 : -width // 4]
        assert np.abs(middle.mean((1, 2))).max() < 0.3


@pytest.mark.parametrize("name", GEOMETRIES)
def test_inputs_move_with_the_target(name):
    """The picture among the inputs, which no colour change touches, against the ids."""
    transform = place_transform(GEOMETRIES[name])
    work = transform.spec.working_size((H, W))
    scale = np.array([W / work[1], H / work[0]]).reshape(2, 1, 1).clip(1)
    for seed in SEEDS:
        sample = transform(places(), seed)
        ids = sample["instance"][0].numpy()
        depth = (sample["depth"].numpy() + 1) / 2 * W
        off = (depth - np.stack([ids % W, ids // W])) / scale
        assert (np.abs(off) <= 1.5).mean() >= 0.97


def blobs():
    """Five classes in large blobs, and a photo and an input whose colours follow from them."""
    rng = np.random.default_rng(5)
    centres = rng.uniform((0, 0), (H, W), (9, 2))
    y, x = np.mgrid[:H, :W]
    nearest = ((y[..., None] - centres[:, 0]) ** 2 + (x[..., None] - centres[:, 1]) ** 2).argmin(-1)
    label = nearest % 5
    return {
        "label": label.astype(np.int64),
        "instance": (label * 1000 + nearest).astype(np.int64),
        "sketch": (label * 12000).astype(np.uint16)[..., None],
        TARGET: COLOURS[label],
    }


# Different samples at least, of 25 seeds; resizing has no random draw.
DRAWS = {
    "crop": 20,
    "jitter": 15,
    "flip": 2,
    "rotate": 25,
    "rotate far": 25,
    "colour": 15,
    "all": 25,
}
COLOURS = np.array([(0, 0, 0), (250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 250)], np.uint8)
LABEL = Label(name="label", part="label", classes=5)
SKETCH = Image(
    name="sketch",
    part="sketch",
    image=ImageSpec(channels=1, dtype="uint16", high=65535),
)


def blob_transform(settings, *, train=True):
    return make(settings, LABEL, INSTANCE, SKETCH, target=ImageSpec(), train=train)


def inside(label, margin=2):
    """Where the neighbourhood holds one class alone."""
    padded = np.pad(label, margin, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * margin + 1,) * 2)
    return windows.min((2, 3)) == windows.max((2, 3))


@pytest.mark.parametrize("name", GEOMETRIES)
def test_a_pair_stays_aligned(name):
    settings = GEOMETRIES[name]
    transform = blob_transform(settings)
    arrays = blobs()
    differing = set()
    for seed in SEEDS:
        sample = transform(arrays, seed)
        label = sample["label"][0].numpy()
        inner = inside(label)
        assert inner.mean() > 0.05
        np.testing.assert_array_equal(sample["instance"][0].numpy() // 1000, label)
        assert set(np.unique(label)) <= set(range(5))
        assert set(np.unique(sample["instance"])) <= set(np.unique(arrays["instance"]))
        sketch = (sample["sketch"][0].numpy() + 1) / 2 * 65535
        assert (np.abs(sketch - label * 12000) < 1500)[inner].mean() >= 0.97
        if not settings.get("colour"):
            target = (sample[TARGET].numpy().transpose(1, 2, 0) + 1) * 127.5
            close = np.abs(target - COLOURS[label]).max(-1) < 40
            assert close[inner].mean() >= 0.97
        differing.add(label.tobytes() + sample[TARGET].numpy().tobytes())
    least = DRAWS.get(name, 1)
    assert least <= len(differing) <= (least if least < 3 else len(SEEDS))


@pytest.mark.parametrize("size", [(48, 41), (48, 29), (48, 100), (48, 16), (48, 23)])
def test_edges_of_label_and_photo_coincide(size):
    """Nearest neighbour without OpenCV's shift of half a pixel, for every place of an edge."""
    transform = make(PLAIN | {"resize": size}, LABEL, target=ImageSpec(channels=1))
    offsets = []
    for edge in range(8, W - 8):
        label = np.zeros((H, W), np.int64)
        label[:, edge:] = 1
        sample = transform({"label": label, TARGET: (label * 200).astype(np.uint8)[..., None]}, 0)
        ids = sample["label"][0, 7].numpy()
        photo = ((sample[TARGET][0, 7].numpy() + 1) * 127.5 / 200).clip(0, 1)
        # Both edges as the width of what is dark, in pixels of the result.
        offsets.append((1 - ids).sum() - (1 - photo).sum())
    assert np.abs(offsets).max() <= 1
    assert abs(np.mean(offsets)) < 0.15


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint32, np.int64])
def test_ids_are_resized_like_opencv_and_exactly(dtype):
    top = np.iinfo(dtype).max
    rng = np.random.default_rng(0)
    for _ in range(200):
        old, new = rng.integers(1, 140, 2), rng.integers(1, 140, 2)  # with many ties to round
        places = np.arange(old.prod(), dtype=np.int32).reshape(old)
        shape = (int(new[1]), int(new[0]))
        expected = cv2.resize(places, shape, interpolation=cv2.INTER_NEAREST_EXACT)
        ids = (top - places.astype(np.uint64)).astype(dtype)
        resized = resize_ids(ids, tuple(new))
        assert resized.dtype == dtype
        np.testing.assert_array_equal(resized, ids.reshape(-1)[expected.reshape(new)])


@pytest.mark.parametrize("channels", [1, 3, 5, 13])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_images_are_resized_channel_by_channel(channels, dtype):
    rng = np.random.default_rng(0)
    high = 1.0 if dtype == "float32" else np.iinfo(dtype).max
    image = (rng.random((20, 24, channels)) > 0.5).astype(dtype) * np.dtype(dtype).type(high)
    for size in ((5, 6), (40, 50), (10, 48), (7, 90), (1, 1)):
        resized = resize_image(image, size)
        assert resized.shape == (*size, channels) and resized.dtype == np.float32
        single = [resize_image(image[..., i : i + 1], size) for i in range(channels)]
        np.testing.assert_allclose(resized, np.concatenate(single, -1), atol=1e-6 * high)
        if dtype != "float32":
            assert resized.min() >= 0 and resized.max() <= high
    # Averaged along an axis that shrinks, also where the other one grows.
    assert np.abs(resize_image(image, (1, 48)).mean() / image.mean() - 1) < 0.05
    np.testing.assert_allclose(
        resize_image(image, (1, 24))[0], image.mean(0, dtype=np.float64), rtol=1e-5
    )
    assert resize_image(image, (20, 24)) is image


def test_working_sizes():
    for name, size in {
        "resize up": (70, 150),
        "resize_width": (round(48 * 41 / 64), 41),
        "crop": (20, 30),
        "crop larger than the picture": (60, 90),
        "jitter": (48, 64),
        "all": (32, 32),
        "rotate": (48, 64),
    }.items():
        sample = blob_transform(GEOMETRIES[name])(blobs(), 3)
        assert {tuple(tensor.shape[-2:]) for tensor in sample.values()} == {size}, name


@pytest.mark.parametrize("name", GEOMETRIES)
def test_types_and_ranges(name):
    for seed in range(5):
        sample = blob_transform(GEOMETRIES[name])(blobs(), seed)
        channels = {"label": 1, "instance": 1, "sketch": 1, TARGET: 3}
        assert {key: tensor.shape[0] for key, tensor in sample.items()} == channels
        assert sample["label"].dtype == sample["instance"].dtype == torch.int64
        for key in ("sketch", TARGET):
            assert sample[key].dtype == torch.float32
            assert sample[key].is_contiguous()
            assert -1 <= sample[key].min() <= sample[key].max() <= 1


def test_floats_do_not_overshoot():
    """Cubic enlargement of an edge leaves the range of the picture."""
    step = np.zeros((H, W, 1), np.float32)
    step[:, W // 2 :] = 5.0
    target = ImageSpec(channels=1, dtype="float32", low=0, high=5)
    sample = make(PLAIN | {"resize": (96, 128)}, target=target)({TARGET: step}, 0)
    assert (sample[TARGET].min(), sample[TARGET].max()) == (-1, 1)


# --- randomness ---------------------------------------------------------------------------


def equal(one, other):
    return all(torch.equal(one[key], other[key]) for key in one)


def test_a_seed_gives_the_same_sample_and_another_seed_another():
    settings = GEOMETRIES["all"]
    transform = blob_transform(settings)
    samples = [transform(blobs(), seed) for seed in SEEDS]
    again = blob_transform(settings)
    for seed in reversed(SEEDS):  # whatever came before
        assert equal(again(blobs(), seed), samples[seed])
    assert not any(equal(samples[0], other) for other in samples[1:])


def test_neither_reads_nor_moves_the_global_random_state():
    import random

    transform = blob_transform(GEOMETRIES["all"])
    before = transform(blobs(), 1)
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    assert equal(transform(blobs(), 1), before)
    assert torch.equal(torch.get_rng_state(), states[0])
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])
    assert random.getstate() == states[2]


def test_flips_about_half_of_the_time():
    transform = place_transform({"flip": True})
    flipped = sum(int(transform(places(), seed)["instance"][0, 0, 0]) > 0 for seed in range(200))
    assert 70 < flipped < 130


def test_crops_reach_every_corner():
    transform = place_transform(PLAIN | {"crop": (H - 1, W - 1)})
    corners = {int(transform(places(), seed)["instance"][0, 0, 0]) for seed in range(60)}
    assert corners == {0, 1, W, W + 1}


def test_rotation_turns_to_both_sides():
    transform = place_transform(PLAIN | {"rotate": 20})
    tops = []
    for seed in SEEDS:
        ids = transform(places(), seed)["instance"][0, H // 2].numpy() // W
        tops.append(int(ids[3 * W // 4]) - int(ids[W // 4]))
    assert min(tops) < -3 < 3 < max(tops)
    assert max(map(abs, tops)) <= W / 2 * np.sin(np.radians(20)) + 1.5


@pytest.mark.parametrize("name", ["all", "colour", "rotate", "jitter", "crop"])
def test_validation_has_no_randomness(name):
    settings = GEOMETRIES[name]
    transform = blob_transform(settings, train=False)
    arrays = blobs()
    sample = transform(arrays, 0)
    assert all(equal(transform(arrays, seed), sample) for seed in SEEDS)
    resize = {"resize": settings["resize"]} if "resize" in settings else {}
    assert equal(sample, blob_transform(PLAIN | resize)(arrays, 0))
    if not resize:
        np.testing.assert_array_equal(sample["label"][0], arrays["label"])
        expected = arrays[TARGET].transpose(2, 0, 1) / np.float32(127.5) - 1
        np.testing.assert_allclose(sample[TARGET], expected, atol=1e-6)


def test_arrays_are_left_as_they_were():
    arrays, fresh = blobs(), blobs()
    blob_transform(GEOMETRIES["all"])(arrays, 0)
    for name, array in fresh.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


# --- colour -------------------------------------------------------------------------------


def test_colour_changes_the_target_alone():
    arrays = blobs()
    arrays[TARGET] = np.random.default_rng(0).integers(80, 170, (H, W, 3), np.uint8)
    plain = blob_transform(PLAIN)(arrays, 0)
    changed = set()
    for seed in SEEDS:
        sample = blob_transform(PLAIN | {"colour": 0.5})(arrays, seed)
        for key in ("label", "instance", "sketch"):
            assert torch.equal(sample[key], plain[key])
        changed.add(sample[TARGET].numpy().tobytes())
        assert not torch.equal(sample[TARGET], plain[TARGET])
    assert len(changed) == len(SEEDS)


@pytest.mark.parametrize("channels", [1, 3, 4, 5])
@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("uint8", 0, 255), ("uint16", 0, 65535), ("uint16", 0, 4095), ("float32", -500, 3000)],
)
def test_colour_keeps_to_the_range_of_the_run(channels, dtype, low, high):
    """A 12-bit or float picture is neither blackened nor cut off by a change of a fifth."""
    rng = np.random.default_rng(0)
    middle = rng.uniform(0.45, 0.55, (H, W, channels)) * (high - low) + low
    arrays = {TARGET: middle.astype(dtype)}
    spec = ImageSpec(channels=channels, dtype=dtype, low=low, high=high)
    plain = make(PLAIN, target=spec)(arrays, 0)[TARGET]
    for seed in range(5):
        sample = make(PLAIN | {"colour": 0.2}, target=spec)(arrays, seed)[TARGET]
        assert sample.shape == plain.shape
        assert not torch.equal(sample, plain)
        assert (sample - plain).abs().max() < 0.7
        assert len(sample.unique()) > 15


# --- ids and names ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nothing", "all", "rotate", "resize down"])
@pytest.mark.parametrize(
    "values",
    [
        [0, 7, 32768, 33000, 65535, 2**24 - 1, 2**31 - 1, 2**31, 2**32 + 7, 2**40 + 1],
        [0, 7, -1, -(2**31), -(2**31) - 1, -(2**35), 255, 2**31 - 1, 3, 4],
    ],
)
def test_large_ids_survive(name, values):
    values = np.array(values)
    place = np.arange(10).repeat(7)[:W]
    codes = values[np.broadcast_to(place, (H, W))]
    small = np.broadcast_to(place, (H, W))
    second = Instance(name="small", part="small")
    transform = make(GEOMETRIES[name], INSTANCE, second, target=ImageSpec(channels=1))
    for seed in range(5):
        arrays = {"instance": codes, "small": small, TARGET: np.zeros((H, W, 1), np.uint8)}
        sample = transform(arrays, seed)
        assert sample["instance"].dtype == torch.int64
        np.testing.assert_array_equal(sample["instance"], values[sample["small"]])


def test_ids_of_16_bits_survive():
    ids = np.array([32768, 33000, 65535, -1, 255]).repeat(20)[:W]
    arrays = {"instance": np.tile(ids, (H, 1)), TARGET: np.zeros((H, W, 1), np.uint8)}
    for name in GEOMETRIES:
        transform = make(GEOMETRIES[name], INSTANCE, target=ImageSpec(channels=1))
        for seed in range(3):
            assert set(transform(arrays, seed)["instance"].unique().tolist()) <= set(ids.tolist())


@pytest.mark.parametrize(
    "name", ["nothing", "rotate", "rotate far", "jitter", "crop larger than the picture"]
)
def test_no_foreign_class(name):
    """No constant is filled in where the picture ends: 0 may be a class, or none at all."""
    arrays = {"label": np.full((H, W), 3, np.int64), TARGET: np.full((H, W, 1), 200, np.uint8)}
    transform = make(GEOMETRIES[name], LABEL, target=ImageSpec(channels=1))
    for seed in SEEDS:
        sample = transform(arrays, seed)
        assert sample["label"].unique().tolist() == [3]
        assert sample[TARGET].max() - sample[TARGET].min() < 1e-5  # cubic weights add up to 1


@pytest.mark.parametrize(
    "name", ["image", "mask", "masks", "bboxes", "keypoints", "volume", "labels"]
)
def test_an_input_may_have_any_name(name):
    for kind, image in (("image", ImageSpec(channels=1)), ("instances", None)):
        source = FIELDS[kind](name=name, part=name, **({} if image is None else {"image": image}))
        value = np.zeros((H, W), np.int64) if image is None else np.zeros((H, W, 1), np.uint8)
        sample = make({"crop": 16}, source, target=ImageSpec())(
            {name: value, TARGET: np.zeros((H, W, 3), np.uint8)}, 0
        )
        assert sample[name].shape == (1, 16, 16)


@pytest.mark.parametrize("channels", [1, 2, 4, 5, 7])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_any_number_of_channels(channels, dtype):
    high = 1.0 if dtype == "float32" else np.iinfo(dtype).max
    image = ImageSpec(channels=channels, dtype=dtype, high=high)
    source = Image(name="stack", part="stack", image=image)
    levels = (np.arange(channels) / channels * high).astype(dtype)
    array = np.broadcast_to(levels, (H, W, channels)).copy()
    for name in GEOMETRIES:
        settings = {**GEOMETRIES[name], "colour": 0}
        sample = make(settings, source, target=image)({"stack": array, TARGET: array}, 4)
        for key in ("stack", TARGET):
            expected = torch.from_numpy(levels.astype(np.float32) / np.float32(high) * 2 - 1)
            error = (sample[key] - expected.view(-1, 1, 1)).abs().max()
            assert error < 0.02, (name, key)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 2)])
def test_tiny_pictures(size):
    settings = {"resize": (8, 8), "crop": (12, 12), "rotate": 20, "jitter": 0.5, "colour": 0.5}
    arrays = {"label": np.full(size, 2), TARGET: np.full((*size, 3), 9, np.uint8)}
    sample = make(settings, LABEL, target=ImageSpec())(arrays, 0)
    assert sample["label"].unique().tolist() == [2]
    assert sample[TARGET].shape == (3, 12, 12)


@pytest.mark.parametrize("size", [(H, W), (96, 128), (24, 32)])
def test_held_out_targets_keep_values_beyond_the_range(size):
    """Scores are of true values; a network learns from those of its range. Nothing overshoots."""
    step = np.zeros((H, W, 1), np.float32)
    step[:, W // 2 :] = 15.0  # three times the range 0..5: -1 + 2 * 3
    target = ImageSpec(channels=1, dtype="float32", low=0, high=5)
    held_out = make(PLAIN | {"resize": size}, target=target, train=False)({TARGET: step}, 0)[TARGET]
    assert (held_out.min(), held_out.max()) == (-1, 5)
    trained = make(PLAIN | {"resize": size}, target=target)({TARGET: step}, 0)[TARGET]
    assert (trained.min(), trained.max()) == (-1, 1)
