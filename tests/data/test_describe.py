"""From a folder to a `DataSpec`, and every mistake in the data said before the first step."""

import csv
import os

import numpy as np
import pytest
import tifffile
from PIL import Image

from img2img.cli import main
from img2img.config import DataConfig
from img2img.data.describe import describe_data
from img2img.data.images import write_image
from img2img.data.palettes import BUILT_IN
from img2img.data.reading import TARGET
from img2img.data.scenes import CLASSES
from img2img.data.spec import DataSpec, ImageSpec
from img2img.errors import DataError

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


# --- layouts ------------------------------------------------------------------------------


def test_labels_instances_and_photos(tmp_path):
    root = put(tmp_path, {"train_img": photo, "train_label": ids(0, 26), "train_inst": ids(26, 7)})
    data = describe(root, val_fraction=0.34)
    assert inputs(data) == [("label", "labels", "label"), ("instance", "instances", "instance")]
    assert data.spec.layout == "label/inst/img"
    assert data.spec.target_part == "image"
    assert data.spec.target == ImageSpec(channels=3, dtype="uint8", low=0, high=255)
    assert data.spec.of_kind("labels").classes == 27
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


@pytest.mark.parametrize(("direction", "source", "target"), [("AtoB", "A", "B"), ("BtoA", "B", "A")])
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
    root = put(tmp_path, {"A": lambda n: photo(n, (*sizes[n], 3)), "B": lambda n: photo(n, (*sizes[n], 3))})
    assert describe(root).spec.size is None
    assert describe(root, resize_width=8).spec.size is None
    assert describe(root, resize=(8, 8)).spec.size == (8, 8)
    assert describe(root, crop=4).spec.size == (4, 4)


def test_pairs_of_different_size_are_named(tmp_path):
    root = put(tmp_path, LABELLED, count=12)
    for number in (3, 5):
        save(root / f"labels/{number}.png", np.zeros((H, W + 2), np.uint8))
    message = refusal(root)
    assert message.startswith("2 pairs have pictures of different size")
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


# --- classes ------------------------------------------------------------------------------


def label_spec(path, **settings):
    return describe(path, **settings).spec.of_kind("labels")


def test_classes_are_the_highest_id_and_one(tmp_path):
    """Also of ids that the validation pairs alone hold."""
    root = put(tmp_path, {"images": photo, "labels": lambda n: ids(0, 2, 4 + n)})
    data = describe(root, val_fraction=0.4)
    source = data.spec.of_kind("labels")
    assert (source.classes, source.remap, source.palette) == (7, None, ())
    assert source.class_names == tuple(f"class-{i}" for i in range(7))
    assert data.remarks[-1] == "label: 7 classes, 5 of them occur"


def test_more_classes_than_occur(tmp_path):
    source = label_spec(put(tmp_path, LABELLED), num_classes=35)
    assert (source.classes, source.class_names[26]) == (35, "class-26")


@pytest.mark.parametrize(
    ("values", "dtype", "ignore_id", "classes"),
    [
        ((0, 5, 255), np.uint8, 255, 6),
        ((0, 5, 65535), np.uint16, 65535, 6),
        ((-1, 0, 5), np.int16, -1, 6),
        ((0, 3, 5), np.uint8, 3, 6),
        ((0, 1, 2), np.uint8, 0, 3),
        ((0, 5), np.uint8, 200, 6),
    ],
)
def test_ignored_ids(tmp_path, values, dtype, ignore_id, classes):
    root = put(tmp_path, {"images": photo, "labels.tif": ids(*values, dtype=dtype)})
    data = describe(root, ignore_id=ignore_id)
    source = data.spec.of_kind("labels")
    assert (source.classes, source.ignore_id) == (classes, ignore_id)
    assert data.spec.ignore == ("label", ignore_id)
    assert warnings(data) == []
    np.testing.assert_array_equal(data.train.read(0)["label"], ids(*values, dtype=dtype))


@pytest.mark.parametrize("suspect", [255, 65535])
def test_a_suspicious_id_is_counted_but_not_in_silence(tmp_path, suspect):
    values = ids(0, 5, suspect, dtype=np.uint16)
    root = put(tmp_path, {"images": photo, "labels": values})
    settings = {"remap": True} if suspect == 65535 else {}
    data = describe(root, **settings)
    [warning] = warnings(data)
    assert f"id {suspect} is counted as a class" in warning
    assert f"data.ignore_id={suspect}" in warning
    assert data.spec.of_kind("labels").classes == (3 if settings else 256)


def test_renumbered_ids(tmp_path):
    root = put(tmp_path, {"images": photo, "labels": ids(7, 40, 3000, dtype=np.uint16)})
    data = describe(root, remap=True)
    source = data.spec.of_kind("labels")
    assert (source.classes, source.remap) == (3, {7: 0, 40: 1, 3000: 2})
    assert source.class_names == ("class-7", "class-40", "class-3000")
    np.testing.assert_array_equal(data.train.read(0)["label"], ids(0, 1, 2))


@pytest.mark.parametrize("ignore_id", [0, 1, 4, 255])
def test_an_ignored_id_among_renumbered_ones_is_no_class(tmp_path, ignore_id):
    """Its own number may be that of a class after the renumbering."""
    stored = ids(0, 1, 4, 9, 255)
    data = describe(
        put(tmp_path, {"images": photo, "labels": stored}), remap=True, ignore_id=ignore_id
    )
    source = data.spec.of_kind("labels")
    kept = [i for i in (0, 1, 4, 9, 255) if i != ignore_id]
    assert source.classes == 4
    assert source.ignore_id not in range(4)
    label = data.train.read(0)["label"]
    for new, old in enumerate(kept):
        np.testing.assert_array_equal(label == new, stored == old)
    np.testing.assert_array_equal(label == source.ignore_id, stored == ignore_id)
    assert DataSpec.model_validate_json(data.spec.model_dump_json()) == data.spec


def test_renumbering_takes_the_number_of_classes_seriously(tmp_path):
    root = put(tmp_path, LABELLED)
    source = label_spec(root, remap=True, num_classes=5)
    assert (source.classes, len(source.class_names)) == (5, 5)
    message = refusal(root, remap=True, num_classes=2)
    assert "data.num_classes=2, but 3 ids occur" in message
    assert "id 4:" in message


def names_file(tmp_path, *names):
    path = tmp_path / "names.txt"
    path.write_text("\n".join(names))
    return str(path)


def test_names_of_classes_from_a_file(tmp_path):
    root = put(tmp_path / "data", LABELLED)
    source = label_spec(root, classes=names_file(tmp_path, *"abcdefg"))
    assert (source.classes, source.class_names) == (7, tuple("abcdefg"))
    source = label_spec(root, classes=names_file(tmp_path, *"abcdefg"), num_classes=6)
    assert source.class_names == tuple("abcdef")
    source = label_spec(root, classes=names_file(tmp_path, *"ab"), num_classes=5)
    assert source.class_names == ("a", "b", "class-2", "class-3", "class-4")
    message = refusal(root, classes=names_file(tmp_path, *"abc"))
    assert all(part in message for part in ("0..2 (3 classes)", "id 4:", "labels/0.png"))


def test_names_of_renumbered_classes(tmp_path):
    root = put(tmp_path / "data", LABELLED)  # ids 0, 2, 4
    by_id = label_spec(root, remap=True, classes=names_file(tmp_path, *"abcde"))
    assert by_id.class_names == ("a", "c", "e")
    occurring = label_spec(root, remap=True, classes=names_file(tmp_path, *"xyz"))
    assert occurring.class_names == ("x", "y", "z")
    message = refusal(root, remap=True, classes=names_file(tmp_path, *"wxyz"))
    assert "names 4 classes, but 3 ids up to 4 occur" in message


def test_a_palette_names_and_counts_classes_of_plain_ids(tmp_path):
    source = label_spec(put(tmp_path, LABELLED), palette="cityscapes")
    assert (source.classes, source.class_names[26]) == (35, "car")
    assert source.colours[26] == (0, 0, 142)


def coded(name, *values):
    return np.array(BUILT_IN[name].colours, np.uint8)[ids(*values)]


def test_colour_coded_labels_with_an_ignored_colour(tmp_path):
    """A palette longer than the classes: void must not become the class of a near colour."""
    values = (0, 3, 11, 8)
    root = put(tmp_path, {"images": photo, "labels": coded("camvid", *values)})
    data = describe(root, palette="camvid", ignore_id=11, num_classes=11)
    source = data.spec.of_kind("labels")
    assert (source.classes, len(source.class_names), len(source.colours)) == (11, 11, 11)
    np.testing.assert_array_equal(data.train.read(0)["label"], ids(*values))


def test_colour_coded_labels_renumbered(tmp_path):
    root = put(tmp_path, {"images": photo, "labels": coded("camvid", 3, 8, 11)})
    data = describe(root, palette="camvid", remap=True, ignore_id=11)
    source = data.spec.of_kind("labels")
    assert source.class_names == ("road", "car")
    assert source.colours == ((128, 64, 128), (64, 0, 128))
    np.testing.assert_array_equal(data.train.read(0)["label"], ids(0, 1, source.ignore_id))


def test_colour_coded_labels_and_more_classes_than_colours(tmp_path):
    root = put(tmp_path, {"images": photo, "labels": coded("camvid", 3, 8)})
    data = describe(root, palette="camvid", num_classes=20)
    assert data.spec.of_kind("labels").colours == ()
    np.testing.assert_array_equal(data.train.read(0)["label"], ids(3, 8))


# --- labels that are none -----------------------------------------------------------------


def test_ids_outside(tmp_path):
    root = put(tmp_path, {"images": photo, "labels": lambda n: ids(0, 4, *([99, 77] * (n == 1)))})
    message = refusal(root, num_classes=5)
    for part in ("outside 0..4 (5 classes)", "id 77:", "id 99:", str(root / "labels/1.png")):
        assert part in message
    for setting in ("data.ignore_id", "data.num_classes", "data.remap=true"):
        assert setting in message
    assert "labels/0.png" not in message
    assert "id 77: 12 pixels" in message  # a quarter of one map of 6x8


def test_negative_ids(tmp_path):
    root = put(tmp_path, {"images": photo, "labels.tif": ids(-1, 0, 1, dtype=np.int16)})
    message = refusal(root)
    assert "outside 0 and up" in message
    assert "id -1: 48 pixels" in message  # a third of three maps of 6x8
    assert "data.ignore_id" in message


def test_many_ids_outside_are_not_all_listed(tmp_path):
    root = put(tmp_path, {"images": photo, "labels": ids(*range(20))})
    message = refusal(root, num_classes=5)
    assert "id 9:" in message and "id 10:" not in message
    assert "and 10 more ids" in message


def test_instance_maps_taken_for_labels(tmp_path):
    root = put(tmp_path, {"images": photo, "labels": ids(7, 26001, 26002, dtype=np.uint16)})
    message = refusal(root)
    for part in ("up to 26002", "labels/0.png", "instance map", "data.remap=true"):
        assert part in message


def test_nothing_but_the_ignored_id(tmp_path):
    root = put(tmp_path, {"images": photo, "labels": ids(255)})
    for settings in ({}, {"remap": True}, {"num_classes": 3}):
        message = refusal(root, ignore_id=255, **settings)
        assert "no class at all" in message and "255" in message


def test_jpeg_labels_without_a_palette(tmp_path):
    root = put(tmp_path, {"images": photo, "labels.jpg": ids(0, 200)})
    [warning] = warnings(describe(root))
    assert "3 label files are lossy" in warning
    assert "labels/0.jpg" in warning
    assert "JPEG changes ids near edges" in warning  # why
    assert "PNG" in warning and "data.palette" in warning  # what to do


def test_colour_labels_without_a_palette(tmp_path):
    message = refusal(put(tmp_path, {"images": photo, "labels": photo}))
    for part in ("labels/0.png", "colour picture", "data.palette", "kind: image"):
        assert part in message


def test_labels_of_floats(tmp_path):
    root = put(tmp_path, {"images": photo, "labels.npy": ids(0, 1).astype(np.float32)})
    assert "float32 values are no ids" in refusal(root)


def test_an_unknown_palette(tmp_path):
    assert "did you mean 'facades'?" in refusal(put(tmp_path, LABELLED), palette="facade")


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


def test_grey_and_alpha_among_colour_are_read_as_colour(tmp_path):
    channels = [3, 1, 4]
    root = put(tmp_path, {"A": photo, "B": lambda n: photo(n, (H, W, channels[n]))})
    data = describe(root, val_fraction=0)
    assert data.spec.target.channels == 3
    for number in range(3):
        assert data.train.read(number)[TARGET].shape == (H, W, 3)


def test_channels_that_do_not_go_together(tmp_path):
    root = put(tmp_path, {"A": photo, "B.tif": lambda n: photo(n, (H, W, 3 + 2 * (n == 1)))})
    message = refusal(root)
    for part in ("number of channels", "3 channels", "0.tif", "5 channels", "1.tif"):
        assert part in message


def test_a_mixture_of_bit_depths(tmp_path):
    root = put(tmp_path, {"A": photo, "B": lambda n: photo(n, dtype=(np.uint8, np.uint16)[n == 2])})
    message = refusal(root)
    for part in ("bit depth", "uint8", "B/0.png", "uint16", "B/2.png"):
        assert part in message
    assert "B/1.png" not in message


def test_integers_that_are_no_pictures(tmp_path):
    root = put(tmp_path, {"A": photo, "B.npy": np.zeros((H, W, 3), np.uint32)})
    message = refusal(root)
    assert "0.npy: uint32 is no type for pictures" in message


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
    root = put(tmp_path, {"A": photo, "B.tif": ids(-200, 1, 900, dtype=np.int16).astype(np.float32)})
    assert describe(root).spec.target == ImageSpec(channels=1, dtype="float32", low=-200, high=900)


def test_a_range_of_nothing(tmp_path):
    root = put(tmp_path, {"A": photo, "B": ids(7)})
    message = refusal(root, range="auto")
    assert "the one value 7.0" in message and "B/0.png" in message


def test_values_that_are_no_numbers(tmp_path):
    bad = np.ones((H, W), np.float32)
    bad[2, 3] = np.nan
    root = put(tmp_path, {"A": photo, "B.npy": lambda n: bad if n == 1 else np.ones((H, W), np.float32)})
    message = refusal(root)
    assert "1.npy" in message and "not finite" in message


# --- built-in data ------------------------------------------------------------------------


def test_the_built_in_data():
    data = describe_data(DataConfig(scenes=7, val_scenes=3, scene_size=(32, 64)), seed=4)
    assert inputs(data) == [("label", "labels", "label"), ("instance", "instances", "instance")]
    source = data.spec.of_kind("labels")
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


# --- the command line ---------------------------------------------------------------------


def broken(root, content):
    put(root, LABELLED)
    (root / "labels/1.png").write_bytes(content)
    return root


def truncated(root):
    put(root, {"images": photo, "labels": photo(0, (H, W, 1))})
    path = root / "labels/1.png"
    path.write_bytes(path.read_bytes()[:60])
    return root


def many_pages(root):
    put(root, {"images": photo, "labels.tif": ids(0, 1)})
    tifffile.imwrite(root / "labels/1.tif", np.zeros((3, H, W), np.uint8), photometric="minisblack")
    return root


def folder(root):
    root.mkdir()
    return root


BAD = {
    "an empty folder": (folder, [], ["empty"]),
    "no folder": (lambda root: root, [], ["no such folder"]),
    "a photo for a folder": (
        lambda root: put(root, LABELLED) / "images/0.png",
        [],
        ["neither a folder nor a .csv"],
    ),
    "no partner": (
        lambda root: put(root, {"images": photo, "labels/other": ids(1)}),
        [],
        ["no record is complete"],
    ),
    "zero bytes": (lambda root: broken(root, b""), [], ["labels/1.png", "0 bytes"]),
    "a truncated label map": (truncated, [], ["labels/1.png", "damaged or incomplete"]),
    "no picture": (lambda root: broken(root, b"hello"), [], ["labels/1.png", "not a picture"]),
    "many pages": (many_pages, [], ["labels/1.tif", "pages"]),
    "ids outside": (
        lambda root: put(root, LABELLED),
        ["data.num_classes=3"],
        ["id 4", "labels/0.png", "data.num_classes"],
    ),
    "different sizes": (
        lambda root: put(root, {"images": photo, "labels": np.zeros((3, 3), np.uint8)}),
        [],
        ["different size", "label 3x3, image 8x6"],
    ),
    "colours": (
        lambda root: put(root, {"images": photo, "labels": photo}),
        [],
        ["labels/0.png", "data.palette"],
    ),
    "an unknown layout": (
        lambda root: put(root, LABELLED),
        ["--layout", "images/label"],
        ["did you mean 'images/labels'?"],
    ),
    "instances for labels": (
        lambda root: put(root, {"images": photo, "labels": ids(26001, dtype=np.uint16)}),
        [],
        ["instance map"],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data_end_in_one_message(tmp_path, capsys, name):
    make, options, said = BAD[name]
    path = make(tmp_path / "data")
    run = tmp_path / "run"
    options = [*options, "training.device=cpu", "--run", str(run)]
    assert main(["train", "--model", "pix2pix", "--data", str(path), *options]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("error: ")
    assert err.count("error:") == 1
    assert "Traceback" not in err + out
    assert all(part in err for part in said), err
    assert not run.exists()


# --- real data ----------------------------------------------------------------------------


def borrow(shared, tmp_path, folders, count=2):
    """A folder with links to the first files of some folders of the shared data."""
    for source in folders:
        place = tmp_path / "data" / source
        place.mkdir(parents=True)
        for path in sorted((shared / "data" / source).iterdir())[:count]:
            (place / path.name).symlink_to(path)
    return tmp_path / "data"


TRIPLES = ("train_label", "train_inst", "train_img")


@pytest.mark.shared_data
def test_cityscapes(shared, tmp_path):
    root = borrow(shared, tmp_path, [f"cityscapes/{f}" for f in TRIPLES], count=1) / "cityscapes"
    data = describe(root, palette="cityscapes", resize_width=1024)
    assert inputs(data) == [("label", "labels", "label"), ("instance", "instances", "instance")]
    source = data.spec.of_kind("labels")
    assert (source.classes, source.class_names[33], source.ignore_id) == (35, "bicycle", None)
    assert data.spec.size == (512, 1024)
    assert [part.suffix for part in data.spec.parts] == [
        "_gtFine_labelIds",
        "_gtFine_instanceIds",
        "_leftImg8bit",
    ]
    arrays = data.train.read(0)
    assert {name: array.shape for name, array in arrays.items()} == {
        "label": (1024, 2048),
        "instance": (1024, 2048),
        TARGET: (1024, 2048, 3),
    }
    assert arrays["label"].max() <= 33
    codes = np.unique(arrays["instance"])
    assert codes.min() >= 0 and codes.max() >= 24000
    coded_ids = arrays["instance"] >= 1000  # class * 1000 + k
    np.testing.assert_array_equal(
        arrays["instance"][coded_ids] // 1000, arrays["label"][coded_ids]
    )
    found = describe(root).spec.of_kind("labels").classes  # without a palette, what occurs
    assert found == arrays["label"].max() + 1 <= 34


@pytest.mark.shared_data
def test_coco_stuff(shared, tmp_path):
    root = borrow(shared, tmp_path, [f"coco_stuff/{f}" for f in TRIPLES], count=3) / "coco_stuff"
    data = describe(root, ignore_id=255, num_classes=182, crop=256)
    source = data.spec.of_kind("labels")
    assert (source.classes, source.ignore_id, data.spec.size) == (182, 255, (256, 256))
    assert warnings(data) == []
    assert describe(root, ignore_id=255).spec.size is None
    seen = np.unique(np.concatenate([data.train.read(i)["label"].ravel() for i in range(2)]))
    assert set(seen.tolist()) <= {*range(182), 255}


@pytest.mark.shared_data
def test_camvid(shared, tmp_path):
    folders = ["camvid/train/images", "camvid/train/labels"]
    root = borrow(shared, tmp_path, folders, count=4) / "camvid/train"
    data = describe(root, palette="camvid", ignore_id=11, num_classes=11, resize=(192, 256))
    source = data.spec.of_kind("labels")
    assert (source.classes, source.class_names[-1], source.ignore_id) == (11, "bicyclist", 11)
    assert data.spec.size == (192, 256)
    assert data.train.read(0)["label"].max() <= 11


@pytest.mark.shared_data
def test_facades(shared, tmp_path):
    root = borrow(shared, tmp_path, ["facades/train", "facades/val"], count=3) / "facades"
    data = describe(root, palette="facades", direction="BtoA")
    assert inputs(data) == [("B", "labels", "B")]
    assert data.spec.inputs[0].classes == 12
    assert data.spec.size == (256, 256)
    assert (len(data.train), len(data.val), warnings(data)) == (3, 3, [])
    arrays = data.train.read(0)
    counts = np.bincount(arrays["B"].ravel(), minlength=12)
    assert counts[[0, 1, 2]].sum() > 0.5 * 256 * 256  # background, facade, window
    assert arrays[TARGET].std() > 20


@pytest.mark.shared_data
def test_membrane(shared, tmp_path):
    folders = [f"membrane/data/membrane/train/{kind}" for kind in ("image", "label")]
    root = borrow(shared, tmp_path, folders, count=3) / "membrane/data/membrane/train"
    data = describe(root, remap=True)
    source = data.spec.of_kind("labels")
    assert (source.classes, source.remap) == (2, {0: 0, 255: 1})
    assert data.spec.target == ImageSpec(channels=1)
    assert set(np.unique(data.train.read(0)["label"]).tolist()) == {0, 1}
    [warning] = warnings(data)
    assert "id 255" in warning
