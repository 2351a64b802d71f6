"""What is written under which name, and how much of it is kept for undo."""

import pytest

from img2img.errors import DataError
from img2img.ui.editing import paint, stroke
from img2img.ui.saving import save, slug


@pytest.mark.parametrize("end", [".png", ".style.json", "_label.png", "_instance.tif"])
def test_a_number_is_free_only_with_all_its_names(studio, tmp_path, end):
    (tmp_path / f"street-1{end}").write_text("mine")
    saved = save(studio.engine, studio.now, "street", tmp_path)
    assert saved.picture.name == "street-2.png"
    assert (tmp_path / f"street-1{end}").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("part", ["write_image", "write_look", "_write_ids"])
def test_nothing_is_left_of_what_cannot_be_saved(studio, tmp_path, monkeypatch, part):
    def fail(path, *_):
        path.write_text("half")
        raise DataError("the disk is full")

    monkeypatch.setattr(f"img2img.ui.saving.{part}", fail)
    with pytest.raises(DataError, match="full"):
        save(studio.engine, studio.now, "street", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_names_become_harmless():
    assert slug("../../etc/Pass wd") == "etc-pass-wd"
    assert slug("雪.png") == "png" and slug("...") == "picture"
    assert len(slug("x" * 500)) <= 60


def test_undo_counts_the_maps_of_objects(studio, monkeypatch):
    """The objects' ids take room beside the inputs."""
    now = studio.now
    step = sum(a.nbytes for a in now.inputs.values()) + now.objects.ids.nbytes
    monkeypatch.setattr("img2img.ui.history.LABEL_BYTES", 3 * step)
    for x in range(6):
        mask = stroke((32, 64), [(x * 8 + 1.5, 1.5)], 1)
        studio.edit(lambda before: paint(before, mask, 5, new=True), "painting")  # noqa: B023
    undone = 0
    while studio.history.former is not None:
        studio.undo()
        undone += 1
    assert undone == 2
