import numpy as np
import pytest
from PIL import Image

from img2img import fields
from img2img.data.pairing.table import Record
from img2img.data.reading import check_sizes, read_record
from img2img.data.spec import DataSpec, PartSpec
from img2img.errors import DataError
from img2img.fields import Instance, Label
from img2img.fields.base import halve_picture
from img2img.fields.files import write_image
from img2img.fields.image import ImageSpec
from img2img.keys import TARGET

PALETTE = ((0, 0, 0), (255, 0, 0), (0, 255, 0))


def labels(**changes):
    return Label(**{"name": "label", "part": "label", "classes": 3} | changes)


def save(tmp_path, array, name="map.png"):
    write_image(tmp_path / name, np.asarray(array))
    return tmp_path / name


def record(tmp_path, **arrays):
    return Record("one", {part: save(tmp_path, a, f"{part}.png") for part, a in arrays.items()})


PHOTO = ImageSpec()


def spec_of(*inputs, target=PHOTO, halves=None):
    parts = {source.part for source in inputs} | {"image"}
    halves = halves or {}
    return DataSpec(
        inputs=inputs,
        target=target,
        parts=tuple(PartSpec(name=p, folder=p, half=halves.get(p, "")) for p in sorted(parts)),
    )


PHOTO = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)
INSTANCE = Instance(name="instance", part="instance")


# --- records ------------------------------------------------------------------------------


def test_instance_codes_of_24_bits(tmp_path):
    codes = np.array([[0, 255, 256, 65535], [65536, 70000, 26001, 2**24 - 1]])
    rgb = np.stack([codes % 256, codes // 256 % 256, codes // 65536], -1).astype(np.uint8)
    pair = record(tmp_path, instance=rgb, image=PHOTO)
    arrays = read_record(pair, spec_of(INSTANCE))
    assert arrays["instance"].dtype == np.int64
    np.testing.assert_array_equal(arrays["instance"], codes)
    np.testing.assert_array_equal(arrays[TARGET], PHOTO)


def test_ids_of_16_bits_stay_positive(tmp_path):
    ids = np.array([[0, 33000, 32767, 32768], [65535, 26001, 7, 1]], np.uint16)
    pair = record(tmp_path, label=ids, instance=ids, image=PHOTO)
    arrays = read_record(pair, spec_of(labels(classes=65536), INSTANCE))
    np.testing.assert_array_equal(arrays["instance"], ids.astype(np.int64))
    np.testing.assert_array_equal(arrays["label"], ids.astype(np.int64))


def test_both_halves_of_one_picture(tmp_path):
    both = np.arange(2 * 8 * 3, dtype=np.uint8).reshape(2, 8, 3)
    path = save(tmp_path, both)
    source = fields.Image(name="A", part="A", image=ImageSpec())
    spec = spec_of(source, halves={"A": "right", "image": "left"})
    arrays = read_record(Record("one", {"A": path, "image": path}), spec)
    np.testing.assert_array_equal(arrays["A"], both[:, 4:])
    np.testing.assert_array_equal(arrays[TARGET], both[:, :4])


def test_a_pair_of_different_sizes(tmp_path):
    pair = record(tmp_path, label=np.zeros((2, 5), np.uint8), image=PHOTO)
    with pytest.raises(DataError, match=r"one: .*label 5x2, target 4x2"):
        read_record(pair, spec_of(labels()))
    check_sizes({"a": (2, 3), "b": (2, 3)}, "anywhere")


@pytest.mark.parametrize("width", [6, 7])
def test_halves(width):
    array = np.arange(2 * width).reshape(2, width)
    np.testing.assert_array_equal(halve_picture(array, "left"), array[:, :3])
    np.testing.assert_array_equal(halve_picture(array, "right"), array[:, 3:6])
    assert halve_picture(array, "") is array


# --- labels -------------------------------------------------------------------------------


def test_colours_become_ids(tmp_path):
    ids = np.array([[0, 1], [2, 1]])
    path = save(tmp_path, np.array(PALETTE, np.uint8)[ids])
    np.testing.assert_array_equal(labels(palette=PALETTE).read(path), ids)
    np.testing.assert_array_equal(labels(palette=PALETTE).read(path, "right"), ids[:, 1:])
    with pytest.raises(DataError, match=r"map.png: a colour picture .*data.palette"):
        labels().read(path)


def test_colours_of_16_bits_are_refused(tmp_path):
    path = save(tmp_path, np.zeros((2, 2, 3), np.uint16))
    with pytest.raises(DataError, match=r"map.png: 3 channels of uint16 .*8 bits"):
        labels(palette=PALETTE).read(path)


def test_an_indexed_file_is_read_by_its_colours_where_a_palette_says_what_they_mean(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    image.putpalette([250, 3, 3, 9, 9, 9, 1, 250, 1])
    image.save(tmp_path / "p.png")
    assert labels(palette=PALETTE).read(tmp_path / "p.png").tolist() == [[1, 0, 2]]
    assert labels().read(tmp_path / "p.png").tolist() == [[0, 1, 2]]
    by_index = labels(palette=PALETTE, coding="ids")
    assert by_index.read(tmp_path / "p.png").tolist() == [[0, 1, 2]]


def test_ignored_pixels_keep_their_id(tmp_path):
    path = save(tmp_path, np.array([[0, 2, 255]], np.uint8))
    assert labels(ignore_id=255).read(path).tolist() == [[0, 2, 255]]
    with pytest.raises(DataError) as error:
        labels().read(path)
    assert all(word in str(error.value) for word in ("map.png", " 255 ", "0..2", "data.ignore_id"))


def test_an_id_in_the_middle_may_be_ignored():
    ids = np.array([[0, 1, 2]])
    np.testing.assert_array_equal(labels(ignore_id=1).to_classes(ids, "x"), ids)


def test_negative_ids():
    ids = np.array([[-1, 0, 2]])
    np.testing.assert_array_equal(labels(ignore_id=-1).to_classes(ids, "x"), ids)
    with pytest.raises(DataError, match=r"x: label ids -1 are outside"):
        labels().to_classes(ids, "x")


def test_renumbering():
    source = labels(remap={7: 0, 40: 1, 3: 2, 0: 3}, ignore_id=3)
    ids = np.array([[40, 7, 3, 0]])
    assert source.to_classes(ids, "x").tolist() == [[1, 0, 2, 3]]
    with pytest.raises(DataError) as error:  # the ids as they are in the file
        source.to_classes(np.array([[5, 7, 41, -2]]), "x")
    assert "x: label ids -2, 5, 41 did not occur" in str(error.value)


def test_colours_of_renumbered_classes():
    source = labels(classes=2, palette=PALETTE, remap={2: 0, 0: 1, 1: 2}, ignore_id=2)
    assert source.colours == (PALETTE[2], PALETTE[0])
    assert labels(classes=2, palette=PALETTE).colours == PALETTE[:2]
    assert labels(classes=4, palette=PALETTE).colours == ()


# --- images -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "wanted", "picks"),
    [
        (1, 3, [0, 0, 0]),
        (2, 3, [0, 0, 0]),
        (4, 3, [0, 1, 2]),
        (2, 1, [0]),
        (3, 3, [0, 1, 2]),
        (5, 5, [0, 1, 2, 3, 4]),
    ],
)
def test_channels_that_fit(stored, wanted, picks):
    array = np.random.default_rng(0).integers(0, 255, (3, 4, stored), np.uint8)
    np.testing.assert_array_equal(ImageSpec(channels=wanted).fit(array, "x"), array[..., picks])


@pytest.mark.parametrize(("stored", "wanted"), [(5, 3), (3, 1), (3, 4), (1, 4)])
def test_channels_that_do_not(stored, wanted):
    with pytest.raises(DataError, match=rf"x: {stored} channels?, .* have {wanted}"):
        ImageSpec(channels=wanted).fit(np.zeros((2, 2, stored), np.uint8), "x")


def test_another_bit_depth():
    with pytest.raises(DataError, match=r"x: uint16 values, .* uint8"):
        ImageSpec().fit(np.zeros((2, 2, 3), np.uint16), "x")


@pytest.mark.parametrize(
    ("dtype", "low", "high"), [("uint8", 0, 255), ("uint16", 0, 65535), ("uint16", 100, 4095)]
)
def test_normalising_is_inverted_exactly(dtype, low, high):
    spec = ImageSpec(dtype=dtype, low=low, high=high)
    array = np.arange(low, high + 1, dtype=dtype)
    normal = spec.normalise(array)
    assert normal.dtype == np.float32
    assert (normal[0], normal[-1]) == pytest.approx((-1, 1), abs=1e-6)
    np.testing.assert_array_equal(spec.denormalise(normal), array)


def test_values_beyond_the_range():
    spec = ImageSpec(dtype="uint16", low=100, high=200)
    assert spec.normalise(np.array([0, 150, 65535], np.uint16)).tolist() == [-1, 0, 1]
    assert ImageSpec().denormalise(np.array([-1.5, 0.0, 1.5])).tolist() == [0, 128, 255]
