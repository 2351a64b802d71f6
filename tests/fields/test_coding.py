"""A label map means the same, however it is saved."""

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from img2img.errors import DataError
from img2img.fields import Label
from img2img.fields.palettes import nearest_class

SETTING = "data.label_coding"
COLOURS = ((255, 0, 0), (0, 0, 255), (128, 0, 128), (0, 255, 0))
GREYS = ((255, 255, 255), (0, 0, 0), (2, 2, 2), (128, 128, 128))


def label(palette=(), **changes):
    return Label(name="label", part="label", classes=len(palette) or 8, palette=palette, **changes)


def indexed(ids, palette, order):
    """The map as a file whose palette has its colours in another order."""
    place = np.argsort(order)
    image = Image.fromarray(place[ids].astype(np.uint8), "P")
    image.putpalette([value for k in order for value in palette[k]])
    return image


def files(folder, ids, palette, order):
    """One map, saved in all the ways; those of grey alone where its colours allow."""
    colours = np.array(palette, np.uint8)
    rgb = colours[ids]
    opaque = np.full((*ids.shape, 1), 255, np.uint8)
    indexed(ids, palette, order).save(folder / "indexed.png")
    indexed(ids, palette, order).save(folder / "indexed.bmp")
    Image.fromarray(rgb).save(folder / "rgb.png")
    Image.fromarray(np.dstack([rgb, opaque])).save(folder / "rgba.png")
    np.save(folder / "rgb.npy", rgb)
    Image.fromarray(ids.astype(np.uint8)).save(folder / "ids.png")
    Image.fromarray(ids.astype(np.uint16)).save(folder / "ids16.png")
    Image.fromarray(np.dstack([ids.astype(np.uint8), opaque]), "LA").save(folder / "ids_alpha.png")
    Image.fromarray(np.dstack([ids.astype(np.uint8)] * 3)).save(folder / "ids_rgb.png")
    np.save(folder / "ids64.npy", ids)
    np.save(folder / "whole.npy", ids.astype(np.float32))
    tifffile.imwrite(folder / "ids32.tif", ids.astype(np.int32))
    if all(red == green == blue for red, green, blue in palette):
        Image.fromarray(rgb[..., 0]).save(folder / "grey.png")
    return sorted(folder.iterdir())


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    values=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    palette=st.sampled_from([COLOURS, GREYS]),
    order=st.permutations(range(4)),
)
def test_the_same_map_gives_the_same_ids_or_is_refused(tmp_path_factory, values, palette, order):
    folder = tmp_path_factory.mktemp("map")
    ids = np.array([values, values])
    drafts = {way: label(palette, grey=way) for way in ("ids", "colours")}
    for path in files(folder, ids, palette, list(order)):
        decoded = label(palette).decode(path)
        if not decoded.either:
            np.testing.assert_array_equal(decoded.ids, ids, err_msg=path.name)
            continue
        # Both are possible: the right one is among them, and the data's other files decide.
        found = [draft.decode(path).ids.tolist() for draft in drafts.values()]
        assert ids.tolist() in found and palette == GREYS
        way = "ids" if path.name.startswith(("ids", "whole")) else "colours"
        np.testing.assert_array_equal(drafts[way].decode(path).ids, ids, err_msg=path.name)


def test_without_a_palette_grey_is_ids_however_it_is_saved(tmp_path):
    ids = np.array([[0, 3, 7]])
    grey = ids.astype(np.uint8)
    Image.fromarray(np.dstack([grey] * 3)).save(tmp_path / "a.png")
    Image.fromarray(grey).save(tmp_path / "b.png")
    for path in sorted(tmp_path.iterdir()):
        np.testing.assert_array_equal(label().read(path), ids)


@pytest.mark.parametrize(
    ("palette", "flip"), [(((0,) * 3, (255,) * 3), 0), (((255,) * 3, (0,) * 3), 1)]
)
def test_one_bit(tmp_path, palette, flip):
    """As ids 0 and 1, as colours black and white: the same, or a question."""
    bits = np.array([[0, 1, 1]])
    Image.fromarray(bits.astype(bool)).save(tmp_path / "bits.png")
    decoded = label(palette).decode(tmp_path / "bits.png")
    assert decoded.either == bool(flip)
    by_colours = label(palette, coding="colours").decode(tmp_path / "bits.png")
    np.testing.assert_array_equal(by_colours.ids, bits ^ flip)
    np.testing.assert_array_equal(label().read(tmp_path / "bits.png"), bits)


def test_alpha_that_holds_the_mask_is_refused_and_other_alpha_is_told(tmp_path):
    alpha = np.array([[0, 255, 255]], np.uint8)
    Image.fromarray(np.dstack([np.zeros((1, 3, 3), np.uint8), alpha])).save(tmp_path / "mask.png")
    for field in (label(COLOURS), label()):
        with pytest.raises(
            DataError, match=r"mask\.png: one colour all over, and a mask in the alpha"
        ):
            field.read(tmp_path / "mask.png")
    rgb = np.array(COLOURS, np.uint8)[[[0, 1, 3]]]
    Image.fromarray(np.dstack([rgb, alpha])).save(tmp_path / "holes.png")
    decoded = label(COLOURS).decode(tmp_path / "holes.png")
    assert decoded.transparent and decoded.ids.tolist() == [[0, 1, 3]]


def test_transparent_colours_of_an_indexed_file_stay_its_indices(tmp_path):
    image = indexed(np.array([[0, 1, 2, 3]]), COLOURS, [2, 0, 1, 3])
    image.save(tmp_path / "p.png", transparency=0)
    assert label(COLOURS).read(tmp_path / "p.png").tolist() == [[0, 1, 2, 3]]
    assert label().read(tmp_path / "p.png").tolist() == [[1, 2, 0, 3]]


def test_cmyk_is_read_as_its_colours(tmp_path):
    rgb = np.array(COLOURS, np.uint8)[np.repeat([[0, 1, 3]], 8, 0).repeat(8, 1)]
    Image.fromarray(rgb).convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    assert label(COLOURS).read(tmp_path / "c.jpg")[4, 4::8].tolist() == [0, 1, 3]


def test_negative_ids_are_no_colours(tmp_path):
    tifffile.imwrite(tmp_path / "n.tif", np.array([[-1, 0]], np.int16))
    with pytest.raises(DataError, match=rf"ids -1 are outside.*{SETTING}=colours"):
        label(GREYS).read(tmp_path / "n.tif")
    known = label(GREYS, ignore_id=-1).read(tmp_path / "n.tif")
    assert known.tolist() == [[-1, 0]]


def test_another_palette_inside_an_indexed_file_is_refused(tmp_path):
    """The run reads indices, as its files have no palette in the settings."""
    ids = np.array([[0, 1, 2, 3]])
    indexed(ids, COLOURS, [0, 1, 2, 3]).save(tmp_path / "own.png")
    indexed(ids, COLOURS, [3, 1, 2, 0]).save(tmp_path / "other.png")
    run = label(embedded=dict(enumerate(COLOURS)))
    assert run.read(tmp_path / "own.png").tolist() == [[0, 1, 2, 3]]
    with pytest.raises(
        DataError, match=rf"other\.png: index .* data\.palette=FILE \(or {SETTING}=ids"
    ):
        run.read(tmp_path / "other.png")
    told = label(embedded=dict(enumerate(COLOURS)), coding="ids")
    assert told.read(tmp_path / "other.png").tolist() == [[3, 1, 2, 0]]


@pytest.mark.parametrize("quality", [None, 90])
def test_mixed_edges_are_read_as_a_neighbour(tmp_path, quality):
    """A blue disc on red, smoothed: half of each is the colour of a third class."""
    ids = np.zeros((256, 256), np.uint8)
    cv2.circle(ids, (130, 121), 70, 1, -1)
    smooth = cv2.resize(np.array(COLOURS, np.uint8)[ids], (64, 64), interpolation=cv2.INTER_AREA)
    truth = cv2.resize(ids * 255, (64, 64), interpolation=cv2.INTER_AREA) > 127
    assert (nearest_class(smooth, COLOURS) == 2).sum() >= 50
    path = tmp_path / ("m.jpg" if quality else "m.png")
    Image.fromarray(smooth).save(path, **({"quality": quality} if quality else {}))
    decoded = label(COLOURS).decode(path)
    assert (decoded.ids == 2).mean() <= (0.005 if quality else 0) and decoded.mixed > 50
    assert (decoded.ids == truth).mean() > 0.99


def test_thin_lines_of_a_map_that_nobody_smoothed_stay(tmp_path):
    """A line of the third class between the two whose mixture its colour is."""
    ids = np.zeros((32, 32), int)
    ids[:, 16], ids[:, 17:] = 2, 1
    Image.fromarray(np.array(COLOURS, np.uint8)[ids]).save(tmp_path / "m.png")
    np.testing.assert_array_equal(label(COLOURS).read(tmp_path / "m.png"), ids)


def test_values_that_may_be_both_are_refused_unless_the_run_knows(tmp_path):
    Image.fromarray(np.array([[0, 2]], np.uint8)).save(tmp_path / "g.png")
    with pytest.raises(DataError, match=rf"g\.png: .* ids as well as greys .*{SETTING}=ids"):
        label(GREYS).read(tmp_path / "g.png")
    assert label(GREYS, grey="ids").read(tmp_path / "g.png").tolist() == [[0, 2]]
    assert label(GREYS, grey="colours").read(tmp_path / "g.png").tolist() == [[1, 2]]
    assert label(GREYS, coding="colours").read(tmp_path / "g.png").tolist() == [[1, 2]]
