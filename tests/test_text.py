"""Names of files that no encoder takes, and what is shown instead."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from img2img.data.lettering import text_width, write_text
from img2img.fields.files import write_image
from img2img.reporting.html import render_text
from img2img.text import showable

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "text, shown",
    [
        ("plain", "plain"),
        ("日本 é", "日本 é"),
        ("stra\udcdfe", "stra\\xdfe"),  # ISO-8859-1 on a disk that is read as UTF-8
        ("gr\udcc3\udcbcn", "grün"),  # UTF-8 in a locale that knows only ASCII
        ("\ud800x", "\\ud800x"),  # half of a pair, as Windows has it
        ("a\x1b[31mb\x00", "a\\x1b[31mb\\x00"),  # would colour the terminal
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
    ],
)
def test_showable(text, shown):
    assert showable(text) == shown
    showable(text).encode("utf-8")
    assert render_text("{{ text }}", text=text) == shown  # nothing here that HTML would change


@pytest.mark.parametrize("text", ["stra\udcdfe", "\ud800", "a\x00b", "two\nlines", "a\tb"])
def test_drawing_takes_any_text(text):
    picture = np.zeros((20, 300, 3), np.uint8)
    write_text(picture, text, (2, 15), 13, (255, 255, 255))
    assert text_width(text, 13) > 0 and picture.any()


def test_drawn_letters_are_those_of_the_name():
    first, second = (np.zeros((20, 300, 3), np.uint8) for _ in "ab")
    write_text(first, "gr\udcc3\udcbcn", (2, 15), 13, (255, 255, 255))
    write_text(second, "grün", (2, 15), 13, (255, 255, 255))
    assert (first == second).all()


@pytest.mark.slow
@pytest.mark.parametrize("language", ["C.UTF-8", "C"])
def test_training_and_translating_files_whose_names_are_no_text(tmp_path, language):
    """`C` without Python's help is a locale that knows only ASCII."""
    generator = np.random.default_rng(0)
    for name in (b"a", b"b", b"z\xdfe", "zü".encode()):
        for side in (b"A", b"B"):
            folder = os.fsencode(tmp_path / "d") + b"/" + side
            os.makedirs(folder, exist_ok=True)
            write_image(tmp_path / "x.png", generator.integers(0, 255, (64, 64, 3)).astype("u1"))
            os.rename(tmp_path / "x.png", folder + b"/" + name + b".png")
    environment = {**os.environ, "LC_ALL": language, "PYTHONPATH": str(ROOT)}
    environment |= {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "OMP_NUM_THREADS": "1"}

    def img2img(*arguments):
        command = [sys.executable, "-m", "img2img", *arguments, "--device", "cpu"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done

    tiny = ["model.width=4", "model.d_width=4", "training.workers=0", "training.lpips_weights=none"]
    data = ["--data", "d", "--val-fraction", "0.6"]
    img2img("train", "--model", "pix2pix", *data, "--run", "r", "--max-steps", "1", *tiny)
    done = img2img("translate", "d/A", "--run", "r", "--out", "o", "--sheet", "s.png")
    assert b"4 in, 4 out" in done.stdout
    img2img("evaluate", "--run", "r")
    assert "z\\xdfe" in (tmp_path / "runs/r/evaluation/index.html").read_text(encoding="utf-8")
