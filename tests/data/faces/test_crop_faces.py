"""datasets/crop_faces.py on drawn faces."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_faces import picture_with
from PIL import Image

from img2img.fields.files import read_image, write_image

SCRIPT = Path(__file__).resolve().parents[3] / "datasets" / "crop_faces.py"


@pytest.fixture(scope="module")
def crop_faces():
    spec = importlib.util.spec_from_file_location("crop_faces", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture
def photos(tmp_path):
    """Two faces, one, one in a file of the same stem, none, and a file that is damaged."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    write_image(folder / "two.png", picture_with((150, 60, 120), (20, 30, 70)))
    write_image(folder / "more/same.png", picture_with((90, 60, 120)))
    cv2.imwrite(str(folder / "more/same.jpg"), picture_with((60, 60, 120)))
    write_image(folder / "none.png", picture_with())
    (folder / "bad.png").write_bytes((folder / "two.png").read_bytes()[:200])
    return folder


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.png"))


def call(crop_faces, photos, out, cascade, *more):
    return crop_faces([str(photos), "--out", str(out), "--cascade", str(cascade), *more])


FACES = ["more/same.jpg_0.png", "more/same.png_0.png", "two.png_0.png", "two.png_1.png"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_folder(crop_faces, photos, tmp_path, cascade_file, capsys, workers):
    out = tmp_path / "faces"
    assert call(crop_faces, photos, out, cascade_file, "--workers", workers) == 0
    assert files(out) == FACES
    for name in FACES:
        face = read_image(out / name)
        assert face.shape == (64, 64, 3) and face.dtype == np.uint8
        assert face.std() > 30  # no piece of the plain background
    said = capsys.readouterr()
    assert (
        "4 faces of 5 pictures; 1 without a face, 0 smaller than --min-face, 1 unreadable"
        in said.out
    )
    assert "bad.png: the file is damaged" in said.err
    lines = [json.loads(line) for line in (out / "faces.jsonl").read_text().splitlines()]
    assert {"file": "none.png", "faces": 0, "skipped": "no face found"} in lines
    assert {"file": "two.png", "faces": 2} in lines


def test_largest_margin_and_size(crop_faces, photos, tmp_path, cascade_file):
    out = tmp_path / "faces"
    more = ["--largest", "--margin", "0", "--size", "100", "--workers", "1"]
    assert call(crop_faces, photos, out, cascade_file, *more) == 0
    assert files(out) == [name for name in FACES if name != "two.png_1.png"]
    face = read_image(out / "two.png_0.png")[:, :, 0].astype(float)
    assert face.shape == (100, 100)
    drawn = cv2.resize(picture_with((150, 60, 120))[60:180, 150:270], (100, 100)).astype(float)
    assert np.corrcoef(face.ravel(), drawn.ravel())[0, 1] > 0.6


def test_a_photo_that_lies_on_its_side(crop_faces, tmp_path, cascade_file):
    """EXIF orientation 6: the camera was turned, the pixels lie on their side."""
    folder = tmp_path / "photos"
    folder.mkdir()
    upright = picture_with((90, 60, 120), size=(320, 240))
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = Image.fromarray(np.rot90(upright))
    lying.save(folder / "turned.jpg", exif=exif, quality=95)
    lying.save(folder / "lying.jpg", quality=95)
    out = tmp_path / "faces"
    assert call(crop_faces, folder, out, cascade_file, "--workers", "1") == 0
    assert files(out) == ["turned.jpg_0.png"]


@pytest.mark.parametrize("kind", ["uint16", "rgba", "two channels"])
def test_other_kinds_of_pictures(crop_faces, tmp_path, cascade_file, kind):
    grey = picture_with((90, 60, 120))
    folder = tmp_path / "photos"
    folder.mkdir()
    if kind == "uint16":
        write_image(folder / "a.png", grey.astype(np.uint16) * 257)
    elif kind == "rgba":
        write_image(folder / "a.png", np.dstack([grey, grey // 2, grey, grey * 0]))
    else:
        write_image(folder / "a.tif", np.dstack([grey, grey * 0]))
    assert call(crop_faces, folder, tmp_path / "out", cascade_file, "--workers", "1") == 0
    (face,) = (tmp_path / "out").rglob("*.png")
    red, green, blue = read_image(face).astype(int).transpose(2, 0, 1)
    assert np.array_equal(red, blue) and red.max() > 180
    assert np.abs(green - (red // 2 if kind == "rgba" else red)).max() <= 1


def test_it_goes_on_where_it_stopped(crop_faces, photos, tmp_path, cascade_file, capsys):
    out = tmp_path / "faces"
    assert call(crop_faces, photos, out, cascade_file, "--workers", "1") == 0
    record = out / "faces.jsonl"
    whole = record.read_text().splitlines()
    # As if the power had failed after the second picture, in the middle of a line.
    record.write_text("\n".join(whole[:3]) + "\n" + whole[3][:9])
    done = [json.loads(line)["file"] for line in whole[1:3]]
    before = {name: (out / name).stat().st_mtime_ns for name in FACES}
    capsys.readouterr()
    assert call(crop_faces, photos, out, cascade_file, "--workers", "1") == 0
    assert "4 faces of 5 pictures (2 of them before)" in capsys.readouterr().out
    assert record.read_text().splitlines() == whole
    for name in FACES:
        again = (out / name).stat().st_mtime_ns != before[name]
        assert again == (name.rpartition("_")[0] not in done)


def test_other_settings_need_a_word(crop_faces, photos, tmp_path, cascade_file, capsys):
    out = tmp_path / "faces"
    assert call(crop_faces, photos, out, cascade_file, "--workers", "1") == 0
    more = ["--largest", "--workers", "1"]
    assert call(crop_faces, photos, out, cascade_file, *more) == 2
    assert "its faces were cut with largest False" in capsys.readouterr().err
    assert files(out) == FACES
    assert call(crop_faces, photos, out, cascade_file, *more, "--overwrite") == 0
    assert files(out) == [name for name in FACES if name != "two.png_1.png"]


def test_nothing_of_the_user_s_is_lost(crop_faces, photos, tmp_path, cascade_file, capsys):
    out = tmp_path / "own"
    out.mkdir()
    (out / "mine.png").write_bytes(b"mine")
    for more in ([], ["--overwrite"]):
        assert call(crop_faces, photos, out, cascade_file, "--workers", "1", *more) == 2
        assert "not empty" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["mine.png"]
    assert (out / "mine.png").read_bytes() == b"mine"


def test_mistakes_are_one_message(crop_faces, photos, tmp_path, cascade_file, capsys):
    (tmp_path / "empty").mkdir()
    bad = tmp_path / "cascade.xml"
    bad.write_text("hello")
    out = tmp_path / "out"
    for arguments, message in (
        ((photos, out, bad), "no Haar or LBP cascade"),
        ((photos, out, tmp_path / "none.xml"), "cannot be read"),
        ((tmp_path / "nowhere", out, cascade_file), "no such folder"),
        ((tmp_path / "empty", out, cascade_file), "no picture"),
        ((photos, photos / "faces", cascade_file), "choose another --out"),
    ):
        assert call(crop_faces, *arguments) == 2
        said = capsys.readouterr().err
        assert message in said and said.count("\n") == 1
        assert not out.exists()
    for option in (["--size", "0"], ["--margin", "nan"], ["--workers", "0"]):
        with pytest.raises(SystemExit, match="2"):
            call(crop_faces, photos, out, cascade_file, *option)


def test_the_script_itself(photos, tmp_path, cascade_file):
    out = tmp_path / "faces"
    command = [sys.executable, str(SCRIPT), str(photos), "--out", str(out), "--workers", "2"]
    done = subprocess.run(
        [*command, "--cascade", str(cascade_file)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert files(out) == FACES


def test_a_face_that_could_not_be_written_is_written_by_the_next_call(
    crop_faces, photos, tmp_path, cascade_file, capsys
):
    out = tmp_path / "faces"
    assert call(crop_faces, photos, out, cascade_file, "--workers", "1") == 0
    record = out / "faces.jsonl"
    record.write_text(record.read_text().splitlines()[0] + "\n")
    (out / "more/same.png_0.png").unlink()
    (out / "more/same.png_0.png").mkdir()  # where a picture should be
    assert call(crop_faces, photos, out, cascade_file, "--workers", "1") == 2
    said = capsys.readouterr().err
    assert "same.png_0.png" in said and "Traceback" not in said
    (out / "more/same.png_0.png").rmdir()
    assert call(crop_faces, photos, out, cascade_file, "--workers", "1") == 0
    assert files(out) == FACES


@pytest.mark.parametrize("text", ["5\n", "[]\n", '{"a": 1}\n', '{"cascade": "x"}\n{"b": 2}\n'])
@pytest.mark.parametrize("more", [[], ["--overwrite"]])
def test_the_record_of_another_tool(crop_faces, photos, tmp_path, cascade_file, capsys, text, more):
    record = tmp_path / "faces" / "faces.jsonl"
    record.parent.mkdir()
    record.write_text(text)
    assert call(crop_faces, photos, record.parent, cascade_file, "--workers", "1", *more) == 2
    assert "not a record of faces" in capsys.readouterr().err
    assert record.read_text() == text


def test_pictures_too_small_for_a_face(crop_faces, tmp_path, cascade_file, capsys):
    (tmp_path / "photos").mkdir()
    write_image(tmp_path / "photos/small.png", picture_with(size=(40, 200)))
    assert call(crop_faces, tmp_path / "photos", tmp_path / "out", cascade_file) == 0
    said = capsys.readouterr()
    assert "0 faces of 1 picture; 0 without a face, 1 smaller than --min-face" in said.out
    assert "no face was found: --min-face is 48 pixels" in said.err
