"""The check of a data set: every rule finds what it is for, and nothing in data that are right."""

import csv
import shlex

import numpy as np
import pytest
import tifffile
from folders import COUNT, H, W, put_pairs, save, scene
from PIL import Image

from img2img.cli import main


def levels(result):
    return [line.split(":")[0] for line in result.said.splitlines() if line[:1] in "pwr"]


def test_good_data_are_all_right(tmp_path, check):
    result = check(put_pairs(tmp_path / "data"))
    assert result.code == 0
    assert "All right: 7 pairs to train on, 1 to validate." in result.said
    assert set(levels(result)) == {"remark"}
    assert f"img2img train --model pix2pixHD --data {tmp_path}/data\n" in result.said
    assert result.page.count("data:image/") >= 4 * 6
    assert "All right" in result.page and "class-3" in result.page


def test_every_file_has_its_row_in_the_histogram(tmp_path, check):
    result = check(put_pairs(tmp_path / "data"))
    with open(result.out / "labels.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [f"labels/{n}.png" for n in range(COUNT)]
    label, _ = scene(3)
    assert int(rows[3]["2 class-2"]) == (label == 2).sum()
    assert int(rows[3]["pixels"]) == H * W


def test_missing_and_doubled_files_are_named(tmp_path, check):
    root = put_pairs(tmp_path / "data")
    (root / "images/2.png").unlink()
    save(root / "images/3.jpg", scene(3)[1])
    result = check(root)
    assert result.code == 0
    assert "warning: 1 name left out, because a file of the pair is missing" in result.said
    assert "  2: no image (looked in images/)" in result.said
    assert "warning: 1 file left out, because another file of the same name is used" in result.said


def test_all_damaged_files_are_counted_and_the_rest_is_checked(tmp_path, check):
    root = put_pairs(tmp_path / "data")
    (root / "images/1.png").write_bytes(b"")
    (root / "labels/2.png").write_bytes(b"no picture")
    path = root / "images/4.png"
    path.write_bytes(path.read_bytes()[:-40])
    middle = bytearray((root / "images/5.png").read_bytes())
    middle[3000:3400] = bytes(400)
    (root / "images/5.png").write_bytes(middle)
    save(root / "labels/6.png", scene(6)[0][:32])
    result = check(root)
    assert result.code == 2
    assert "3 pairs have files that cannot be used" in result.said
    assert "problem: 1 file damaged inside, behind a good header" in result.said
    assert "pictures of different size in 1 pair" in result.said
    assert "A training would stop: 3 problems" in result.said
    lines = (result.out / "files.txt").read_text().splitlines()
    faulty = [f"{root}/{name}.png" for name in ("images/1", "labels/2", "images/4", "images/5")]
    assert [line.split(": ")[0] for line in lines] == [*faulty[:3], "6", faulty[3]]
    assert "class-3" in result.page


def test_pairs_of_different_size(tmp_path, check):
    root = put_pairs(tmp_path / "data")
    save(root / "labels/1.png", scene(1)[0][:32])
    result = check(root)
    assert result.code == 2
    assert "1: label 96x32, image 96x64" in result.said


@pytest.mark.parametrize("shift", [(5, -4), (0, 3), (-8, 8), (3, 0)])
def test_photos_beside_their_labels(tmp_path, check, shift):
    result = check(put_pairs(tmp_path / "data", shift=shift))
    [line] = [line for line in result.said.splitlines() if "edges lie" in line]
    right, down = shift
    for pixels, words in ((right, ("right", "left")), (down, ("below", "above"))):
        assert (f"{abs(pixels)} px {words[pixels < 0]}" in line) == bool(pixels)
    assert line.startswith("warning") and result.code == 0


@pytest.mark.parametrize("shift", [(0, 0), (1, 1), (0, -1)])
def test_a_pixel_is_no_shift(tmp_path, check, shift):
    assert "edges lie" not in check(put_pairs(tmp_path / "data", shift=shift)).said


def test_pictures_of_other_labels_are_not_called_shifted(tmp_path, check):
    root = tmp_path / "data"
    for number in range(12):
        save(root / f"labels/{number}.png", scene(number)[0])
        save(root / f"images/{number}.png", scene(number + 50)[1])
    assert "edges lie" not in check(root).said


def test_shifted_pairs_of_pictures(tmp_path, check):
    for number in range(COUNT):
        save(tmp_path / f"data/A/{number}.png", scene(number)[1])
        save(tmp_path / f"data/B/{number}.png", 255 - scene(number, shift=(4, 0))[1])
    assert "4 px right of the input's" in check(tmp_path / "data").said


def test_dull_pictures(tmp_path, check):
    root = put_pairs(tmp_path / "data")
    save(root / "images/1.png", np.full((H, W, 3), 90, np.uint8))
    save(root / "images/2.png", scene(2)[1] // 40)
    result = check(root)
    assert "warning: 1 picture of one colour all over" in result.said
    assert "warning: 1 picture nearly black" in result.said
    assert result.code == 0


@pytest.mark.parametrize("quality", [40, 75, 95])
def test_labels_that_once_were_jpeg(tmp_path, check, quality):
    root = put_pairs(tmp_path / "data")
    for path in (root / "labels").iterdir():
        label = np.asarray(Image.open(path)) * np.uint8(40)
        Image.fromarray(label).save(tmp_path / "x.jpg", quality=quality)
        save(path, np.asarray(Image.open(tmp_path / "x.jpg")))
    result = check(root)
    assert "warning: only 4 values of the label maps cover areas" in result.said
    assert "data.label_coding=colours" in result.said


def test_jpeg_labels(tmp_path, check):
    root = put_pairs(tmp_path / "data")
    for path in list((root / "labels").iterdir()):
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()
    assert "8 lossy label files" in check(root).said


def test_turned_pictures_and_their_colours(tmp_path, check):
    root = put_pairs(tmp_path / "data", suffix=".jpg")
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.open(root / "images/0.jpg").save(root / "images/0.jpg", exif=exif)
    Image.open(root / "images/1.jpg").convert("CMYK").save(root / "images/1.jpg")
    result = check(root)
    assert "warning: 1 picture turned or mirrored by EXIF" in result.said
    assert "1 picture in CMYK" in result.said
    assert "turned by EXIF" in result.page and "CMYK" in result.page


def test_look_alikes_between_training_and_validation(tmp_path, check):
    root = tmp_path / "data"
    for number in range(COUNT):
        split = "val" if number > 5 else "train"
        label, photo = scene(number % 6)  # 6 and 7 are 0 and 1 once more
        noise = np.random.default_rng(number).integers(0, 4, photo.shape, np.uint8)
        save(root / f"{split}_label/{number}.png", label)
        save(root / f"{split}_img/{number}.jpg", photo // 2 + noise, quality=90)
    result = check(root)
    assert "warning: 2 of 2 validation pictures nearly the same" in result.said
    assert "6 (val) and 0 (train)" in result.said
    assert "Validation pictures that are nearly trained on" in result.page


# --- instances ----------------------------------------------------------------------------


def with_instances(root, make):
    for number in range(COUNT):
        label, photo = scene(number)
        save(root / f"train_label/{number}.png", label)
        save(root / f"train_inst/{number}.png", make(label))
        save(root / f"train_img/{number}.png", photo)
    return root


def halves(label):
    return label.astype(np.int64) * 1000 + (np.arange(W) > W // 2)


def colours(label):
    ids = halves(label) * 40
    return np.stack([ids & 255, ids >> 8 & 255, ids >> 16], -1).astype(np.uint8)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda label: halves(label).astype(np.uint16), ""),
        (lambda label: (halves(label) % 7).astype(np.uint8), ""),
        (colours, ""),
        (lambda label: label * 0, "every instance map has one single id"),
        (lambda label: label, "the instance maps equal the label maps"),
    ],
)
def test_instance_maps_that_tell_nothing_apart(tmp_path, check, make, said):
    """Whatever their numbers mean, maps that do are no occasion for a word."""
    found = check(with_instances(tmp_path / "data", make)).said
    assert (said or "All right") in found
    assert ("instance map" in found) == bool(said)


# --- settings -----------------------------------------------------------------------------


def settings(result):
    [line] = [line for line in result.said.splitlines() if line.startswith("  settings: ")]
    return shlex.split(line.removeprefix("  settings: "))


def test_the_settings_to_paste_are_those_that_the_data_want(tmp_path, check):
    root = put_pairs(tmp_path / "data with 'quotes' & spaces")
    for path in (root / "labels").iterdir():
        label = np.asarray(Image.open(path)).copy()
        label[:3] = 255
        save(path, label)
    result = check(root)
    words = settings(result)
    assert words[words.index("--data") + 1] == str(root)
    assert "data.ignore_id=255" in words
    again = check(root, "data.ignore_id=255")
    assert "All right" in again.said and "data.ignore_id=255" in settings(again)


def test_masks_are_to_be_renumbered(tmp_path, check):
    root = put_pairs(tmp_path / "data")
    for path in (root / "labels").iterdir():
        save(path, (np.asarray(Image.open(path)) > 1).astype(np.uint8) * 255)
    assert "data.remap=true" in settings(check(root))


def test_colours_without_a_palette_get_one(tmp_path, check):
    root = put_pairs(tmp_path / "data")
    own = np.array([(250, 0, 10), (3, 200, 7), (0, 0, 0), (120, 50, 200)], np.uint8)
    for path in (root / "labels").iterdir():
        save(path, own[np.asarray(Image.open(path))])
    result = check(root)
    assert result.code == 2 and "data.palette must say" in result.said
    [palette] = [word for word in settings(result) if word.startswith("data.palette=")]
    file = result.out / "palette.txt"
    assert palette == f"data.palette={file}"
    assert sorted(line[:9].split()[:1] for line in file.read_text().splitlines()[1:])
    assert check(root, palette).code == 0
    # One that has been edited is kept.
    file.write_text("0 0 0 mine\n")
    assert f"data.palette={result.out}/palette-2.txt" in settings(check(root))
    assert file.read_text() == "0 0 0 mine\n"


def test_labels_on_the_right_are_the_input(tmp_path, check):
    from img2img.fields.palettes import BUILT_IN

    own = np.array(BUILT_IN["facades"].colours, np.uint8)
    for number in range(COUNT):
        label, photo = scene(number)
        save(tmp_path / f"data/{number}.jpg", np.hstack([photo, own[label * 2]]), quality=90)
    words = settings(check(tmp_path / "data"))
    assert {"data.palette=facades", "data.direction=BtoA"} <= set(words)


def test_the_pasted_settings_train(tmp_path, check):
    root = put_pairs(tmp_path / "data")
    for path in (root / "labels").iterdir():
        save(path, (np.asarray(Image.open(path)) > 1).astype(np.uint8) * 255)
    words = settings(check(root))[1:]
    words[words.index("pix2pixHD")] = "pix2pix"
    small = ["training.device=cpu", "model.width=2", "model.d_width=2", "training.max_steps=1"]
    assert main([*words, *small, "--run", str(tmp_path / "run")]) == 0


# --- where and what -----------------------------------------------------------------------


def test_no_such_folder(tmp_path, capsys):
    assert main(["check-data", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 2
    assert "there is no such folder" in capsys.readouterr().err


def test_nothing_is_written_among_the_data_unasked(tmp_path, monkeypatch, capsys):
    root = put_pairs(tmp_path / "data")
    monkeypatch.chdir(root)
    assert main(["check-data", "."]) == 2
    assert "--out ../data_check" in capsys.readouterr().err
    assert sorted(path.name for path in root.iterdir()) == ["images", "labels"]
    monkeypatch.chdir(tmp_path)
    assert main(["check-data", "data"]) == 0
    assert (tmp_path / "data_check/index.html").is_file()


def test_an_unknown_setting(tmp_path, capsys):
    root = put_pairs(tmp_path / "data", count=2)
    out = ["--out", str(tmp_path / "out")]
    assert main(["check-data", str(root), "data.ignore=3", *out]) == 2
    assert "did you mean 'ignore_id'" in capsys.readouterr().err


def test_what_is_whole_but_of_no_use_is_not_called_damage(tmp_path, check):
    root = put_pairs(tmp_path / "data")
    (root / "labels/1.png").unlink()
    tifffile.imwrite(root / "labels/1.tif", np.full((H, W), 0.25, np.float32))
    result = check(root)
    assert result.code == 2 and "damaged" not in result.said
    assert "values such as 0.25 are no ids" in result.said
