"""Records as bytes."""

import pickle
import sys
from pathlib import Path

import pytest

from img2img.data.layouts import find_pairs
from img2img.data.pairing.table import Record, Records

ROWS = [("a", ["l/a.png", "p/a.jpg"]), ("b/ü", ["l/b/ü.png", "p/b/u\u0308.jpg"]), ("", ["", "x"])]


@pytest.fixture
def records():
    return Records.pack(Path("/root"), ["label", "image"], ROWS)


def test_records_come_back_as_they_were(records):
    made = [
        Record(name, {"label": Path("/root") / label, "image": Path("/root") / image})
        for name, (label, image) in ROWS
    ]
    assert list(records) == made
    assert records[-1] == made[-1] and list(records[1:]) == made[1:]
    assert list(records.take([2, 0])) == [made[2], made[0]]
    assert list(records.files("image")) == [record.files["image"] for record in made]
    assert list(records[1:].files("label")) == [record.files["label"] for record in made[1:]]
    with pytest.raises(IndexError):
        records[3]


def test_equal_where_all_records_are(records):
    assert records == Records.pack(Path("/root"), ["label", "image"], ROWS)
    assert records != Records.pack(Path("/else"), ["label", "image"], ROWS)
    assert records != records[:2]
    assert records.take([0]) == records[:1]


def test_neighbours_have_the_same_bytes_where_their_names_are_the_same(records):
    other = Records.pack(Path("/else"), ["label", "image"], ROWS[1:])
    assert records.packed(1, 3) == other.packed(0, 2) != records.packed(0, 2)
    joined = Records.pack(Path("/"), ["p"], [("a", ["b"]), ("c", ["d"])])
    apart = Records.pack(Path("/"), ["p"], [("a", ["bc"]), ("", ["d"])])
    assert joined.packed(0, 2) != apart.packed(0, 2)


def test_names_that_are_no_unicode(tmp_path):
    for part in "AB":
        (tmp_path / part).mkdir()
        for name in (b"caf\xe9.png", b"x.png"):
            try:
                (tmp_path / part / name.decode(errors="surrogateescape")).touch()
            except OSError:
                pytest.skip("names are Unicode on this file system")
    index = find_pairs(tmp_path, val_fraction=0)
    assert all(path.exists() for record in index.train for path in record.files.values())
    assert len(index.train) == 2


def test_a_record_costs_its_text_and_little_more():
    rows = [
        (f"{n:07d}", [f"train_label/{n:07d}.png", f"train_img/{n:07d}.jpg"]) for n in range(999)
    ]
    packed = Records.pack(Path("/root"), ["label", "image"], rows)
    assert len(pickle.dumps(packed)) < 999 * 80
    assert sys.getsizeof(packed._text) < 999 * 70
