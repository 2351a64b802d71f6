"""What the label files of a set are, together: ids or colours, or a question."""

import numpy as np
import pytest
from data_sets import describe, ids, photo, put, refusal
from PIL import Image

from img2img.data.reading import read_record

COLOURS = np.array([(255, 0, 0), (0, 0, 255), (0, 255, 0)], np.uint8)
# As values, 1 is id 1, or the grey of class 2.
GREYS = np.array([(0, 0, 0), (9, 9, 9), (1, 1, 1)], np.uint8)


def palette(folder, colours):
    path = folder / "palette.txt"
    path.write_text("".join(f"{r} {g} {b} c{i}\n" for i, (r, g, b) in enumerate(colours)))
    return str(path)


def first_label(data):
    """The classes that occur in the first label map, as training reads it."""
    record, spec = data.train.records[0], data.spec
    return np.unique(read_record(record, spec)["label"]).tolist()


def test_files_of_one_set_that_differ_are_refused(tmp_path):
    def mixed(number):
        return COLOURS[ids(0, 1, 2)] if number else ids(0, 1, 2)

    root = put(tmp_path / "d", {"images": photo, "labels": mixed})
    said = refusal(root, palette=palette(tmp_path, COLOURS))
    assert "not coded alike: 1 file with ids, for example" in said
    assert "2 files with the colours" in said and "data.label_coding=ids" in said


@pytest.mark.parametrize(("coding", "classes"), [("ids", [0, 1]), ("colours", [0, 2])])
def test_what_may_be_both_is_decided_by_the_setting(tmp_path, coding, classes):
    root = put(tmp_path / "d", {"images": photo, "labels": ids(0, 1)})
    colours = palette(tmp_path, GREYS)
    assert "data.label_coding=colours" in refusal(root, palette=colours)
    data = describe(root, palette=colours, label_coding=coding)
    assert first_label(data) == classes
    assert any("label files are read as" in remark for remark in data.remarks)


@pytest.mark.parametrize(("other", "classes"), [(2, [0, 1]), (9, [0, 2])])
def test_what_may_be_both_is_decided_by_the_other_files(tmp_path, other, classes):
    """2 is an id and no grey, 9 is a grey and no id."""

    def labels(number):
        return ids(0, 1) if number == 0 else ids(0, other)

    root = put(tmp_path / "d", {"images": photo, "labels": labels})
    data = describe(root, palette=palette(tmp_path, GREYS))
    assert first_label(data) == classes


def test_indices_of_several_colours_are_refused(tmp_path):
    root = put(tmp_path / "d", {"images": photo, "labels": ids(0, 1, 2)})
    for number in range(3):
        image = Image.fromarray(ids(0, 1, 2), "P")
        image.putpalette(np.roll(COLOURS, number, 0).ravel().tolist())
        image.save(root / f"labels/{number}.png")
    said = refusal(root)
    assert "palettes inside the indexed label files differ: index 0" in said
    assert "data.palette=FILE" in said and "data.label_coding=ids" in said
    assert first_label(describe(root, label_coding="ids")) == [0, 1, 2]
    assert first_label(describe(root, palette=palette(tmp_path, COLOURS))) == [0, 1, 2]


def test_colours_need_a_palette(tmp_path):
    root = put(tmp_path / "d", {"images": photo, "labels": ids(0, 1)})
    assert "set data.palette, too" in refusal(root, label_coding="colours")
