import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageCms, ImageOps

from img2img.errors import DamagedError, DataError
from img2img.fields.files import (
    ImageInfo,
    is_lossy,
    read_ids,
    read_image,
    read_info,
    suffix_for,
    write_image,
)

ORIENTATION = 0x0112


def random(shape, dtype=np.uint8, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(size=shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def oriented(value):
    exif = Image.Exif()
    exif[ORIENTATION] = value
    return exif


def png(path, width, height, depth, colour_type, rows, before=b"", after=b""):
    """A PNG from packed rows, for kinds that no library here writes."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = [chunk(b"IHDR", header)]
    chunks += [chunk(b"eXIf", before)] if before else []
    chunks += [chunk(b"IDAT", pixels)]
    chunks += [chunk(b"eXIf", after)] if after else []
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b""))
    return path


def cut(path, share=0.6):
    """The file without its end."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


# --- round trips --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF", ".npy"])
def test_integers_come_back_exactly(tmp_path, dtype, channels, suffix):
    array = random((5, 7, channels), dtype)
    path = tmp_path / f"ein Bild, 'Größe' 図{suffix}"
    write_image(path, array)
    back = read_image(path)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, array)
    info = read_info(path)
    assert (info.height, info.width, info.channels) == (5, 7, channels)
    assert info.dtype == np.dtype(dtype).name
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("dtype", "channels"), [(np.float32, 1), (np.float32, 3), (np.uint8, 2), (np.uint16, 5)]
)
@pytest.mark.parametrize("suffix", [".tif", ".npy"])
def test_floats_and_many_channels_come_back_exactly(tmp_path, dtype, channels, suffix):
    array = random((6, 4, channels), dtype)
    write_image(tmp_path / f"x{suffix}", array)
    back = read_image(tmp_path / f"x{suffix}")
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, array)
    assert suffix_for(dtype, channels) == ".tif"


@given(data=st.data())
def test_any_integer_picture_comes_back_exactly(tmp_path_factory, data):
    dtype = data.draw(st.sampled_from([np.uint8, np.uint16]))
    channels = data.draw(st.integers(1, 6))
    side = st.integers(1, 9)
    array = data.draw(arrays(dtype, (data.draw(side), data.draw(side), channels)))
    path = tmp_path_factory.mktemp("any") / ("x" + suffix_for(dtype, channels))
    write_image(path, array)
    np.testing.assert_array_equal(read_image(path), array)
    info = read_info(path)
    assert (info.height, info.width, info.channels) == array.shape


def test_array_without_channel_axis_is_grey(tmp_path):
    write_image(tmp_path / "x.png", random((3, 4)))
    assert read_image(tmp_path / "x.png").shape == (3, 4, 1)
    assert read_info(tmp_path / "x.png") == ImageInfo(3, 4, 1, "uint8", "grey")


def test_result_is_writable_and_contiguous(tmp_path):
    Image.fromarray(random((4, 6, 3))).save(tmp_path / "x.png", exif=oriented(6))
    image = read_image(tmp_path / "x.png")
    assert image.flags.writeable
    assert image.flags.c_contiguous


# --- kinds of files -----------------------------------------------------------------------


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("name", ["x.jpg", "x.png", "x.tif"])
def test_orientation_is_applied(tmp_path, value, name):
    array = np.repeat(np.repeat(random((2, 3, 3)), 8, 0), 8, 1)
    Image.fromarray(array).save(tmp_path / name, exif=oriented(value))
    with Image.open(tmp_path / name) as image:
        expected = np.array(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_image(tmp_path / name), expected)
    info = read_info(tmp_path / name)
    assert (info.height, info.width) == expected.shape[:2]
    assert info.turned == (value != 1)
    # Ids turn with their photo.
    np.testing.assert_array_equal(read_ids(tmp_path / name) % 256, expected[..., 0])


@pytest.mark.parametrize("value", range(1, 9))
def test_orientation_of_16_bit_colour_is_that_of_8_bit(tmp_path, value):
    array = random((2, 3, 3), np.uint16)
    rows = [row.astype(">u2").tobytes() for row in array]
    png(tmp_path / "deep.png", 3, 2, 16, 2, rows, before=oriented(value).tobytes()[6:])
    Image.fromarray((array >> 8).astype(np.uint8)).save(tmp_path / "x.png", exif=oriented(value))
    np.testing.assert_array_equal(
        read_image(tmp_path / "deep.png") >> 8, read_image(tmp_path / "x.png")
    )


def test_orientation_behind_the_pixels_is_seen_by_the_header_too(tmp_path):
    rows = [bytes([1, 2, 3])] * 2
    path = png(tmp_path / "x.png", 3, 2, 8, 0, rows, after=oriented(6).tobytes()[6:])
    assert read_image(path).shape == (3, 2, 1)
    assert (read_info(path).height, read_info(path).width) == (3, 2)


def test_palette_gives_colours_or_indices(tmp_path):
    ids = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    image = Image.fromarray(ids, "P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_ids(tmp_path / "x.png"), ids)
    assert read_image(tmp_path / "x.png")[0].tolist() == [[10, 20, 30], [40, 50, 60], [70, 80, 90]]
    assert read_info(tmp_path / "x.png") == ImageInfo(2, 3, 3, "uint8", "palette")


def test_palette_tiff_gives_colours_or_indices(tmp_path):
    ids = np.array([[0, 1, 255]], np.uint8)
    image = Image.fromarray(ids, "P")
    image.putpalette([*range(256)] * 3)
    image.save(tmp_path / "x.tif")
    np.testing.assert_array_equal(read_ids(tmp_path / "x.tif"), ids)
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif"), np.array(image.convert("RGB")))
    assert read_info(tmp_path / "x.tif").colour == "palette"


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy"])
def test_one_bit_is_black_and_white_or_0_and_1(tmp_path, suffix):
    mask = random((5, 9)) > 127
    if suffix == ".npy":
        np.save(tmp_path / "x.npy", mask)
    else:
        Image.fromarray(mask).save(tmp_path / f"x{suffix}")
    np.testing.assert_array_equal(read_image(tmp_path / f"x{suffix}")[..., 0], mask * np.uint8(255))
    np.testing.assert_array_equal(read_ids(tmp_path / f"x{suffix}"), mask)
    assert read_info(tmp_path / f"x{suffix}") == ImageInfo(5, 9, 1, "uint8", "grey")


@pytest.mark.parametrize(("depth", "step"), [(2, 85), (4, 17)])
def test_few_bits_of_grey_are_spread_for_images_but_not_for_ids(tmp_path, depth, step):
    row = bytes([0b00011011, 0b11100100])
    path = png(tmp_path / "x.png", 16 // depth, 1, depth, 0, [row])
    values = [0, 1, 2, 3, 3, 2, 1, 0] if depth == 2 else [1, 11, 14, 4]
    assert read_ids(path).tolist() == [values]
    assert read_image(path)[0, :, 0].tolist() == [value * step for value in values]


def test_grey_with_alpha(tmp_path):
    array = random((4, 5, 2))
    Image.fromarray(array, "LA").save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), array)
    np.testing.assert_array_equal(read_ids(tmp_path / "x.png"), array[..., 0])
    assert read_info(tmp_path / "x.png") == ImageInfo(4, 5, 2, "uint8", "grey")


@pytest.mark.parametrize(("extra", "colour"), [("unassalpha", "grey"), ("unspecified", "n")])
def test_two_channels_of_a_tiff_are_alpha_only_if_it_says_so(tmp_path, extra, colour):
    array = random((4, 5, 2))
    tifffile.imwrite(
        tmp_path / "x.tif",
        array,
        photometric="minisblack",
        planarconfig="contig",
        extrasamples=[extra],
    )
    assert read_info(tmp_path / "x.tif") == ImageInfo(4, 5, 2, "uint8", colour)


def test_16_bit_grey_with_alpha(tmp_path):
    array = random((4, 5, 2), np.uint16)
    rows = [row.astype(">u2").tobytes() for row in array]
    path = png(tmp_path / "x.png", 5, 4, 16, 4, rows)
    np.testing.assert_array_equal(read_image(path), array)
    assert read_info(path) == ImageInfo(4, 5, 2, "uint16", "grey")


def test_miniswhite_tiff_is_not_inverted(tmp_path):
    dark = np.full((3, 3), 5, np.uint8)
    tifffile.imwrite(tmp_path / "x.tif", 255 - dark, photometric="miniswhite")
    assert (read_image(tmp_path / "x.tif") == 5).all()


@pytest.mark.parametrize("planar", [True, False])
def test_many_channels_contiguous_or_planar(tmp_path, planar):
    array = random((6, 7, 5))
    stored = np.moveaxis(array, 2, 0) if planar else array
    kind = "separate" if planar else "contig"
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, stored, photometric="minisblack", planarconfig=kind)
    np.testing.assert_array_equal(read_image(path), array)
    assert read_info(path) == ImageInfo(6, 7, 5, "uint8", "n")


def test_pages_that_are_channels_are_one_picture(tmp_path):
    array = random((3, 6, 7), np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", array, imagej=True, metadata={"axes": "CYX"})
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif"), np.moveaxis(array, 0, 2))


def test_several_pages_are_refused(tmp_path):
    first, second = (Image.fromarray(random((4, 4), seed=seed)) for seed in (0, 1))
    first.save(tmp_path / "x.tif", save_all=True, append_images=[second])
    for read in (read_image, read_ids, read_info):
        with pytest.raises(DataError, match=r"x\.tif: a TIFF of 2 pages"):
            read(tmp_path / "x.tif")


def test_overview_beside_the_picture_is_passed_over(tmp_path):
    array = random((32, 32))
    with tifffile.TiffWriter(tmp_path / "x.tif") as tif:
        tif.write(array, photometric="minisblack", subfiletype=0)
        tif.write(array[::2, ::2], photometric="minisblack", subfiletype=1)
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif")[..., 0], array)


@pytest.mark.parametrize(
    ("stored", "read"),
    [("float64", "float32"), ("float16", "float32"), ("int16", "float32"), (">u2", "uint16")],
)
def test_types_become_one_that_holds_their_values(tmp_path, stored, read):
    array = np.array([[-3, 0, 200]] if stored != ">u2" else [[1, 2, 60000]]).astype(stored)
    np.save(tmp_path / "x.npy", array)
    back = read_image(tmp_path / "x.npy")
    assert back.dtype == read
    assert back.dtype.isnative
    np.testing.assert_array_equal(back[..., 0], array)
    assert read_info(tmp_path / "x.npy").dtype == read


def test_animation_is_refused_and_cmyk_becomes_rgb(tmp_path):
    frames = [Image.fromarray(random((4, 4, 3), seed=seed)) for seed in (0, 1)]
    frames[0].save(tmp_path / "x.png", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match="animation of 2 frames"):
        read_image(tmp_path / "x.png")
    Image.new("CMYK", (4, 4)).save(tmp_path / "x.jpg")
    assert (read_image(tmp_path / "x.jpg") == 255).all()
    assert read_info(tmp_path / "x.jpg") == ImageInfo(4, 4, 3, "uint8", "rgb", space="CMYK")


def test_colour_profiles_are_named_unless_they_are_the_usual_one(tmp_path):
    picture = Image.fromarray(random((4, 4, 3)))
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    usual = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile, space in ((usual, ""), (lab, "Lab"), (b"no profile", "damaged")):
        for suffix in ("jpg", "png", "tif"):
            picture.save(tmp_path / f"x.{suffix}", icc_profile=profile)
            found = read_info(tmp_path / f"x.{suffix}").space
            assert space.lower() in found.lower() and bool(space) == bool(found)


def test_content_decides_not_the_suffix(tmp_path):
    Image.fromarray(random((8, 8, 3))).save(tmp_path / "x.jpg")
    (tmp_path / "x.jpg").rename(tmp_path / "x.png")
    assert read_image(tmp_path / "x.png").shape == (8, 8, 3)
    assert is_lossy(tmp_path / "x.png")


def test_pictures_above_pillows_limit_are_read(tmp_path):
    # 179 million pixels are Pillow's limit; one bit each keeps this small.
    Image.new("1", (20_000, 9_000)).save(tmp_path / "x.png")
    assert read_info(tmp_path / "x.png").width == 20_000


# --- ids ----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy"])
def test_16_bit_ids_stay_positive(tmp_path, suffix):
    ids = np.array([[0, 26001, 32768, 65535]], np.uint16)
    write_image(tmp_path / f"x{suffix}", ids)
    back = read_ids(tmp_path / f"x{suffix}")
    assert back.dtype == np.int64
    np.testing.assert_array_equal(back, ids)


@pytest.mark.parametrize("dtype", ["uint32", "int32", "int64", "int8"])
@pytest.mark.parametrize("suffix", [".tif", ".npy"])
def test_wide_ids_are_exact(tmp_path, dtype, suffix):
    ids = np.array([[0, 1, np.iinfo(dtype).max]], dtype)
    write_image(tmp_path / f"x{suffix}", ids)
    np.testing.assert_array_equal(read_ids(tmp_path / f"x{suffix}"), ids)


def test_wide_ids_are_no_image(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 2), np.uint64))
    with pytest.raises(DataError, match="uint64 is no type for an image"):
        read_image(tmp_path / "x.npy")
    assert read_info(tmp_path / "x.npy").dtype == "uint64"


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_are_24_bit_codes(tmp_path, channels):
    array = random((3, 4, channels))
    write_image(tmp_path / "x.png", array)
    red, green, blue = np.moveaxis(array[..., :3].astype(int), -1, 0)
    np.testing.assert_array_equal(read_ids(tmp_path / "x.png"), red + 256 * green + 65536 * blue)


def test_floats_that_are_whole_numbers_are_ids(tmp_path):
    np.save(tmp_path / "f.npy", np.array([[0.0, 7.0], [-1.0, 16777216.0]], np.float64))
    assert read_ids(tmp_path / "f.npy").tolist() == [[0, 7], [-1, 16777216]]


def test_an_index_without_a_colour_is_not_black(tmp_path):
    """An index beyond the palette's three entries, which Pillow would not write."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 3, 0, 0, 0)), (b"PLTE", bytes(9))]
    parts += [(b"IDAT", zlib.compress(bytes([0, 0, 1, 0, 2, 200]))), (b"IEND", b"")]
    with open(tmp_path / "p.png", "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, data in parts:
            file.write(struct.pack(">I", len(data)) + kind + data)
            file.write(struct.pack(">I", zlib.crc32(kind + data)))
    assert read_ids(tmp_path / "p.png").tolist() == [[0, 1], [2, 200]]
    with pytest.raises(
        DataError, match=r"p\.png: an indexed picture with the index 200, but colours up"
    ):
        read_image(tmp_path / "p.png")


def test_what_is_no_ids_is_refused(tmp_path):
    write_image(tmp_path / "f.tif", np.array([[0, 1], [0.25, np.nan]], np.float32))
    said = r"f\.tif: float32 values such as 0\.25 are no ids.*\(2 pixels of 4\).*kind: image"
    with pytest.raises(DataError, match=said):
        read_ids(tmp_path / "f.tif")
    write_image(tmp_path / "c.png", random((2, 2, 3), np.uint16))
    with pytest.raises(DataError, match="3 channels of uint16 are no ids"):
        read_ids(tmp_path / "c.png")
    np.save(tmp_path / "u.npy", np.full((1, 1), 2**63, np.uint64))
    with pytest.raises(DataError, match="renumber"):
        read_ids(tmp_path / "u.npy")


def test_is_lossy(tmp_path):
    image = Image.fromarray(random((16, 16, 3)))
    image.save(tmp_path / "x.png")
    image.save(tmp_path / "x.jpg")
    image.save(tmp_path / "lossy.webp", exif=oriented(1))
    image.save(tmp_path / "exact.webp", lossless=True, exif=oriented(1))
    image.save(tmp_path / "jpeg.tif", compression="jpeg")
    image.save(tmp_path / "lzw.tif", compression="tiff_lzw")
    lossy = {path.name for path in tmp_path.iterdir() if is_lossy(path)}
    assert lossy == {"x.jpg", "lossy.webp", "jpeg.tif"}


# --- files that cannot be read ------------------------------------------------------------


def damaged(folder, name):
    """A truncated file of a kind."""
    path = folder / name
    array = random((64, 64, 3))
    if name == "deep.png":
        write_image(path, array.astype(np.uint16) * 257)
    elif name == "grey16.png":
        write_image(path, random((64, 64), np.uint16))
    elif path.suffix in (".tif", ".npy"):
        write_image(path, array)
    else:
        Image.fromarray(array).save(path)
    return cut(path)


@pytest.mark.parametrize(
    "name", ["x.jpg", "x.png", "deep.png", "grey16.png", "x.tif", "x.npy", "x.webp", "x.bmp"]
)
@pytest.mark.parametrize("read", [read_image, read_ids])
def test_truncated_files_are_named(tmp_path, name, read):
    path = damaged(tmp_path, name)
    with pytest.raises(DataError, match="damaged or incomplete") as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("read", [read_image, read_ids, read_info, is_lossy])
def test_missing_empty_and_folders_are_named(tmp_path, read):
    with pytest.raises(DataError, match=r"x\.png: there is no such file"):
        read(tmp_path / "x.png")
    (tmp_path / "x.png").touch()
    with pytest.raises(DataError, match=r"x\.png: the file is empty"):
        read(tmp_path / "x.png")
    with pytest.raises(DataError, match="a folder"):
        read(tmp_path)


@pytest.mark.parametrize("read", [read_image, read_ids, read_info])
def test_what_is_no_picture_is_named(tmp_path, read):
    (tmp_path / "x.png").write_text("not a picture")
    with pytest.raises(DataError, match=r"x\.png: not a picture of a known kind"):
        read(tmp_path / "x.png")


def test_pickled_arrays_are_never_loaded(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[{}]]), allow_pickle=True)
    with pytest.raises(DataError, match=r"x\.npy"):
        read_image(tmp_path / "x.npy")


@pytest.mark.parametrize("shape", [(4,), (0, 4), (2, 2, 2, 2)])
def test_arrays_of_other_shapes_are_refused(tmp_path, shape):
    np.save(tmp_path / "x.npy", np.zeros(shape))
    with pytest.raises(DataError, match="shape"):
        read_image(tmp_path / "x.npy")
    with pytest.raises(DataError, match="shape"):
        write_image(tmp_path / "y.npy", np.zeros(shape))


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="POSIX permissions")
def test_unreadable_file_is_named(tmp_path):
    path = tmp_path / "x.png"
    write_image(path, random((2, 2)))
    path.chmod(0)
    root = os.geteuid() == 0  # root may read everything
    if root:
        os.seteuid(65534)
    try:
        with pytest.raises(DataError, match="permission denied"):
            read_image(path)
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("seed", range(4))
def test_random_damage_is_a_data_error_or_a_picture(tmp_path, seed):
    rng = np.random.default_rng(seed)
    for name in ("x.jpg", "x.png", "deep.png", "x.tif", "x.webp", "x.npy"):
        path = damaged(tmp_path, name)
        content = bytearray(path.read_bytes())
        for place in rng.integers(0, len(content), 4):
            content[place] = rng.integers(256)
        path.write_bytes(content)
        for read in (read_image, read_ids, read_info, is_lossy):
            try:
                read(path)
            except DataError as error:
                assert str(path) in str(error)


# --- compressed TIFFs without imagecodecs -------------------------------------------------

WITHOUT_CODECS = """
import sys
sys.modules["imagecodecs"] = None
import numpy as np
from img2img.fields.files import read_image, read_ids
from img2img.errors import DamagedError, DataError
read = read_ids if sys.argv[2] == "ids" else read_image
try:
    np.save(sys.argv[3], read(sys.argv[1]))
except DataError as error:
    print(error)
"""


def read_without_codecs(path, what="image"):
    out = path.with_suffix(".out.npy")
    command = [sys.executable, "-c", WITHOUT_CODECS, str(path), what, str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return np.load(out) if out.exists() else done.stdout


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_lzw_tiff_is_read_without_imagecodecs(tmp_path, dtype, channels):
    array = random((16, 16, channels), dtype)
    stored = array if channels == 1 else array[..., ::-1]
    # OpenCV's own default compression of integers is LZW.
    assert cv2.imwrite(str(tmp_path / "x.tif"), stored, [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    np.testing.assert_array_equal(read_without_codecs(tmp_path / "x.tif"), array)


def test_lzw_palette_and_bilevel_ids_are_read_without_imagecodecs(tmp_path):
    ids = random((8, 8)) % 3
    image = Image.fromarray(ids, "P")
    image.putpalette([*range(256)] * 3)
    image.save(tmp_path / "x.tif", compression="tiff_lzw", exif=oriented(8))
    np.testing.assert_array_equal(read_without_codecs(tmp_path / "x.tif", "ids"), np.rot90(ids))
    Image.fromarray(ids > 0).save(tmp_path / "y.tif", compression="group4")
    np.testing.assert_array_equal(read_without_codecs(tmp_path / "y.tif", "ids"), ids > 0)


def plain_tiff(path, *, compression, bits, data):
    """A 16x16 grey TIFF, its one strip's bytes as they are given."""
    sizes = [(256, 16), (257, 16), (258, bits), (259, compression), (262, 1)]
    places = [(273, 8), (277, 1), (278, 16), (279, len(data))]
    tags = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sizes + places)
    head = struct.pack("<2sHI", b"II", 42, 8 + len(data))
    path.write_bytes(head + data + struct.pack("<H", 9) + tags + bytes(4))


TWELVE_BITS = {"compression": 1, "bits": 12, "data": bytes(range(128)) * 3}


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"compression": 50000, "bits": 8, "data": b"frame"}, "compressed with ZSTD"),
        ({"compression": 34887, "bits": 32, "data": b"Lerc2"}, "compressed with LERC"),
        ({"compression": 34712, "bits": 16, "data": b"jp2"}, "compressed with JPEG2000"),
        (TWELVE_BITS, "of packed 12-bit values"),
    ],
)
def test_other_tiffs_ask_for_imagecodecs(tmp_path, options, what):
    plain_tiff(tmp_path / "x.tif", **options)
    said = read_without_codecs(tmp_path / "x.tif")
    assert f"x.tif: a TIFF {what}; to read it: pip install imagecodecs" in said
    assert "damaged" not in said


def test_a_damaged_lzw_tiff_is_called_damaged(tmp_path):
    plain_tiff(tmp_path / "x.tif", compression=5, bits=8, data=b"\x80\x00")
    assert "damaged" in read_without_codecs(tmp_path / "x.tif")


@pytest.mark.parametrize("compression", ["lzw", "zstd", "lerc", "jpeg2000"])
def test_tiffs_that_imagecodecs_reads(tmp_path, compression):
    pytest.importorskip("imagecodecs", reason="the extra `tiff` is not installed")
    array = random((8, 8, 5))
    options = {"photometric": "minisblack", "planarconfig": "contig", "compression": compression}
    tifffile.imwrite(tmp_path / "x.tif", array, **options)
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif"), array)
    assert "pip install imagecodecs" in read_without_codecs(tmp_path / "x.tif")


def test_packed_values_that_imagecodecs_reads(tmp_path):
    pytest.importorskip("imagecodecs", reason="the extra `tiff` is not installed")
    plain_tiff(tmp_path / "x.tif", **TWELVE_BITS)
    triples = np.frombuffer(TWELVE_BITS["data"], np.uint8).reshape(-1, 3).astype(np.uint16)
    first, second = (
        triples[:, 0] << 4 | triples[:, 1] >> 4,
        (triples[:, 1] & 15) << 8 | triples[:, 2],
    )
    expected = np.stack([first, second], 1).reshape(16, 16, 1)
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif"), expected)


# --- writing ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "array", "instead"),
    [
        ("x.png", np.zeros((2, 2), np.int32), ".tif or .npy"),
        ("x.png", np.zeros((2, 2), np.float32), ".tif or .npy"),
        ("x.png", np.zeros((2, 2, 5), np.uint8), ".tif or .npy"),
        ("x.png", np.zeros((2, 2, 2), np.uint8), ".tif or .npy"),
        ("x.jpg", np.zeros((2, 2, 3), np.uint8), ".png or .tif or .npy"),
        ("x", np.zeros((2, 2, 3), np.uint8), ".png or .tif or .npy"),
        ("x.tif", np.zeros((2, 2), bool), ".npy"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path, name, array, instead):
    with pytest.raises(DataError, match=f"name it {instead}$"):
        write_image(tmp_path / name, array)
    assert not list(tmp_path.iterdir())


def test_writing_replaces_and_reports_missing_folders(tmp_path):
    write_image(tmp_path / "x.png", np.zeros((2, 2), np.uint8))
    write_image(tmp_path / "x.png", np.ones((2, 2), np.uint8))
    assert (read_image(tmp_path / "x.png") == 1).all()
    with pytest.raises(DataError, match="cannot be written"):
        write_image(tmp_path / "none" / "x.png", np.zeros((2, 2), np.uint8))


FULL_DISK = """
import resource, sys
import numpy as np
from img2img.fields.files import write_image
from img2img.errors import DamagedError, DataError
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_image(sys.argv[1], np.random.default_rng(0).integers(0, 255, (99, 99), np.uint8))
except DataError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy"])
def test_full_disk_leaves_the_old_file_and_no_new_one(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    write_image(path, np.zeros((2, 2), np.uint8))
    command = [sys.executable, "-c", FULL_DISK, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"{path}: cannot be written" in done.stdout
    assert list(tmp_path.iterdir()) == [path]
    assert (read_image(path) == 0).all()


def test_importing_loads_neither_torch_nor_tifffile():
    code = (
        "import sys, img2img.data.layouts; "
        "print([m for m in ('torch', 'albumentations', 'tifffile') if m in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS.*git lfs pull"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"PK\3\4" + bytes(40), "an archive.*npy"),
    ],
)
def test_what_only_has_a_pictures_name_is_named(tmp_path, content, said):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(DataError, match=rf"x\.png: no picture, but {said}"):
        read_image(tmp_path / "x.png")


def test_values_that_are_no_numbers_of_a_picture_are_not_called_damage(tmp_path):
    np.save(tmp_path / "o.npy", np.array([[{}]], object), allow_pickle=True)
    with pytest.raises(DataError, match="Python objects"):
        read_image(tmp_path / "o.npy")
    tifffile.imwrite(tmp_path / "c.tif", np.ones((2, 2), np.complex64))
    with pytest.raises(DataError, match="complex64 values are no ids"):
        read_ids(tmp_path / "c.tif")
    write_image(tmp_path / "p.png", random((40, 40), np.uint8))
    (tmp_path / "p.png").write_bytes((tmp_path / "p.png").read_bytes()[:-200])
    with pytest.raises(DamagedError):
        read_image(tmp_path / "p.png")


def test_pixels_without_an_id_are_counted(tmp_path):
    tifffile.imwrite(tmp_path / "n.tif", np.array([[0, np.nan], [np.nan, 3]], np.float32))
    with pytest.raises(DataError, match=r"2 pixels of 4 without an id \(nan\).*ignore_id=255"):
        read_ids(tmp_path / "n.tif")
