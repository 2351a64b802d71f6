"""Styles that are copied, mixed, taken from a photo, and named."""

import numpy as np
import pytest

from img2img.data.scenes import VAL_OFFSET, draw_scene
from img2img.errors import ConfigError, DataError
from img2img.inference.styles.book import FILE, StyleBook
from img2img.ui import palette
from img2img.ui.engine import Engine
from img2img.ui.scenes import Scene
from img2img.ui.studio import Studio

CAR = 6


def select(studio, cls=CAR, index=0):
    """Selects an object of a class; its id."""
    ident = sorted(i for i, c in studio.now.objects.classes.items() if c == cls)[index]
    y, x = np.argwhere(studio.now.objects.ids == ident)[0]
    studio.select(x + 0.5, y + 0.5)
    return ident


def features(studio):
    return studio.now.look[studio.selected].features


def test_a_style_is_copied_to_an_object_of_another_scene(studio):
    select(studio)
    with pytest.raises(ConfigError, match="copy a style first"):
        palette.paste(studio)
    studio.choose("1")
    wanted = features(studio)
    palette.copy(studio)
    other = draw_scene(VAL_OFFSET, height=32, width=64)
    studio.open(
        Scene("other", {n: getattr(other, n).astype(int) for n in ("label", "instance")}), 1
    )
    ident = select(studio)
    assert (features(studio) != wanted).any()
    palette.paste(studio)
    assert (features(studio) == wanted).all() and studio.selected == ident
    studio.undo()
    assert (features(studio) != wanted).any()


def test_a_mix_lies_between_two_styles(studio):
    select(studio)
    one, two = (style.centre for style in studio.styles[:2])
    palette.mix(studio, "0", "1", 0.25)
    np.testing.assert_allclose(features(studio), 0.75 * one + 0.25 * two, rtol=1e-6)
    assert studio.now.what == "car-0 with 25 % car-1"
    with pytest.raises(ValueError, match="range"):
        palette.mix(studio, "0", "1", float("nan"))


def test_a_style_from_a_photo(studio, scene, street, engine):
    """The object's features are those that the encoder sees in the photo."""
    select(studio)
    with pytest.raises(DataError, match="no photo"):
        palette.from_photo(studio)
    studio.open(Scene("with photo", scene.inputs, street.image), 1)
    ident = select(studio)
    palette.from_photo(studio)
    expected = engine.translator.encode(scene.inputs, street.image)[ident].features
    assert (features(studio) == expected).all()


def test_names_go_into_the_book(translator, scene, tmp_path, monkeypatch):
    """A style of the book is renamed; another is added; both are there when the run is opened again."""
    translator.book.save(tmp_path)
    monkeypatch.setattr(translator, "book", translator.book)
    studio = Studio(Engine(translator, run=tmp_path))
    studio.open(scene)
    select(studio)
    count = len(studio.styles)
    palette.keep(studio, "red")
    assert studio.styles[0].name == "red"
    palette.mix(studio, "0", "1", 0.5)
    palette.keep(studio, "between")
    book = StyleBook.load(tmp_path)
    assert book.styles[CAR][0].name == "red" and len(book.styles[CAR]) == count + 1
    kept = book.find(CAR, "between")
    assert (kept.centre == features(studio)).all() and kept.count == 0
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(ConfigError, match="unique"):
        palette.keep(studio, "red")
    assert (tmp_path / FILE).read_bytes() == before
