"""The worst folders: the check ends with a page and an exit code, whatever lies there."""

import contextlib
import html.parser
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from folders import put_pairs, save, scene
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from img2img.cli import main
from img2img.config import load_config, parse_overrides
from img2img.data.describe import describe_data
from img2img.errors import DataError


class Reader(html.parser.HTMLParser):
    """The elements of a page, and the text between them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.attributes = [], "", set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attributes}

    def handle_data(self, data):
        self.text += data


def checked(root, *options):
    """Exit code, what was said, the page (None where none was written)."""
    with tempfile.TemporaryDirectory() as out:
        said, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
            code = main(["check-data", str(root), "--out", out, *options])
        path = Path(out) / "index.html"
        page = path.read_text(encoding="utf-8") if path.exists() else None
    assert code in (0, 2)
    if page is not None:
        found = Reader(page)
        assert not {"script", "iframe", "object", "link"} & set(found.tags)
        assert not {name for name in found.attributes if name.startswith("on")}
    return code, said.getvalue() + errors.getvalue(), page


# --- generated folders --------------------------------------------------------------------

SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40))


def encoded(array, kind=".png"):
    return cv2.imencode(kind, array)[1].tobytes()


def by_pillow(kind, mode, size, **options):
    file = io.BytesIO()
    Image.new(mode, size, options.pop("colour", None)).save(file, kind, **options)
    return file.getvalue()


def by_numpy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def by_tifffile(array, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def huge():
    """A PNG whose header promises ten thousand million pixels."""
    content = bytearray(encoded(np.zeros((4, 4), np.uint8)))
    content[16:24] = (100_000).to_bytes(4, "big") * 2
    return bytes(content)


# (ids (H, W), photo (H, W, 3), both uint8) -> the bytes of a file.
MAKERS = [
    lambda ids, photo: encoded(ids),
    lambda ids, photo: encoded(photo),
    lambda ids, photo: encoded(photo, ".jpg"),
    lambda ids, photo: encoded(photo, ".webp"),
    lambda ids, photo: encoded(photo, ".bmp"),
    lambda ids, photo: encoded(ids.astype(np.uint16) * 9000),
    lambda ids, photo: encoded(np.dstack([photo, ids])),
    lambda ids, photo: by_pillow("PNG", "LA", ids.shape),
    lambda ids, photo: by_pillow("PNG", "P", ids.shape),
    lambda ids, photo: by_pillow("PNG", "1", ids.shape),
    lambda ids, photo: by_pillow("JPEG", "CMYK", ids.shape),
    lambda ids, photo: by_pillow("GIF", "L", ids.shape),
    lambda ids, photo: by_pillow("PNG", "RGB", ids.shape, icc_profile=b"x" * 30),
    lambda ids, photo: by_numpy(ids.astype(np.int64) - 2),
    lambda ids, photo: by_numpy(np.full(ids.shape, np.nan, np.float32)),
    lambda ids, photo: by_numpy(np.full((*ids.shape, 5), np.inf, np.float64)),
    lambda ids, photo: by_numpy(np.array([{}], object), allow_pickle=True),
    lambda ids, photo: by_numpy(np.zeros((0, 4), np.uint8)),
    lambda ids, photo: by_tifffile(photo.astype(np.float32), photometric="rgb"),
    lambda ids, photo: by_tifffile(photo.transpose(2, 0, 1), photometric="minisblack"),
    lambda ids, photo: b"",
    lambda ids, photo: b"\x89PNG\r\n\x1a\n",
    lambda ids, photo: b"<script>alert(1)</script>",
    lambda ids, photo: huge(),
]


@st.composite
def contents(draw, size, usual):
    """The bytes of a file: mostly a picture of the usual kind, some damaged, some of other kinds."""
    height, width = draw(st.sampled_from([size] * 19 + [(1, 1)]))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    ids = rng.integers(0, 4, (height, width), np.uint8)
    photo = rng.integers(0, 255, (height, width, 3), np.uint8)
    made = draw(st.sampled_from([usual] * 4 * len(MAKERS) + MAKERS))(ids, photo)
    damage = draw(st.sampled_from(["none"] * 18 + ["cut", "middle"]))
    if damage == "cut":
        return made[: draw(st.integers(0, len(made)))]
    if damage == "middle" and len(made) > 40:
        place = draw(st.integers(20, len(made) - 20))
        return made[:place] + draw(st.binary(min_size=8, max_size=8)) + made[place + 8 :]
    return made


STEMS = st.one_of(
    st.sampled_from(
        ["0", "1", "2", "10", "a b", "it's", '"q"', "<script>alert(1)</script>".replace("/", "")]
    ),
    st.sampled_from(
        ["日本", "é", "e\u0301", "a\nb", "\udcff\udcfe", "&amp;", "-x", "$HOME", "%s", "{0}"]
    ),
    st.text(
        st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12
    ),
)
SUFFIXES = st.sampled_from([".png", ".jpg", ".PNG", ".tif", ".npy", ".bmp", ".webp", ".txt"])
LAYOUTS = (
    ("images", "labels"),
    ("images/train", "labels/train", "images/val", "labels/val"),
    ("train_label", "train_inst", "train_img", "val_label", "val_img"),
    ("A", "B"),
    ("trainA", "trainB", "testA", "testB"),
    ("train", "val"),
    ("",),
)


@st.composite
def entries(draw, size, usual):
    """A file: its place, its bytes, or what else lies there."""
    kind = draw(st.sampled_from(["file"] * 9 + ["folder", "loop", "dangling", "up"]))
    return (
        draw(STEMS) + draw(SUFFIXES),
        kind,
        draw(contents(size, usual)) if kind == "file" else b"",
    )


@st.composite
def folders(draw):
    """Folder -> entries; the same names in several folders, so that some are pairs."""
    places = draw(st.sampled_from(LAYOUTS))
    size = draw(SIZES)
    stems = draw(st.lists(STEMS, max_size=4, unique=True))
    found = {}
    for place in places:
        usual = draw(st.sampled_from(MAKERS[:-5]))
        paired = [
            (f"{stem}{draw(SUFFIXES)}", "file", draw(contents(size, usual))) for stem in stems
        ]
        found[place] = paired + draw(st.lists(entries(size, usual), max_size=3))
    return found


def build(root, found):
    for place, files in found.items():
        os.makedirs(root / place, exist_ok=True)
        for name, kind, content in files:
            path = root / place / name
            with contextlib.suppress(OSError, UnicodeEncodeError):  # names that no disk takes
                if kind == "folder":
                    path.mkdir()
                elif kind == "file":
                    path.write_bytes(content)
                else:
                    where = {"loop": path.name, "dangling": "nowhere", "up": ".."}[kind]
                    path.symlink_to(where)


OPTIONS = st.sampled_from(
    [
        [],
        ["data.remap=true"],
        ["data.palette=camvid"],
        ["data.ignore_id=0"],
        ["data.derive_instances=true"],
        ["data.range=auto"],
        ["data.direction=BtoA", "data.num_classes=2"],
        ["data.resize=[8,16]"],
        ["data.val_fraction=0.5"],
    ]
)


def config_of(root, options):
    overrides = {"data.path": str(root), **parse_overrides(options)}
    return load_config({}, overrides=overrides, need_model=False).data


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(folders(), OPTIONS)
def test_any_folder(found, options):
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "data"
        root.mkdir()
        build(root, found)
        code, said, page = checked(root, *options)
        assert page is not None, said
        # Training looks at the same things: it stops, by one message, only where the check says so.
        try:
            describe_data(config_of(root, options))
        except DataError as error:
            assert code == 2, error


# --- folders of one kind of evil ----------------------------------------------------------


def test_nothing_at_all(tmp_path):
    code, said, page = checked(tmp_path)
    assert code == 2 and "the folder is empty" in said and "A training would stop" in page


def test_folders_without_pictures(tmp_path):
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    code, said, _ = checked(tmp_path)
    assert code == 2 and "no record is complete" in said


NAMES = ["<script>alert('x')<", 'a "b" & c', "日本 é", "line\nbreak", "\udcff"]


def test_names_are_shown_as_they_are_and_do_nothing(tmp_path):
    for number, name in enumerate(NAMES):
        label, photo = scene(number)
        try:
            save(tmp_path / f"labels/{name}.png", label)
            save(tmp_path / f"images/{name}.png", photo)
        except (OSError, UnicodeEncodeError):
            pytest.skip("the disk takes no such names")
    (tmp_path / f"images/{NAMES[0]}.png").write_bytes(b"")
    code, said, page = checked(tmp_path)
    assert code == 2 and "the file is empty" in said
    text = Reader(page).text
    for name in NAMES[:4]:
        assert name in text
    assert "\\xff" in text


def vanishing(monkeypatch, function, victims):
    """Files that go when they are looked at the second time or later."""
    import img2img.checking.looks as looks

    own = getattr(looks, function)

    def read(path, *rest):
        if path.name in victims:
            path.unlink(missing_ok=True)
        return own(path, *rest)

    monkeypatch.setattr(looks, function, read)


def test_files_that_vanish_while_they_are_read(tmp_path, monkeypatch):
    root = put_pairs(tmp_path / "data")
    vanishing(monkeypatch, "read_image", {"2.png", "7.png"})
    code, said, page = checked(root)
    assert code == 2 and "2 files that cannot be used" in said
    assert "images/2.png: there is no such file" in said
    assert page.count("<figure>") >= 4 * 4


def test_a_folder_that_vanishes(tmp_path, monkeypatch):
    root = put_pairs(tmp_path / "data")
    vanishing(monkeypatch, "read_image", {f"{n}.png" for n in range(8)})
    code, said, _ = checked(root)
    assert code == 2 and "8 files that cannot be used" in said


def forbidden(monkeypatch, module, name, victim):
    import importlib

    module = importlib.import_module(module)
    own = getattr(module, name)

    def refusing(path, *rest, **options):
        if victim in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return own(path, *rest, **options)

    monkeypatch.setattr(module, name, refusing)


def test_a_file_without_permission(tmp_path, monkeypatch):
    root = put_pairs(tmp_path / "data")
    forbidden(monkeypatch, "img2img.fields.files", "_magic", "images/3.png")
    code, said, _ = checked(root)
    assert code == 2 and "permission denied" in said and "class" in said


def test_a_folder_without_permission(tmp_path, monkeypatch):
    root = put_pairs(tmp_path / "data")
    forbidden(monkeypatch, "os", "scandir", "data/images")
    code, said, _ = checked(root)
    assert code == 2 and "the folder cannot be read (Permission denied)" in said


def test_a_report_that_cannot_be_written(tmp_path, capsys):
    root = put_pairs(tmp_path / "data", count=2)
    (tmp_path / "taken").write_text("a file")
    assert main(["check-data", str(root), "--out", str(tmp_path / "taken")]) == 2
    assert "the report cannot be written" in capsys.readouterr().err


def test_names_that_are_no_text_are_spelt_out_on_a_strict_terminal(tmp_path):
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
        try:
            (tmp_path / folder / "\udcff.png").touch()
        except (OSError, UnicodeEncodeError):
            pytest.skip("the disk takes no such names")
    command = [sys.executable, "-m", "img2img", "check-data", str(tmp_path), "--out"]
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run([*command, str(tmp_path / "out")], capture_output=True, env=strict)
    assert done.returncode == 2 and b"\\xff.png: the file is empty" in done.stdout
