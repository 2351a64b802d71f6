"""Mistakes in the data end a training at the command line: one message, exit code 2."""

import numpy as np
import pytest
import tifffile
from data_sets import LABELLED, H, W, ids, photo, put

from img2img.cli import main


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


def train_on_photos(tmp_path, damage, *options):
    """Trains on three photos after `damage` (a function of their bytes) is done to each."""
    size = (32, 32)
    root = put(
        tmp_path / "data",
        {"images": lambda n: photo(n, (*size, 3)), "labels": lambda n: photo(n, (*size, 1)) // 64},
    )
    for path in (root / "images").iterdir():
        path.write_bytes(damage(path.read_bytes()))
    small = ["training.device=cpu", "model.width=2", "model.d_width=2"]
    run = ["--run", str(tmp_path / "run"), "--data", str(root)]
    return main(["train", "--model", "pix2pix", *run, *small, *options])


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_photo_ends_the_training_in_one_message(tmp_path, capfd, workers):
    """Found only when it is read: its header and its end are whole."""

    def damage(content):
        return content[:1000] + bytes(500) + content[1500:]

    assert train_on_photos(tmp_path, damage, f"training.workers={workers}") == 2
    out, err = capfd.readouterr()
    last = err.strip().splitlines()[-1]
    assert last.startswith(f"error: {tmp_path / 'data/images'}")
    assert "damaged or incomplete" in last
    assert err.count("error:") == 1
    assert "Traceback" not in out + err


def test_truncated_photos_are_found_before_the_first_step(tmp_path, capsys):
    assert train_on_photos(tmp_path, lambda content: content[:1000]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("error: 3 pairs have files that cannot be used:")
    for number in range(3):
        assert f"images/{number}.png: the file is damaged or incomplete" in err
    assert err.count("error:") == 1 and "Traceback" not in out + err
    assert not (tmp_path / "run").exists()
