import numpy as np
import pytest

from img2img.errors import DataError
from img2img.fields.palettes import BUILT_IN, load_class_names, load_palette, nearest_class


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "file.txt"
    path.write_text(text, encoding=encoding)
    return str(path)


def test_built_in_palettes():
    assert {name: len(p.colours) for name, p in BUILT_IN.items()} == {
        "facades": 12,
        "cityscapes": 35,
        "camvid": 12,
    }
    cityscapes = load_palette("cityscapes")
    assert cityscapes.names[26] == "car"
    assert cityscapes.colours[26] == (0, 0, 142)
    facades = load_palette("facades")
    assert (facades.names[11], facades.colours[11]) == ("shop", (174, 0, 1))
    assert load_palette("camvid").names[11] == "void"
    for palette in BUILT_IN.values():
        assert len(palette.colours) == len(palette.names)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])  # the latter as Windows writes it
def test_palette_file(tmp_path, encoding):
    text = "0 0 0 nothing at all  # the first\n\n# a comment\n255 128 7\n 1 2 3 Straße\n"
    palette = load_palette(write(tmp_path, text, encoding))
    assert palette.colours == ((0, 0, 0), (255, 128, 7), (1, 2, 3))
    assert palette.names == ("nothing at all", "class-1", "Straße")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 0 0 a\n256 0 0 b", "line 2"),
        ("0 0 a", "line 1"),
        ("0 -1 0 a", "line 1"),
        ("0,0,0,a", "line 1"),
        ("# nothing\n\n", "no colours"),
    ],
)
def test_palette_file_that_is_none(tmp_path, text, said):
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=said) as error:
        load_palette(path)
    assert path in str(error.value)


def test_palette_file_of_bytes(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(DataError, match="not a palette"):
        load_palette(str(tmp_path / "a.png"))


def test_unknown_palette_gets_the_nearest_name():
    with pytest.raises(DataError, match=r"'facade' is neither .* did you mean 'facades'\?"):
        load_palette("facade")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_class_names(tmp_path, encoding):
    path = write(tmp_path, "sky\n building \nGehweg, naß\n\n", encoding)
    assert load_class_names(path) == ("sky", "building", "Gehweg, naß")


@pytest.mark.parametrize(
    ("text", "said"), [("", "empty"), ("\n\n", "empty"), ("a\nb\na\n", "twice: 'a'")]
)
def test_class_names_that_are_none(tmp_path, text, said):
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=said) as error:
        load_class_names(path)
    assert path in str(error.value)


def test_class_names_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match=r"data.classes: .*nowhere"):
        load_class_names(str(tmp_path / "nowhere"))


def test_nearest_class_against_all_distances():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (20, 30, 3), np.uint8)
    palette = load_palette("facades").colours
    distance = np.stack([((image.astype(int) - colour) ** 2).sum(-1) for colour in palette])
    ids = nearest_class(image, palette)
    assert ids.dtype == np.int64
    np.testing.assert_array_equal(ids, distance.argmin(0))


def test_nearest_class_keeps_classes_through_noise_and_ignores_alpha():
    palette = load_palette("camvid").colours
    ids = np.arange(12).reshape(3, 4)
    image = np.array(palette, np.int64)[ids] + np.random.default_rng(1).integers(-9, 10, (3, 4, 3))
    image = image.clip(0, 255).astype(np.uint8)
    np.testing.assert_array_equal(nearest_class(image, palette), ids)
    alpha = np.full((3, 4, 1), 7, np.uint8)
    np.testing.assert_array_equal(nearest_class(np.dstack([image, alpha]), palette), ids)


def test_of_equal_colours_the_lower_id():
    palette = load_palette("cityscapes").colours  # ids 0 to 4 are black, 26 and 34 are alike
    image = np.array([[(0, 0, 0), (0, 0, 142)]], np.uint8)
    assert nearest_class(image, palette).tolist() == [[0, 26]]
