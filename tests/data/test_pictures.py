"""Pictures without pairs: folders, class folders, idx files, CSVs of pixels, the built-in crops."""

import gzip
import struct

import numpy as np
import pytest
import torch
from data_sets import photo, save

from img2img.data.loader import EpochBatches, PairDataset, iterate, make_loader
from img2img.data.pictures.crops import CROPPED, SIDE, _crops_of, draw_crops
from img2img.data.pictures.describe import describe_pictures
from img2img.data.scenes import CLASSES, STYLES, Scene
from img2img.data.transforms import JointTransform
from img2img.errors import DataError
from img2img.schema import DataConfig

IMAGES = np.arange(4 * 5 * 5, dtype=np.uint8).reshape(4, 5, 5)
LABELS = [7, 3, 7, 3]


def write_idx(path, array):
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    content = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_csv(path, images=IMAGES, labels=LABELS, header=""):
    rows = [
        ",".join(map(str, [*image.ravel(), label]))
        for image, label in zip(images, labels, strict=True)
    ]
    content = (header + "\n".join(rows) + "\n").encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def describe(path, *, classes=False, **settings):
    return describe_pictures(DataConfig(path=str(path), **settings), classes=classes)


def refused(path, *, classes=False, **settings):
    with pytest.raises(DataError) as caught:
        describe(path, classes=classes, **settings)
    return str(caught.value)


def assert_digits(data):
    assert len(data.train) == 4 and len(data.val) == 0
    assert data.spec.class_names == ("3", "7") and data.spec.size == (5, 5)
    for index, number in enumerate([1, 0, 1, 0]):
        sample = data.train.read(index)
        assert np.array_equal(sample["target"], IMAGES[index][..., None])
        assert sample["class"] == number


@pytest.mark.parametrize("end", ["", ".gz"])
def test_idx_files_with_their_labels(tmp_path, end):
    write_idx(tmp_path / f"t10k-images-idx3-ubyte{end}", IMAGES[:2])
    write_idx(tmp_path / f"train-images-idx3-ubyte{end}", IMAGES)
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.array(LABELS))
    data = describe(tmp_path, classes=True)
    assert_digits(data)
    assert f"t10k-images-idx3-ubyte{end} left out: name the file itself" in " ".join(data.remarks)
    assert_digits(describe(tmp_path / f"train-images-idx3-ubyte{end}"))
    held_out = describe(tmp_path / f"t10k-images-idx3-ubyte{end}")
    assert len(held_out.train) == 2 and held_out.spec.class_names == ()


@pytest.mark.parametrize("name", ["digits.csv", "digits.csv.gz"])
def test_csv_of_pixels_with_the_class_last(tmp_path, name):
    write_csv(tmp_path / name)
    assert_digits(describe(tmp_path / name, classes=True))


def test_csv_with_a_header_that_names_the_label(tmp_path):
    rows = [
        ",".join(map(str, [label, *image.ravel()]))
        for image, label in zip(IMAGES, LABELS, strict=True)
    ]
    header = ",".join(["label", *(f"pixel{i}" for i in range(25))])
    (tmp_path / "train.csv").write_text("\n".join([header, *rows]))
    assert_digits(describe(tmp_path / "train.csv"))


def test_folder_is_walked_and_class_folders_are_classes(tmp_path):
    for name in ("cat/10", "cat/9", "dog/deep/1", "dog/2"):
        save(tmp_path / f"{name}.png", photo(len(name)))
    data = describe(tmp_path, classes=True)
    assert [data.train.name(i) for i in range(4)] == ["cat/9", "cat/10", "dog/2", "dog/deep/1"]
    assert data.spec.class_names == ("cat", "dog")
    assert [int(data.train.read(i)["class"]) for i in range(4)] == [0, 0, 1, 1]
    save(tmp_path / "loose.png", photo(5))
    data = describe(tmp_path)
    assert data.spec.class_names == () and "class" not in data.train.read(0)
    assert len(data.train) == 5


def test_batches_hold_targets_and_classes(tmp_path):
    write_csv(tmp_path / "digits.csv")
    config = DataConfig(path=str(tmp_path / "digits.csv"), flip=False)
    data = describe_pictures(config)
    dataset = PairDataset(data.train, JointTransform(config, data.spec, train=True))
    batches = list(iterate(make_loader(dataset, EpochBatches(4, 3, seed=0), workers=0)))
    assert [batch["class"].shape for batch in batches] == [(3,), (1,)]
    targets, classes = (torch.cat([b[key] for b in batches]) for key in ("target", "class"))
    assert classes.dtype == torch.int64 and targets.dtype == torch.float32
    order = [
        int(np.flatnonzero(np.isclose(t[0, 0, 0], IMAGES[:, 0, 0] / 127.5 - 1))[0])
        for t in targets.numpy()
    ]
    assert sorted(order) == [0, 1, 2, 3]
    assert classes.tolist() == [[1, 0, 1, 0][i] for i in order]


def test_mixed_modes_are_read_as_one_and_said(tmp_path):
    save(tmp_path / "a.png", photo(0))
    save(tmp_path / "b.png", photo(1, shape=(6, 8)))
    data = describe(tmp_path)
    assert data.spec.target.channels == 3
    assert data.train.read(1)["target"].shape == (6, 8, 3)
    assert any("differ in their channels" in remark for remark in data.remarks)


def test_mixed_sizes_need_a_common_one(tmp_path):
    save(tmp_path / "a.png", photo(0))
    save(tmp_path / "b.png", photo(1, shape=(9, 8, 3)))
    said = refused(tmp_path)
    [warning] = [r for r in describe(tmp_path, resize=4).remarks if "aspect" in r]
    assert "set data.resize_width=6 data.crop=4 instead" in warning  # 6x4.5 and 6x6.75: enough
    assert describe(tmp_path, resize_width=6, crop=4).spec.size == (4, 4)
    assert "1 of 8x6, 1 of 8x9), and must have one. In training data.resize=64" in said
    assert describe(tmp_path, resize=16).spec.size == (16, 16)


def test_what_cannot_be_used_is_refused(tmp_path):
    assert "no such folder or file" in refused(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "no pictures in it" in refused(tmp_path / "empty")
    save(tmp_path / "one" / "a.png", photo(0))
    assert "1 picture only" in refused(tmp_path / "one")
    write_idx(tmp_path / "none-images-idx3-ubyte", IMAGES[:0])
    assert "0 pictures only" in refused(tmp_path / "none-images-idx3-ubyte")
    for name in ("cat/1", "cat/2", "dog/1"):
        save(tmp_path / "classes" / f"{name}.png", photo(0))
    assert len(describe(tmp_path / "classes").train) == 3
    assert "one picture only in 1 class ('dog')" in refused(tmp_path / "classes", classes=True)
    assert "the pictures have no classes" in refused(tmp_path / "classes" / "cat", classes=True)
    write_csv(tmp_path / "alone.csv", labels=[1, 1, 1, 1])
    assert "all pictures are of the class '1'" in refused(tmp_path / "alone.csv", classes=True)
    save(tmp_path / "broken" / "a.png", photo(0))
    (tmp_path / "broken" / "b.png").write_bytes(b"no picture")
    assert "b.png" in refused(tmp_path / "broken")
    (tmp_path / "broken" / "c.png").write_bytes(b"nor this")
    assert refused(tmp_path / "broken").startswith("2 pictures that cannot be used:")


def test_folders_of_splits_are_no_classes(tmp_path):
    for folder in ("train/cat", "train/dog", "Test/cat", "Test/dog"):
        for number in "12":
            save(tmp_path / "both" / folder / f"{number}.png", photo(int(number)))
    said = refused(tmp_path / "both")
    assert f"--data {tmp_path / 'both' / 'Test'} or --data {tmp_path / 'both' / 'train'}" in said
    assert describe(tmp_path / "both" / "train", classes=True).spec.class_names == ("cat", "dog")
    for name in ("1", "2"):
        save(tmp_path / "one" / "train" / f"{name}.png", photo(int(name)))
        save(tmp_path / "other" / "train" / "cat" / f"{name}.png", photo(int(name)))
        for split in ("train", "val"):
            save(tmp_path / "flat" / split / f"{name}.png", photo(int(name)))
            save(tmp_path / "toys" / split / f"{name}.png", photo(int(name)))
        save(tmp_path / "toys" / "plane" / f"{name}.png", photo(int(name)))
    assert len(describe(tmp_path / "one").train) == 2
    assert "named as splits (train)" in refused(tmp_path / "other")
    assert "named as splits (train, val)" in refused(tmp_path / "flat")
    assert describe(tmp_path / "toys").spec.class_names == ("plane", "train", "val")


def test_csv_with_the_class_first(tmp_path):
    """As MNIST's often are; without a word, the class would be a pixel."""
    images = IMAGES.copy()
    images[:, -1, -1] = 0  # a border that is black in all pictures
    rows = [
        ",".join(map(str, [label, *image.ravel()]))
        for image, label in zip(images, LABELS, strict=True)
    ]
    path = tmp_path / "first.csv"
    path.write_text("\n".join(rows))
    said = refused(path)
    assert "the last column is 0 in all rows" in said and "of 2 values; put it last" in said
    for name in ("label", "Class"):
        path.write_text("\n".join([name + ",x" * 25, *rows]))
        data = describe(path)
        assert data.spec.class_names == ("3", "7")
        assert np.array_equal(data.train.read(1)["target"], images[1][..., None])
    # One class alone, and a first pixel that varies as pixels do.
    write_csv(path, labels=[5, 5, 5, 5])
    assert describe(path).spec.class_names == ("5",)


def test_pairs_with_label_maps_are_refused(tmp_path):
    for folder in ("train_label", "train_img"):
        for number in "12":
            save(tmp_path / "pairs" / folder / f"{number}.png", photo(int(number)))
    message = refused(tmp_path / "pairs")
    assert f"--data {tmp_path / 'pairs' / 'train_img'}" in message
    assert len(describe(tmp_path / "pairs" / "train_img").train) == 2
    for letter in "ab":
        for number in "12":
            save(tmp_path / "letters" / letter / f"{number}.png", photo(int(number)))
    assert describe(tmp_path / "letters", classes=True).spec.class_names == ("a", "b")


def test_damaged_files_of_arrays_are_refused(tmp_path):
    bad = tmp_path / "bad.csv"
    for content, words in (
        ("1,2,x,4,0\n", "no CSV of pixels"),
        ("1,2,3,4,0\n1,2,x ,4,0\n", "(line 2: 'x' is no whole number)"),
        ("1,2,3,4,0\n\n1,2\n", "(line 3 has 2 values, line 1 5)"),
        ("a,b,c,d,e\n1,2,3,4,0\n1,2\n", "(line 3 has 2 values, line 2 5)"),
        ("1,2,3,0\n", "3 values before the class are no square"),
        ("1,2,3,256,0\n", "grey values are 0 to 255"),
        ("a.png,b.png\n", "no CSV of pixels"),
        ("", "no CSV of pixels"),
    ):
        bad.write_text(content)
        assert words in refused(bad), content
    (tmp_path / "bad.csv.gz").write_bytes(b"not gzip")
    assert "cannot be read" in refused(tmp_path / "bad.csv.gz")
    images, labels = (tmp_path / f"train-{n}-ubyte" for n in ("images-idx3", "labels-idx1"))
    write_idx(images, IMAGES)
    write_idx(labels, np.array([1, 2]))
    assert "2 labels, but train-images-idx3-ubyte has 4" in refused(tmp_path)
    images.write_bytes(images.read_bytes()[:-1])
    assert "incomplete or damaged" in refused(tmp_path)
    images.write_bytes(b"GIF89a")
    assert "no idx file" in refused(tmp_path)


def test_settings_of_pairs_are_without_effect_and_said(tmp_path):
    write_csv(tmp_path / "digits.csv")
    data = describe(tmp_path / "digits.csv", direction="BtoA", ignore_id=3)
    assert any("data.direction, data.ignore_id without effect" in r for r in data.remarks)
    assert any("data.flip=false" in r for r in data.remarks)


def test_built_in_crops_have_class_and_style():
    config = DataConfig(scenes=60)
    data = describe_pictures(config, classes=True)
    again, other = draw_crops(60, seed=0), draw_crops(60, seed=1)
    assert data.spec.size == (SIDE, SIDE) and len(data.train) == 60
    assert set(data.spec.class_names) == set(CROPPED)
    for index, crop in enumerate(again):
        sample = data.train.read(index)
        assert np.array_equal(sample["target"], crop.image)
        assert data.spec.class_names[sample["class"]] == crop.kind
        assert crop.style in {style.name for style in STYLES[crop.kind]}
        assert data.train.name(index).startswith(f"{crop.kind}/{crop.style}")
        assert crop.image.std() > 3
    assert not np.array_equal(again[0].image, other[0].image)


def scene_of(things):
    """64 x 128, with things (class, top, left, height, width).

    Red is twice the column, green twice the row.
    """
    names = [each.name for each in CLASSES]
    label, instance = np.zeros((64, 128), np.uint8), np.zeros((64, 128), np.int32)
    styles = {0: 0}
    for number, (kind, top, left, height, width) in enumerate(things):
        place = np.s_[top : top + height, left : left + width]
        label[place] = names.index(kind)
        instance[place] = names.index(kind) * 1000 + number
        styles[names.index(kind) * 1000 + number] = 1
    rows, columns = np.indices((64, 128))
    image = np.stack([2 * columns, 2 * rows, rows], 2).astype(np.uint8)
    return Scene(label, instance, image, styles)


def test_crops_are_of_things_that_can_be_seen_whole():
    at_borders = [(0, 40, 14, 20), (30, 0, 20, 14), (50, 40, 14, 20), (30, 114, 20, 14)]
    assert not list(_crops_of(scene_of([("car", *place) for place in at_borders])))
    within = [(1, 40, 14, 20), (30, 1, 20, 14), (49, 40, 14, 20), (30, 113, 20, 14)]
    crops = list(_crops_of(scene_of([("car", *place) for place in within])))
    assert [(crop.kind, crop.style) for crop in crops] == [("car", STYLES["car"][1].name)] * 4
    assert len(list(_crops_of(scene_of([("car", 20, 20, 12, 12), ("pole", 20, 60, 20, 20)])))) == 1
    assert not list(_crops_of(scene_of([("car", 20, 20, 11, 30), ("car", 40, 60, 20, 11)])))


@pytest.mark.parametrize(
    "place, x, y, side",
    [
        ((20, 50, 14, 30), 47, 9, 36),  # a tenth of the longer side around it, in the middle
        ((15, 50, 30, 14), 39, 12, 36),
        ((25, 1, 14, 30), 0, 14, 36),  # moved inside at the borders
        ((48, 97, 14, 30), 92, 28, 36),
        ((20, 30, 14, 60), 28, 0, 64),  # no more than the scene is high
    ],
)
def test_crops_have_the_thing_in_the_middle(place, x, y, side):
    [crop] = _crops_of(scene_of([("sign", *place)]))
    columns, rows = crop.image[..., 0] / 2, crop.image[..., 1] / 2
    assert columns.mean() == pytest.approx(x + (side - 1) / 2, abs=0.3)
    assert rows.mean() == pytest.approx(y + (side - 1) / 2, abs=0.3)
    for spread in (np.ptp(columns), np.ptp(rows)):  # from the first to the last centre of a pixel
        assert spread == pytest.approx(side * (1 - 1 / SIDE), abs=1)
