"""What the ids in label maps mean, and label maps that are none."""

import numpy as np
import pytest
from data_sets import LABELLED, describe, ids, photo, put, refusal, warnings

from img2img.data.spec import DataSpec
from img2img.fields.palettes import BUILT_IN


def label_spec(path, **settings):
    return describe(path, **settings).spec.labels


def test_classes_are_the_highest_id_and_one(tmp_path):
    """Also of ids that the validation pairs alone hold."""
    root = put(tmp_path, {"images": photo, "labels": lambda n: ids(0, 2, 4 + n)})
    data = describe(root, val_fraction=0.4)
    source = data.spec.labels
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
    source = data.spec.labels
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
    assert data.spec.labels.classes == (3 if settings else 256)


def mask(tmp_path, *values):
    return put(tmp_path, {"images": photo, "labels": ids(*values)})


def test_a_mask_of_0_and_255_is_told_to_renumber(tmp_path):
    """Not to ignore 255: that would leave one class."""
    [warning] = warnings(describe(mask(tmp_path, 0, 255)))
    assert "only 0 and 255 occur" in warning and "data.remap=true" in warning
    assert "data.ignore_id" not in warning


def test_a_renumbered_mask_is_told_nothing(tmp_path):
    data = describe(mask(tmp_path, 0, 255), remap=True)
    assert warnings(data) == []
    assert data.spec.labels.classes == 2


def test_renumbered_ids_are_not_told_to_renumber(tmp_path):
    [warning] = warnings(describe(mask(tmp_path, 0, 5, 255), remap=True))
    assert "data.ignore_id=255" in warning and "data.remap" not in warning


@pytest.mark.parametrize("remap", [False, True])
def test_one_class_beside_the_ignored_id(tmp_path, remap):
    [warning] = warnings(describe(mask(tmp_path, 0, 255), ignore_id=255, remap=remap))
    assert "without id 255 (data.ignore_id) one class is left, id 0" in warning
    assert "data.remap=true" in warning


def test_one_id_alone(tmp_path):
    [warning] = warnings(describe(mask(tmp_path, 3)))
    assert "every pixel of every label map has the id 3" in warning
    assert "labels/0.png" in warning


def test_renumbered_ids(tmp_path):
    root = put(tmp_path, {"images": photo, "labels": ids(7, 40, 3000, dtype=np.uint16)})
    data = describe(root, remap=True)
    source = data.spec.labels
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
    source = data.spec.labels
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
    assert "names 4 classes, but there are 3 ids up to 4" in message


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
    source = data.spec.labels
    assert (source.classes, len(source.class_names), len(source.colours)) == (11, 11, 11)
    np.testing.assert_array_equal(data.train.read(0)["label"], ids(*values))


def test_colour_coded_labels_renumbered(tmp_path):
    root = put(tmp_path, {"images": photo, "labels": coded("camvid", 3, 8, 11)})
    data = describe(root, palette="camvid", remap=True, ignore_id=11)
    source = data.spec.labels
    assert source.class_names == ("road", "car")
    assert source.colours == ((128, 64, 128), (64, 0, 128))
    np.testing.assert_array_equal(data.train.read(0)["label"], ids(0, 1, source.ignore_id))


def test_colour_coded_labels_and_more_classes_than_colours(tmp_path):
    root = put(tmp_path, {"images": photo, "labels": coded("camvid", 3, 8)})
    data = describe(root, palette="camvid", num_classes=20)
    assert data.spec.labels.colours == ()
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
    assert "3 lossy label files" in warning
    assert "labels/0.jpg" in warning
    assert "JPEG changes ids near edges" in warning  # why
    assert "PNG" in warning and "data.palette" in warning  # what to do


def test_colour_labels_without_a_palette(tmp_path):
    message = refusal(put(tmp_path, {"images": photo, "labels": photo}))
    for part in ("labels/0.png", "colour picture", "data.palette", "kind: image"):
        assert part in message


def test_labels_of_floats(tmp_path):
    root = put(tmp_path, {"images": photo, "labels.npy": ids(0, 1).astype(np.float32)})
    assert [f.classes for f in describe(root).spec.inputs] == [2]  # whole numbers are ids
    soft = put(tmp_path / "soft", {"images": photo, "labels.npy": ids(0, 1).astype(np.float32) / 2})
    assert "float32 values such as 0.5 are no ids" in refusal(soft)


def test_an_unknown_palette(tmp_path):
    assert "did you mean 'facades'?" in refusal(put(tmp_path, LABELLED), palette="facade")


def test_ids_below_zero_may_be_renumbered(tmp_path):
    put(tmp_path, {"images": photo, "labels.npy": ids(-1, 0, 3, dtype=np.int64)})
    source = describe(tmp_path, remap=True).spec.labels
    assert source.remap == {-1: 0, 0: 1, 3: 2}
    assert source.class_names == ("class--1", "class-0", "class-3")
    assert source.model_copy(update={"palette": ((0, 0, 0),) * 4}).colours == ()


def test_names_beside_the_pairs(tmp_path):
    """`classes.txt` names the classes, where it has a name for every id that occurs."""
    root = put(tmp_path, LABELLED)
    plain = label_spec(root)
    names = [f"thing {i}" for i in range(plain.classes + 1)]  # one more than occurs
    (root / "classes.txt").write_text("\n".join(names) + "\n")
    data = describe(root)
    assert data.spec.labels.class_names == tuple(names)
    assert any(f"class names from {root / 'classes.txt'}" in line for line in data.remarks)
    (root / "own.txt").write_text("\n".join(n.upper() for n in names))
    assert label_spec(root, classes=str(root / "own.txt")).class_names[0] == "THING 0"
    assert label_spec(root, num_classes=9).class_names == tuple(f"class-{i}" for i in range(9))
    for misfit in ("one\n", "", "a\na\nb\nc\nd\ne\n"):
        (root / "classes.txt").write_text(misfit)
        assert label_spec(root) == plain
