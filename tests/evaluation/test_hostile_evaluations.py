"""The worst folders: an evaluation ends with results or one message, whatever lies there."""

import contextlib
import html.parser
import io
import itertools
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import img2img.evaluation.pictures as pictures
from img2img.cli import main
from img2img.fields.files import write_image


class Reader(html.parser.HTMLParser):
    """The text of a page, and what might do something."""

    def __init__(self, text):
        super().__init__()
        self.text, self.links, self.handlers = "", [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.links += [v for k, v in attributes if k in ("src", "href") and v]
        self.handlers |= {k for k, _ in attributes if k.startswith("on")}

    def handle_data(self, data):
        self.text += data


def evaluated(fake, real, *options):
    """Exit code, what was said, evaluation.json and the page (None where none was written)."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "out"
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            arguments = ["--fake", str(fake), "--real", str(real), "--out", str(out)]
            code = main(["evaluate", *arguments, "--device", "cpu", *options])
        assert code in (0, 2)
        found = page = None
        if (out / "evaluation.json").exists():
            found = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
            page = Reader((out / "index.html").read_text(encoding="utf-8"))
            assert all(link.startswith(("data:", "#")) for link in page.links)
            assert not page.handlers
        else:
            assert not out.exists() and said.getvalue().startswith("error: ")
    return code, said.getvalue(), found, page


def encoded(kind, mode, size, **options):
    file = io.BytesIO()
    Image.new(mode, size, options.pop("colour", None)).save(file, kind, **options)
    return file.getvalue()


def numbers(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def huge():
    """A PNG whose header promises ten thousand million pixels."""
    content = bytearray(encoded("PNG", "RGB", (4, 4)))
    content[16:24] = (100_000).to_bytes(4, "big") * 2
    return bytes(content)


# (width, height) -> the bytes of a file.
MAKERS = [
    lambda size: encoded("PNG", "RGB", size, colour=(200, 30, 90)),
    lambda size: encoded("JPEG", "RGB", size),
    lambda size: encoded("PNG", "L", size),
    lambda size: encoded("PNG", "LA", size),
    lambda size: encoded("PNG", "RGBA", size),
    lambda size: encoded("PNG", "P", size),
    lambda size: encoded("PNG", "1", size),
    lambda size: encoded("PNG", "I;16", size),
    lambda size: encoded("TIFF", "F", size),
    lambda size: encoded("JPEG", "CMYK", size),
    lambda size: encoded("GIF", "L", size),
    lambda size: encoded("WEBP", "RGB", size),
    lambda size: numbers(np.full((size[1], size[0]), np.nan, np.float32)),
    lambda size: numbers(np.full((size[1], size[0], 5), 3.0, np.float64)),
    lambda size: numbers(np.zeros((size[1], size[0], 7), np.uint16)),
    lambda size: numbers(np.zeros((0, 4), np.uint8)),
    lambda size: numbers(np.zeros((4, 4, 0), np.float32)),
    lambda size: b"",
    lambda size: b"\x89PNG\r\n\x1a\n",
    lambda size: b"<script>alert(1)</script>",
    lambda size: huge(),
]
STEMS = st.one_of(
    st.sampled_from(["0", "1", "10", "a b", "it's", '"q"', "<script>alert(1)<", "&amp;", "a,b"]),
    st.sampled_from(
        ["日本", "é", "e\u0301", "a\nb", "a\rb", "\udcff\udcfe", "-x", "%s", "{0}", "a.b"]
    ),
    st.text(
        st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=9
    ),
)
SUFFIXES = st.sampled_from([".png", ".jpg", ".PNG", ".tif", ".npy", ".webp", ".txt"])
SIZES = st.sampled_from([(1, 1), (9, 4), (12, 12), (30, 17), (17, 30)])


@st.composite
def entries(draw):
    """What lies under one name on both sides: bytes, or something else."""
    size = draw(SIZES)
    usual = draw(st.sampled_from(MAKERS[:8]))
    sides = []
    for _ in range(2):
        kind = draw(st.sampled_from(["file"] * 12 + ["none", "folder", "loop", "dangling", "up"]))
        own = size if draw(st.integers(0, 4)) else draw(SIZES)
        content = draw(st.sampled_from([usual] * len(MAKERS) + MAKERS))(own)
        cut = draw(st.integers(0, 9)) == 0
        sides.append((draw(SUFFIXES), kind, content[: len(content) // 2] if cut else content))
    return draw(STEMS), sides


def build(root, found):
    for stem, sides in found:
        for folder, (suffix, kind, content) in zip(("fake", "real"), sides, strict=True):
            path = root / folder / f"{stem}{suffix}"
            with contextlib.suppress(OSError, UnicodeEncodeError):  # names that no disk takes
                if kind == "folder":
                    path.mkdir()
                elif kind == "file":
                    path.write_bytes(content)
                elif kind != "none":
                    path.symlink_to({"loop": path.name, "dangling": "nowhere", "up": ".."}[kind])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(entries(), max_size=6), st.sampled_from([[], ["--limit", "2"]]))
def test_any_two_folders(found, options):
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for folder in ("fake", "real"):
            (root / folder).mkdir()
        build(root, found)
        code, said, result, _ = evaluated(root / "fake", root / "real", *options)
        if result is None:
            assert "no pictures in this folder" in said
            return
        protocol = result["protocol"]
        lost = len(protocol["skipped"]) + protocol["without partner"]["real"]
        assert code == (2 if lost or protocol["without partner"]["translated"] else 0)
        for own in result["images"].values():
            assert all(np.isfinite(value) for value in own.values())
        for score in result["scores"].values():
            assert score["low"] is None or score["low"] <= score["value"] <= score["high"]


def put_pairs(root, names):
    for number, name in enumerate(names):
        for folder in ("fake", "real"):
            (root / folder).mkdir(exist_ok=True, parents=True)
            array = np.random.default_rng(number).integers(0, 256, (12, 12, 3)).astype(np.uint8)
            write_image(root / folder / f"{name}.png", array)
    return root / "fake", root / "real"


NAMES = ["<script>alert('x')<", 'a "b" & c', "日本 é", "line\nbreak", "\udcff"]


def test_names_are_shown_as_they_are_and_do_nothing(tmp_path, capsys):
    try:
        fake, real = put_pairs(tmp_path, NAMES)
    except (OSError, UnicodeEncodeError):
        pytest.skip("the disk takes no such names")
    code, _, found, page = evaluated(fake, real)
    assert code == 0 and sorted(found["images"]) == sorted(NAMES)
    for name in NAMES[:4]:
        assert name in page.text
    assert "\\xff" in page.text
    # The same names compared, from what lies on the disk.
    for out in ("one", "two"):
        arguments = ["--fake", str(fake), "--real", str(real), "--out", str(tmp_path / out)]
        assert main(["evaluate", *arguments]) == 0
    folders = [str(tmp_path / "one"), str(tmp_path / "two")]
    assert main(["evaluate", "--compare", *folders, "--out", str(tmp_path / "compared")]) == 0
    page = Reader((tmp_path / "compared/comparison.html").read_text(encoding="utf-8"))
    assert "<script>alert('x')<" in page.text and len(page.links) >= 5 * 3
    assert "no difference that 5 pictures could show" in capsys.readouterr().out


def test_files_that_vanish_while_they_are_read(tmp_path, monkeypatch):
    fake, real = put_pairs(tmp_path, "abcd")
    read = pictures.read_image
    calls = itertools.count()

    def vanishing(path):
        if next(calls) == 2:  # the first picture of the second pair
            Path(path).unlink()
        return read(path)

    monkeypatch.setattr(pictures, "read_image", vanishing)
    code, said, found, _ = evaluated(fake, real)
    assert code == 2 and "there is no such file" in said and len(found["images"]) == 3


def test_pictures_that_vanish_before_they_are_shown(tmp_path, monkeypatch):
    fake, real = put_pairs(tmp_path, "abcd")
    import img2img.evaluation.output as module

    own = module.chosen

    def gone(found):
        (fake / "b.png").unlink()
        return own(found)

    monkeypatch.setattr(module, "chosen", gone)
    code, _, found, page = evaluated(fake, real)
    assert code == 0 and len(found["images"]) == 4
    assert len(page.links) == 3 * 2


def test_a_file_without_permission(tmp_path, monkeypatch):
    fake, real = put_pairs(tmp_path, "abc")
    read = pictures.read_info

    def refusing(path):
        if str(path).endswith("real/b.png"):
            import img2img.fields.files as images

            with images._reading(path):
                raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(pictures, "read_info", refusing)
    code, said, found, _ = evaluated(fake, real)
    assert code == 2 and "real/b.png: permission denied" in said and len(found["images"]) == 2


def test_a_folder_without_permission(tmp_path, monkeypatch):
    fake, real = put_pairs(tmp_path, "abc")
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("real"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    code, said, found, _ = evaluated(fake, real)
    assert code == 2 and found is None and "cannot be read (Permission denied)" in said


def test_a_run_s_own_data_may_be_damaged_too(runs, tmp_path, capsys):
    """Pairs of a folder for a run of the scenes: damaged, of unequal sizes, with foreign ids."""
    from img2img.data.scenes import draw_scene

    for number, name in enumerate(["good", "cut", "small", "ids", "<b>"]):
        scene = draw_scene(number, height=32, width=48)
        label = scene.label.copy()
        if name == "ids":
            label[0, 0] = 99
        size = (16, 16) if name == "small" else (32, 48)
        parts = {"label": label, "inst": scene.instance.astype(np.uint16)}
        parts["img"] = scene.image[: size[0], : size[1]]
        for part, array in parts.items():
            path = tmp_path / f"data/val_{part}/{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, array)
    cut = tmp_path / "data/val_inst/cut.png"
    cut.write_bytes(cut.read_bytes()[:50])
    arguments = ["--run", str(runs / "a"), "--data", str(tmp_path / "data"), "--device", "cpu"]
    assert main(["evaluate", *arguments, "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert "3 pictures skipped" in err and "differ in size" in err and "label ids 99" in err
    lines = err.splitlines()
    assert all(any(name in line for line in lines) for name in ("cut", "ids", "small"))
    found = json.loads((tmp_path / "out/evaluation.json").read_text(encoding="utf-8"))
    assert sorted(found["images"]) == ["<b>", "good"]
    assert sorted(found["protocol"]["skipped"]) == ["cut", "ids", "small"]
    assert (tmp_path / "out/translated/<b>.png").is_file()
