"""The book: what is written is read back, names can change, damage is one message."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from img2img.errors import CheckpointError, ConfigError
from img2img.inference.styles.book import Example, Style, StyleBook

OLD_RUN = Path(__file__).parents[2] / "old_runs" / "styled"


def make_book():
    def style(name, *centre):
        example = Example(3, "street", 33000, (1, 2, 3, 4))
        return Style(name, np.array(centre, np.float32), 5, 0.25, (example,))

    styles = {
        0: (style("sky-0", 0.1, -0.7),),
        33: (style("bicycle-0", 1 / 3, 0.5), style("bicycle-1", -0.9, 0.2)),
    }
    return StyleBook(styles, {0: "sky", 33: "bicycle"}, step=7, seed=1)


def test_written_and_read_back(tmp_path):
    book = make_book()
    book.save(tmp_path)
    again = StyleBook.load(tmp_path)
    assert again.class_names == book.class_names and (again.step, again.seed) == (7, 1)
    assert list(again.styles) == [0, 33]
    for mine, theirs in zip(book.styles[33], again.styles[33], strict=True):
        assert np.array_equal(mine.centre, theirs.centre)  # bit for bit
        assert (mine.name, mine.count, mine.spread) == (theirs.name, theirs.count, theirs.spread)
        assert mine.examples == theirs.examples
    assert StyleBook.load(tmp_path / "elsewhere") is None


def test_styles_by_number_name_and_qualified_name():
    book = make_book().renamed(33, "bicycle-1", "red")
    assert book.find(33, "1").name == book.find(33, "red").name == "red"
    assert book.find(33, "bicycle/red").name == "red"
    assert book.class_of("red") == 33 and book.class_of("bicycle/anything") == 33
    with pytest.raises(ConfigError, match=r"bicycle-0, red \(or 0 to 1\)"):
        book.find(33, "bicycle-1")
    with pytest.raises(ConfigError, match="there are sky, bicycle"):
        book.find_class("bicycel")
    with pytest.raises(ConfigError, match="sky, bicycle"):
        book.find(5, "0")


@pytest.mark.parametrize("name", ["", "12", "a=b", "a/b", "bicycle-0"])
def test_impossible_names_are_refused(name):
    with pytest.raises(ConfigError, match="cannot be a style's name"):
        make_book().renamed(33, "bicycle-1", name)


def test_names_edited_by_hand_count(tmp_path):
    make_book().save(tmp_path)
    path = tmp_path / "styles.json"
    path.write_text(path.read_text().replace('"bicycle-1"', '"blue"'))
    assert StyleBook.load(tmp_path).find(33, "blue").count == 5


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"bicycle-1"', '"bicycle-0"'),
        lambda text: text.replace('"format": 2', '"format": 9'),
        lambda text: text.replace('"step": ', '"step": Infinity, "was": '),
        lambda text: text.replace('"centre": [', '"centre": [NaN, '),
        lambda text: text.replace('"count": 5', '"count": 1e999'),
        lambda text: "[" * 100_000,
        lambda text: json.dumps({**json.loads(text), "classes": [{"id": 4}]}),
        lambda text: "[]",
    ],
)
def test_damaged_book_is_one_message(tmp_path, damage):
    make_book().save(tmp_path)
    path = tmp_path / "styles.json"
    path.write_text(damage(path.read_text()))
    with pytest.raises(CheckpointError, match=r"styles\.json.*make it anew"):
        StyleBook.load(tmp_path)


def test_a_change_is_one_file(tmp_path):
    make_book().save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["styles.json"]


def test_a_book_in_two_files_is_read_and_becomes_one(tmp_path):
    for name in ("styles.json", "styles.safetensors"):
        shutil.copy(OLD_RUN / name, tmp_path / name)
    book = StyleBook.load(tmp_path)
    (tmp_path / "styles.safetensors").rename(tmp_path / "away")
    with pytest.raises(CheckpointError, match="make it anew"):
        StyleBook.load(tmp_path)
    (tmp_path / "away").rename(tmp_path / "styles.safetensors")
    book.save(tmp_path)
    assert not (tmp_path / "styles.safetensors").exists()
    for cls, styles in StyleBook.load(tmp_path).styles.items():
        expected = load_file(OLD_RUN / "styles.safetensors")[str(cls)]
        assert np.array_equal([style.centre for style in styles], expected)
