"""From a folder to a `DataSpec`: inputs, target, sizes, types."""

import csv

import numpy as np
import pytest
from data_sets import LABELLED, H, W, describe, ids, inputs, photo, put, refusal, save, warnings
from PIL import Image

from img2img.data.describe import describe_data
from img2img.data.scenes import CLASSES
from img2img.fields.image import ImageSpec
from img2img.fields.palettes import BUILT_IN
from img2img.keys import TARGET
from img2img.schema import DataConfig

# --- layouts ------------------------------------------------------------------------------


def test_labels_instances_and_photos(tmp_path):
    root = put(tmp_path, {"train_img": photo, "train_label": ids(0, 26), "train_inst": ids(26, 7)})
    data = describe(root, val_fraction=0.34)
    assert inputs(data) == [("label", "labels", "label"), ("instance", "instances", "instance")]
    assert data.spec.layout == "label/inst/img"
    assert data.spec.target_part == "image"
    assert data.spec.target == ImageSpec(channels=3, dtype="uint8", low=0, high=255)
    assert data.spec.labels.classes == 27
    assert data.spec.size == (H, W)
    assert (len(data.train), len(data.val)) == (2, 1)
    assert "found 3, used 3 (2 train, 1 val" in data.remarks[0]
    assert warnings(data) == []
    arrays = data.val.read(0)
    np.testing.assert_array_equal(arrays["instance"], ids(26, 7))
    np.testing.assert_array_equal(arrays[TARGET], photo(2))


def test_labels_and_photos_alone(tmp_path):
    data = describe(put(tmp_path, LABELLED))
    assert inputs(data) == [("label", "labels", "label")]
    assert data.spec.ignore is None


@pytest.mark.parametrize(
    ("direction", "source", "target"), [("AtoB", "A", "B"), ("BtoA", "B", "A")]
)
def test_pairs_of_pictures_in_both_directions(tmp_path, direction, source, target):
    root = put(tmp_path, {"A": photo, "B": lambda n: photo(n + 10)})
    data = describe(root, direction=direction)
    assert inputs(data) == [(source, "image", source)]
    assert data.spec.target_part == target
    arrays = data.train.read(1)
    by_part = {"A": photo(1), "B": photo(11)}
    np.testing.assert_array_equal(arrays[source], by_part[source])
    np.testing.assert_array_equal(arrays[TARGET], by_part[target])


@pytest.mark.parametrize("target", ["A", "B"])
def test_the_target_decides_the_direction(tmp_path, target):
    data = describe(put(tmp_path, {"A": photo, "B": photo}), target=target)
    assert data.spec.target_part == target
    assert [source.part for source in data.spec.inputs] == ["B" if target == "A" else "A"]


@pytest.mark.parametrize(
    "setting", [{"num_classes": 5}, {"ignore_id": 0}, {"ignore_id": -1}, {"remap": True}]
)
def test_settings_about_classes_make_one_side_labels(tmp_path, setting):
    root = put(tmp_path, {"A": ids(0, 1, 3), "B": photo})
    assert inputs(describe(root, **setting)) == [("A", "labels", "A")]


def facade(number):
    """A photo beside labels in the colours of CMP Facades."""
    label = np.random.default_rng(number).integers(0, 12, (4, 4)).repeat(8, 0).repeat(8, 1)
    colours = np.array(BUILT_IN["facades"].colours, np.uint8)[label]
    return label, np.concatenate([photo(number, (32, 32, 3)), colours], 1)


def test_side_by_side_with_colour_coded_labels(tmp_path):
    put(tmp_path, {"train.jpg": lambda n: facade(n)[1], "val.jpg": lambda n: facade(n + 50)[1]})
    data = describe(tmp_path, palette="facades", direction="BtoA")
    assert inputs(data) == [("B", "labels", "B")]
    source = data.spec.inputs[0]
    assert (source.classes, source.class_names[2]) == (12, "window")
    assert source.palette == source.colours == BUILT_IN["facades"].colours
    assert data.spec.size == (32, 32)
    assert warnings(data) == []  # the nearest colour undoes what JPEG does to colours
    arrays = data.val.read(1)
    label = facade(51)[0]
    inner = np.zeros((8, 8), bool)
    inner[2:6, 2:6] = True  # JPEG mixes colours where they meet
    inner = np.tile(inner, (4, 4))
    assert (arrays["B"] == label)[inner].mean() > 0.97
    assert arrays[TARGET].shape == (32, 32, 3)


def test_side_by_side_looks_at_its_own_half(tmp_path):
    """Ids 0 and 3 on the left; the photo on the right has higher values, and is 12-bit."""
    left = np.resize(np.array([0, 3], np.uint16), (H, W))
    right = photo(0, (H, W), np.uint16) // 16 + 10
    root = put(tmp_path, {"train": np.concatenate([left, right], 1)})
    spec = describe(root, layout="side-by-side", remap=True, range="auto").spec
    assert spec.inputs[0].remap == {0: 0, 3: 1}
    assert (spec.target.low, spec.target.high) == (right.min(), right.max())
    assert describe(root, layout="side-by-side", num_classes=4).spec.inputs[0].classes == 4


def test_csv(tmp_path):
    put(tmp_path, {"a": photo, "b": ids(1, 3), "c": ids(9)})
    with open(tmp_path / "pairs.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "label", "instance", "split"])
        for n in range(3):
            split = "val" if n == 1 else "train"
            rows.writerow([f"a/{n}.png", f"b/{n}.png", f"c/{n}.png", split])
    data = describe(tmp_path / "pairs.csv")
    assert inputs(data) == [("label", "labels", "label"), ("instance", "instances", "instance")]
    assert (len(data.train), len(data.val), data.spec.layout) == (2, 1, "csv")
    np.testing.assert_array_equal(data.val.read(0)[TARGET], photo(1))


def test_csv_with_columns_of_its_own(tmp_path):
    put(tmp_path, {"a": photo, "b": photo, "c": ids(1, 2)})
    lines = ["before,after,mask"] + [f"a/{n}.png,b/{n}.png,c/{n}.png" for n in range(3)]
    (tmp_path / "pairs.csv").write_text("\n".join(lines))
    sources = (
        {"name": "before", "kind": "image"},
        {"name": "areas", "kind": "labels", "folder": "mask"},
    )
    data = describe(tmp_path / "pairs.csv", inputs=sources, target="after")
    assert inputs(data) == [("before", "image", "before"), ("areas", "labels", "mask")]
    assert data.spec.target_part == "after"


def test_inputs_as_listed(tmp_path):
    """Labels, instances and a picture of five channels, split folders, 16-bit target."""
    stack = photo(0, (H, W, 5), np.uint16)
    for split in ("train", "val"):
        put(
            tmp_path,
            {
                f"{split}_label": ids(0, 3),
                f"{split}_inst": ids(33000, 65535, dtype=np.uint16),
                f"{split}_bands.tif": stack,
                f"{split}_img": photo(1, (H, W, 1), np.uint16),
            },
            count=2,
        )
    sources = (
        {"name": "label", "kind": "labels"},
        {"name": "things", "kind": "instances", "folder": "instance"},
        {"name": "image", "kind": "image", "folder": "{split}_bands"},
    )
    data = describe(tmp_path, inputs=sources, target="image")
    assert inputs(data) == [
        ("label", "labels", "label"),
        ("things", "instances", "instance"),
        ("image", "image", "{split}_bands"),
    ]
    assert data.spec.inputs[2].image == ImageSpec(channels=5, dtype="uint16", low=0, high=65535)
    assert data.spec.target == ImageSpec(channels=1, dtype="uint16", low=0, high=65535)
    arrays = data.val.read(0)
    np.testing.assert_array_equal(arrays["image"], stack)
    np.testing.assert_array_equal(arrays["things"], ids(33000, 65535, dtype=np.uint16))


def test_a_photo_to_its_labels(tmp_path):
    data = describe(
        put(tmp_path, LABELLED), inputs=({"name": "image", "kind": "image"},), target="label"
    )
    assert inputs(data) == [("image", "image", "image")]
    assert data.spec.target == ImageSpec(channels=1)


def test_without_a_target_it_is_what_is_left(tmp_path):
    root = put(tmp_path, {"A": photo, "B": ids(1, 2)})
    data = describe(root, inputs=({"name": "map", "kind": "labels", "folder": "B"},))
    assert (inputs(data), data.spec.target_part) == ([("map", "labels", "B")], "A")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"inputs": ({"name": "depth", "kind": "image"},)}, ["data.target", "give both"]),
        ({"target": "elsewhere"}, ["data.inputs", "give both"]),
        (
            {"inputs": ({"name": "depth", "kind": "image"},), "target": "image"},
            ["there is no folder depth/"],
        ),
        ({"inputs": ({"name": "A", "kind": "image"},)}, ["data.inputs", "'A'", "label, image"]),
        ({"target": "B"}, ["data.target", "'B'", "label, image"]),
        ({"target": "label"}, ["'label' is both an input and the target"]),
        ({"inputs": ({"name": "label", "kind": "labels"},) * 2}, ["two inputs", "'label'"]),
        (
            {
                "inputs": (
                    {"name": "label", "kind": "labels"},
                    {"name": "image", "kind": "image"},
                )
            },
            ["every part", "data.target"],
        ),
        ({"layout": "A/C"}, ["unknown layout 'A/C'", "A/B"]),
    ],
)
def test_inputs_and_targets_that_do_not_fit(tmp_path, settings, said):
    message = refusal(put(tmp_path, LABELLED), **settings)
    assert all(part in message for part in said), message


# --- what the log says of inputs, target and direction -----------------------------------


def roles(data):
    """The remark on inputs and target."""
    [line] = [remark for remark in data.remarks if remark.startswith("input ")]
    return line


def test_the_log_names_folders(tmp_path):
    root = put(tmp_path, {"Train_img": photo, "Train_label": ids(0, 26), "Train_inst": ids(26, 7)})
    assert roles(describe(root)) == (
        "input label (labels) from Train_label/, instance (instances) from Train_inst/ "
        "-> target image from Train_img/"
    )


def test_the_log_names_suffixes(tmp_path):
    for number in range(3):
        save(tmp_path / f"images/{number}_photo.png", photo(number))
        save(tmp_path / f"labels/{number}_mask.png", ids(0, 1))
    line = roles(describe(tmp_path))
    assert line == "input label (labels) from labels/*_mask -> target image from images/*_photo"


@pytest.mark.parametrize(
    ("direction", "said"),
    [
        ("AtoB", "input A (image) from A/ -> target B from B/ (data.direction=AtoB; BtoA"),
        ("BtoA", "input B (image) from B/ -> target A from A/ (data.direction=BtoA; AtoB"),
    ],
)
def test_the_log_names_the_direction(tmp_path, direction, said):
    data = describe(put(tmp_path, {"A": photo, "B": photo}), direction=direction)
    assert roles(data).startswith(said)
    assert warnings(data) == []


@pytest.mark.parametrize(("folder", "shown"), [("train", "train/"), (".", "pairs/")])
def test_the_log_names_halves(tmp_path, folder, shown):
    data = describe(put(tmp_path / "pairs", {folder: photo}), direction="BtoA")
    assert roles(data).startswith(
        f"input B (image) from the right halves in {shown} -> target A from the left halves in "
    )


def test_the_log_names_columns(tmp_path):
    put(tmp_path, {"a": photo, "b": ids(1, 3)})
    lines = ["photo,mask"] + [f"a/{n}.png,b/{n}.png" for n in range(3)]
    (tmp_path / "pairs.csv").write_text("\n".join(lines))
    line = roles(describe(tmp_path / "pairs.csv"))
    assert line == "input label (labels) from column 'mask' -> target image from column 'photo'"


def test_a_direction_without_effect_is_named(tmp_path):
    [warning] = warnings(describe(put(tmp_path, LABELLED), direction="BtoA"))
    assert "data.direction=BtoA has no effect" in warning
    assert "data.target=label" in warning  # what to do instead


def test_a_direction_that_is_overruled_is_named(tmp_path):
    root = put(tmp_path, {"A": photo, "B": photo})
    [warning] = warnings(describe(root, target="B", direction="BtoA"))
    assert "data.direction=BtoA has no effect: data.inputs and data.target" in warning
    assert warnings(describe(root, target="A", direction="BtoA")) == []


# --- sizes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "size", "resize"),
    [
        ({}, (H, W), None),
        ({"resize": (32, 48)}, (32, 48), (32, 48)),
        ({"resize_width": 32}, (24, 32), (None, 32)),
        ({"crop": 4}, (4, 4), None),
        ({"resize_width": 32, "crop": (8, 16)}, (8, 16), (None, 32)),
        ({"resize": 32, "jitter": 0.1}, (32, 32), (32, 32)),
    ],
)
def test_the_size_of_training_pictures(tmp_path, settings, size, resize):
    spec = describe(put(tmp_path, LABELLED), **settings).spec
    assert (spec.size, spec.resize) == (size, resize)
    built_in = describe_data(DataConfig(scene_size=(H * 8, W * 8), **settings)).spec
    assert built_in.resize == resize
    assert built_in.size == ((H * 8, W * 8) if size == (H, W) else size)


def test_pictures_of_many_sizes(tmp_path):
    sizes = [(6, 8), (8, 6), (12, 16)]

    def picture(number):
        return photo(number, (*sizes[number], 3))

    root = put(tmp_path, {"A": picture, "B": picture})
    assert describe(root).spec.size is None
    assert describe(root, resize_width=8).spec.size is None
    assert describe(root, resize=(8, 8)).spec.size == (8, 8)
    assert describe(root, crop=4).spec.size == (4, 4)


def test_pairs_of_different_size_are_named(tmp_path):
    root = put(tmp_path, LABELLED, count=12)
    for number in (3, 5):
        save(root / f"labels/{number}.png", np.zeros((H, W + 2), np.uint8))
    message = refusal(root)
    assert message.startswith("pictures of different size in 2 pairs:\n")
    for line in ("3: label 10x6, image 8x6", "5: label 10x6, image 8x6"):
        assert line in message
    for number in range(12):
        save(root / f"labels/{number}.png", np.zeros((H, W + 2), np.uint8))
    assert "and 7 more" in refusal(root)


def test_a_photo_that_its_orientation_turns(tmp_path):
    """Stored as 6x8, shown as 8x6: its label map is as it is shown."""
    root = put(tmp_path, {"labels": np.zeros((W, H), np.uint8)}, count=1)
    exif = Image.Exif()
    exif[0x0112] = 6
    (root / "images").mkdir()
    Image.fromarray(photo()).save(root / "images/0.jpg", exif=exif)
    assert describe(root).spec.size == (W, H)


def test_resizing_that_changes_the_aspect_ratio_is_named(tmp_path):
    root = put(tmp_path, LABELLED)
    [warning] = warnings(describe(root, resize=64))
    assert "data.resize=[64,64] (height, width) changes the aspect ratio of 3 of 3" in warning
    assert "of 8x6 (width x height) by a factor of 1.33" in warning
    assert "data.resize_width=64" in warning and "data.resize=[48,64]" in warning
    for keeps in ({"resize": (48, 64)}, {"resize": (97, 128)}, {"resize_width": 64}, {}):
        assert warnings(describe(root, **keeps)) == []


def test_resizing_the_built_in_scenes_to_a_square_is_named():
    [warning] = warnings(describe_data(DataConfig(resize=64, scenes=5, val_scenes=1)))
    assert "of 6 of 6 pairs, for example of 256x128" in warning


# --- images -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "dtype", "suffix"),
    [
        (1, np.uint8, ".png"),
        (3, np.uint8, ".png"),
        (4, np.uint8, ".png"),
        (1, np.uint16, ".png"),
        (3, np.uint16, ".tif"),
        (2, np.uint16, ".npy"),
        (7, np.uint8, ".tif"),
    ],
)
def test_channels_and_types(tmp_path, channels, dtype, suffix):
    root = put(tmp_path, {f"A{suffix}": lambda n: photo(n, (H, W, channels), dtype), "B": photo})
    data = describe(root)
    high = np.iinfo(dtype).max
    assert data.spec.inputs[0].image == ImageSpec(
        channels=channels, dtype=np.dtype(dtype).name, low=0, high=high
    )
    np.testing.assert_array_equal(data.train.read(0)["A"], photo(0, (H, W, channels), dtype))


def test_integers_that_are_no_pictures(tmp_path):
    root = put(tmp_path, {"A": photo, "B.npy": np.zeros((H, W, 3), np.int64)})
    message = refusal(root)
    assert "0.npy: int64 is no type for pictures" in message


def test_the_range_as_found_in_the_training_pictures(tmp_path):
    """12 bits in 16; the validation picture, brighter, does not count."""
    values = [(100, 3000), (50, 4095), (0, 60000)]
    root = put(tmp_path, {"A": photo, "B": lambda n: ids(*values[n], dtype=np.uint16)})
    plain = describe(root, val_fraction=0.34).spec.target
    assert (plain.low, plain.high) == (0, 65535)
    found = describe(root, val_fraction=0.34, range="auto").spec
    assert (found.target.low, found.target.high) == (50, 4095)
    assert (found.inputs[0].image.low, found.inputs[0].image.high) == (0, 255)


def test_floats_have_the_range_that_is_found(tmp_path):
    values = ids(-200, 1, 900, dtype=np.int16).astype(np.float32)
    root = put(tmp_path, {"A": photo, "B.tif": values})
    assert describe(root).spec.target == ImageSpec(channels=1, dtype="float32", low=-200, high=900)


def test_a_range_of_nothing(tmp_path):
    root = put(tmp_path, {"A": photo, "B": ids(7)})
    message = refusal(root, range="auto")
    assert "the one value 7.0" in message and "B/0.png" in message


def test_values_that_are_no_numbers(tmp_path):
    good = np.ones((H, W), np.float32)
    bad = good.copy()
    bad[2, 3] = np.nan
    root = put(tmp_path, {"A": photo, "B.npy": lambda n: bad if n == 1 else good})
    message = refusal(root)
    assert "1.npy" in message and "not finite" in message


# --- built-in data ------------------------------------------------------------------------


def test_the_built_in_data():
    data = describe_data(DataConfig(scenes=7, val_scenes=3, scene_size=(32, 64)), seed=4)
    assert inputs(data) == [("label", "labels", "label"), ("instance", "instances", "instance")]
    source = data.spec.labels
    assert source.classes == len(CLASSES) == len(source.palette) == len(source.class_names)
    assert source.colours == source.palette == tuple(c.colour for c in CLASSES)
    assert (len(data.train), len(data.val)) == (7, 3)
    assert data.spec.size == (32, 64)
    assert data.remarks == ("built-in street scenes: 7 train, 3 val",)
    train, val = data.train.read(0), data.val.read(0)
    assert train[TARGET].shape == (32, 64, 3)
    assert (train[TARGET] != val[TARGET]).any()
    other = describe_data(DataConfig(scene_size=(32, 64)), seed=5).train.read(0)
    assert (train[TARGET] != other[TARGET]).any()


def test_settings_about_files_are_not_lost_in_silence():
    """`--config configs/facades.yaml` without `--data`."""
    [warning] = warnings(describe_data(DataConfig(palette="facades", direction="BtoA")))
    assert "data.direction, data.palette without effect" in warning
    assert "--data DIR" in warning


# --- where to look closer -----------------------------------------------------------------


def test_doubtful_data_are_referred_to_the_check(tmp_path):
    root = put(tmp_path / "my data", LABELLED)
    assert not any("check-data" in remark for remark in describe(root).remarks)
    (root / "images/1.png").unlink()
    remark = describe(root, ignore_id=4).remarks[-1]
    assert remark.endswith(f"img2img check-data '{root}' data.ignore_id=4")


def test_data_that_cannot_be_used_are_referred_to_the_check(tmp_path):
    root = put(tmp_path, LABELLED)
    (root / "images/1.png").write_bytes(b"")
    message = refusal(root)
    assert message.startswith(f"{root / 'images/1.png'}: the file is empty")
    assert message.endswith(f"img2img check-data {root}")


@pytest.mark.parametrize("top, warned", [(3, True), (30, True), (64, False)])
def test_8_bits_of_which_few_are_used(tmp_path, top, warned):
    """Class ids as a target, say: 0 to 3 are 1.2 % of 0 to 255."""
    root = put(tmp_path, {"A": photo, "B": lambda number: photo(number) % np.uint8(top + 1)})
    text = "\n".join(warnings(describe(root)))
    assert ("WARNING: B: all values lie between 0 and" in text) == warned
    assert ("data.range=auto" in text) == warned
    assert not warnings(describe(root, range="auto"))


def test_a_mask_is_no_picture_of_few_values(tmp_path):
    """Of 0 and 255, with smoothed edges of a few values between."""
    mask = np.zeros((H, W), np.uint8)
    mask[:, 4:], mask[0, 3] = 255, 120
    assert not warnings(describe(put(tmp_path, {"A": photo, "B": mask})))
    deep = mask.astype(np.uint16) * 257
    assert not warnings(describe(put(tmp_path / "deep", {"A": photo, "B": deep})))
