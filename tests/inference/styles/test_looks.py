"""Which style an object gets: its own, its class's, at random, a photo's, the commonest."""

import numpy as np
import pytest

from img2img.errors import ConfigError, DataError
from img2img.inference.styles.book import Style, StyleBook
from img2img.inference.styles.looks import (
    Choice,
    Objects,
    StyleOverrides,
    choose,
    parse_style_overrides,
    read_look,
    write_look,
)

IDS = np.array([[0, 0, 26000], [7, 26001, 33000]])
OBJECTS = Objects(IDS, {0: 0, 7: 7, 26000: 26, 26001: 26, 33000: 33})


def styles(cls, name, count):
    return tuple(Style(f"{name}-{i}", np.float32([cls, i]), 9 - i, 0.1) for i in range(count))


BOOK = StyleBook(
    {0: styles(0, "void", 2), 26: styles(26, "car", 4), 33: styles(33, "bicycle", 8)},
    {0: "void", 26: "car", 33: "bicycle"},
    step=1,
)


def names(look):
    return {ident: choice.style for ident, choice in look.items()}


def test_commonest_styles_without_overrides():
    assert names(choose(OBJECTS, BOOK, StyleOverrides())) == {
        **{0: "void-0", 26000: "car-0", 26001: "car-0", 33000: "bicycle-0"}
    }  # 7 has a class that the book does not know


def test_object_before_class_before_lot_before_photo_before_commonest():
    overrides = parse_style_overrides(["random", "26001=car-3", "car=1"], BOOK)
    base = {ident: Choice(np.float32([9, 9])) for ident in (33000, 26000, 7)}
    look = choose(OBJECTS, BOOK, overrides, seed=1, base=base)
    assert look[26001].style == "car-3" and look[26000].style == "car-1"
    assert look[33000].style.startswith("bicycle-") and look[0].style.startswith("void-")
    assert np.array_equal(look[7].features, [9, 9])
    quiet = choose(OBJECTS, BOOK, parse_style_overrides(["26001=0"], BOOK), base=base)
    assert np.array_equal(quiet[33000].features, [9, 9]) and quiet[26001].style == "car-0"
    assert quiet[0].style == "void-0"


def test_lot_depends_on_seed_variation_and_object_alone():
    def lots(seed, variation=0, objects=OBJECTS):
        return names(
            choose(objects, BOOK, StyleOverrides(random=True), seed=seed, variation=variation)
        )

    assert lots(3) == lots(3)
    assert len({tuple(lots(s, v).items()) for s in range(4) for v in range(4)}) > 10
    more = Objects(IDS, {**OBJECTS.classes, 26002: 26})
    assert lots(3).items() <= lots(3, objects=more).items()
    drawn = {lots(seed)[33000] for seed in range(200)}
    assert len(drawn) == 8  # every style comes


def test_object_of_a_class_in_the_style_of_that_class_only():
    with pytest.raises(ConfigError, match="bicycle has no style 'car-1'"):
        choose(OBJECTS, BOOK, parse_style_overrides(["33000=car-1"], BOOK))
    with pytest.raises(ConfigError, match="class 7 has no styles; the book has void, car, bicycle"):
        choose(OBJECTS, BOOK, parse_style_overrides(["7=0"], BOOK))


def test_object_that_is_not_there():
    with pytest.raises(ConfigError, match="no object 5 in this picture; there are 0, 7, 26000"):
        choose(OBJECTS, BOOK, parse_style_overrides(["5=0"], BOOK))


@pytest.mark.parametrize("item", ["car", "car=", "=2", "randomly"])
def test_overrides_of_another_form(item):
    with pytest.raises(ConfigError, match="expected CLASS=STYLE"):
        parse_style_overrides([item], BOOK)


def test_box():
    assert OBJECTS.box(26001) == (1, 1, 1, 1) and OBJECTS.box(0) == (0, 0, 2, 1)


def test_look_written_and_read_back(tmp_path):
    values = np.random.default_rng(0).normal(size=3).astype(np.float32)
    look = {33000: Choice(values, "bicycle-1"), 0: Choice(values * 2)}
    write_look(tmp_path / "a.style.json", look)
    again = read_look(tmp_path / "a.style.json", 3)
    assert names(again) == names(look)
    assert all(np.array_equal(again[i].features, look[i].features) for i in look)
    with pytest.raises(DataError, match="another run"):
        read_look(tmp_path / "a.style.json", 4)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "img2img look 1", "objects": 3}'])
def test_file_that_is_no_look(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match=r"x\.json: not a style file"):
        read_look(tmp_path / "x.json", 3)
    with pytest.raises(DataError, match="No such file"):
        read_look(tmp_path / "missing.json", 3)
