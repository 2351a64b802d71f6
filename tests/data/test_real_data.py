"""A few files of data sets that people use."""

import numpy as np
import pytest
from data_sets import describe, inputs, warnings

from img2img.fields.image import ImageSpec
from img2img.keys import TARGET


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
    source = data.spec.labels
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
    np.testing.assert_array_equal(arrays["instance"][coded_ids] // 1000, arrays["label"][coded_ids])
    found = describe(root).spec.labels.classes  # without a palette, what occurs
    assert found == arrays["label"].max() + 1 <= 34


@pytest.mark.shared_data
def test_coco_stuff(shared, tmp_path):
    root = borrow(shared, tmp_path, [f"coco_stuff/{f}" for f in TRIPLES], count=3) / "coco_stuff"
    data = describe(root, ignore_id=255, num_classes=182, crop=256)
    source = data.spec.labels
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
    source = data.spec.labels
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
    source = data.spec.labels
    assert (source.classes, source.remap) == (2, {0: 0, 255: 1})
    assert data.spec.target == ImageSpec(channels=1)
    assert set(np.unique(data.train.read(0)["label"]).tolist()) == {0, 1}
    assert warnings(data) == []  # nothing is left to set
    assert "0 and 255 occur" in warnings(describe(root))[0]
