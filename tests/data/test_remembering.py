"""What an earlier start found: used where nothing changed, and only there."""

import os
import time

import numpy as np
import pytest
from data_sets import describe, ids, photo, put, refusal, save

from img2img.cli import main
from img2img.data import remembering

PAIRS = 40
LONG_AGO = time.time_ns() - 3600 * 10**9


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch, tmp_path):
    monkeypatch.setattr(remembering, "BLOCK", 4)
    monkeypatch.setattr(remembering, "SETTLED", -1.0)  # the files were written a moment ago
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def pairs(tmp_path):
    root = put(tmp_path / "pairs", {"train_label": of_number, "train_img": photo}, PAIRS)
    return settle(root)


def of_number(number):
    """A label map with ids that not all have."""
    return ids(0, 1, 2 + number % 3)


def settle(root):
    """All files as if written long ago."""
    for path in root.rglob("*.*"):
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return root


def recalled(data):
    """How many pairs were not looked at."""
    [number] = [r.split(" of ")[1].split()[-1] for r in data.remarks if "not looked at" in r] or [0]
    return int(number)


def seen(data):
    """All that is known of the data, but for how it came to be known."""
    names = [data.train.name(i) for i in range(len(data.train))]
    remarks = [remark for remark in data.remarks if "not looked at" not in remark]
    return data.spec, data.sizes, names, remarks


def changed(path, array):
    save(path, array)
    os.utime(path, ns=(LONG_AGO + 1, LONG_AGO + 1))


def cache(tmp_path):
    [file] = (tmp_path / "cache" / "img2img" / "scans").iterdir()
    return file


CHANGES = {
    "added": lambda root: (
        changed(root / "train_label/7b.png", ids(0, 9)),
        changed(root / "train_img/7b.png", photo(99)),
    ),
    "removed": lambda root: [(root / f"{part}/11.png").unlink() for part in PARTS],
    "half removed": lambda root: (root / "train_img/11.png").unlink(),
    "renamed": lambda root: [
        (root / f"{part}/3.png").rename(root / f"{part}/33b.png") for part in PARTS
    ],
    "exchanged": lambda root: (
        (root / "train_label/5.png").rename(root / "train_label/x"),
        (root / "train_label/6.png").rename(root / "train_label/5.png"),
        (root / "train_label/x").rename(root / "train_label/6.png"),
    ),
    "rewritten": lambda root: changed(root / "train_label/20.png", ids(0, 1, 17)),
    "in colour": lambda root: changed(root / "train_img/4.png", photo(4, (6, 8))),
    "resized": lambda root: (
        changed(root / "train_label/8.png", np.zeros((10, 12), np.uint8)),
        changed(root / "train_img/8.png", photo(8, (10, 12, 3))),
    ),
}
PARTS = ("train_label", "train_img")


def test_nothing_is_looked_at_twice(pairs):
    first, second = describe(pairs), describe(pairs)
    assert (recalled(first), recalled(second)) == (0, PAIRS)
    assert seen(second) == seen(first) == seen(describe(pairs, scan_cache=False))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changes_are_noticed(pairs, change):
    describe(pairs)
    change(pairs)
    after = describe(pairs)
    count = len(after.train) + len(after.val)
    assert 0 < recalled(after) < count, "only what changed is looked at"
    assert seen(after) == seen(describe(pairs, scan_cache=False))
    assert recalled(describe(pairs)) == count


def test_a_new_id_of_one_file_counts(pairs):
    describe(pairs)
    changed(pairs / "train_label" / "20.png", ids(0, 30))
    assert describe(pairs).spec.inputs[0].classes == 31
    changed(pairs / "train_label" / "20.png", ids(0, 1))
    os.utime(pairs / "train_label" / "20.png", ns=(LONG_AGO + 2, LONG_AGO + 2))
    assert describe(pairs).spec.inputs[0].classes == 5


def test_a_file_that_was_cut_off_since_is_named_every_time(pairs):
    describe(pairs)
    path = pairs / "train_img" / "17.png"
    path.write_bytes(path.read_bytes()[:-60])
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    message = refusal(pairs, scan_cache=False)
    assert str(path) in message
    assert refusal(pairs) == refusal(pairs) == message.replace("data.scan_cache=False ", "")


def test_bytes_of_the_same_size_and_time_are_noticed(pairs):
    describe(pairs)
    path = pairs / "train_img" / "17.png"
    path.write_bytes(b"x" * path.stat().st_size)
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    assert str(path) in refusal(pairs)


def test_a_check_looks_at_everything(pairs, tmp_path):
    describe(pairs)
    memory = cache(tmp_path).read_bytes()
    main(["check-data", str(pairs), "--out", str(tmp_path / "report")])
    rows = (tmp_path / "report" / "labels.csv").read_text().splitlines()
    assert len(rows) == 1 + PAIRS
    assert cache(tmp_path).read_bytes() == memory


def test_what_was_written_a_moment_ago_is_not_relied_on(pairs, monkeypatch):
    monkeypatch.setattr(remembering, "SETTLED", 60.0)
    assert [recalled(describe(pairs)) for _ in range(2)] == [0, 0]


def test_other_settings_are_other_questions(tmp_path):
    colours = np.array([(0, 0, 0), (200, 0, 0), (0, 0, 200)], np.uint8)
    root = tmp_path / "pairs"
    for number in range(PAIRS):
        save(root / "train_label" / f"{number}.png", colours[ids(0, 1, 2)])
        save(root / "train_img" / f"{number}.png", photo(number))
    settle(root)
    palettes = {}
    for name, rows in (("two", colours[:2]), ("three", colours)):
        palettes[name] = str(tmp_path / f"{name}.txt")
        lines = [f"{r} {g} {b} c{i}" for i, (r, g, b) in enumerate(rows.tolist())]
        (tmp_path / f"{name}.txt").write_text("\n".join(lines))
    for name in ("two", "three", "two"):
        plain = describe(root, palette=palettes[name], scan_cache=False)
        assert seen(describe(root, palette=palettes[name])) == seen(plain)
        assert seen(describe(root, palette=palettes[name])) == seen(plain)
    assert any("colours far from" in remark for remark in plain.remarks), "strays are remembered"


def test_lossy_labels_are_named_again(tmp_path):
    root = put(tmp_path / "pairs", {"train_label.jpg": of_number, "train_img": photo}, PAIRS)
    settle(root)
    plain = describe(root, scan_cache=False)
    describe(root)
    again = describe(root)
    assert recalled(again) == PAIRS and seen(again) == seen(plain)
    assert any("WARNING" in remark for remark in plain.remarks)


def test_the_range_of_the_pictures(tmp_path):
    def dim(number):
        return photo(number) // 2

    root = settle(put(tmp_path / "pairs", {"train_label": of_number, "train_img": dim}, PAIRS))
    first = describe(root, range="auto")
    assert recalled(describe(root, range="auto")) >= len(first.train)
    changed(root / "train_img" / "2.png", photo(2))
    target = describe(root, range="auto").spec.target
    assert target == describe(root, range="auto", scan_cache=False).spec.target
    assert target.high > first.spec.target.high


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: b"",
        lambda text: os.urandom(3000),
        lambda text: text[: len(text) // 2],
        lambda text: text.replace(b"[[", b"[[0,"),
        lambda text: text.replace(b"1", b"7"),
    ],
    ids=["empty", "noise", "cut off", "other lines", "other numbers"],
)
def test_a_damaged_memory_is_made_anew(pairs, tmp_path, damage):
    first = describe(pairs)
    file = cache(tmp_path)
    file.write_bytes(damage(file.read_bytes()))
    assert seen(describe(pairs)) == seen(first)
    assert recalled(describe(pairs)) == PAIRS


def test_a_start_that_was_interrupted_is_gone_on_with(pairs, monkeypatch):
    real, count = remembering.Memory.keep, iter(range(3))

    def keep(*arguments):
        if next(count, None) is None:
            raise KeyboardInterrupt
        real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(remembering.Memory, "keep", keep)
        with pytest.raises(KeyboardInterrupt):
            describe(pairs)
    data = describe(pairs)
    assert any("not looked at" in remark for remark in data.remarks)
    assert seen(data) == seen(describe(pairs, scan_cache=False))


def test_a_memory_that_cannot_be_written_is_done_without(pairs, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    data = describe(pairs)
    assert any("not remembered" in remark and "file" in remark for remark in data.remarks)
    assert data.spec == describe(pairs, scan_cache=False).spec


def test_what_is_outdated_is_forgotten(pairs, tmp_path):
    describe(pairs)
    size = cache(tmp_path).stat().st_size
    for turn in range(1, 7):
        for path in pairs.rglob("*.png"):
            os.utime(path, ns=(LONG_AGO + turn, LONG_AGO + turn))
        describe(pairs)
    assert cache(tmp_path).stat().st_size < 3.5 * size
    assert recalled(describe(pairs)) == PAIRS


def test_nothing_is_written_without(pairs, tmp_path):
    describe(pairs, scan_cache=False)
    assert not (tmp_path / "cache").exists()


def test_the_data_folder_is_left_alone(pairs):
    before = sorted(pairs.rglob("*"))
    describe(pairs)
    assert sorted(pairs.rglob("*")) == before


def test_a_list_is_remembered_too(tmp_path):
    put(tmp_path / "pairs", {"l": of_number, "p": photo}, PAIRS)
    rows = [f"l/{n}.png,p/{n}.png" for n in range(PAIRS)]
    (tmp_path / "pairs" / "list.csv").write_text("\n".join(["label,image", *rows]))
    settle(tmp_path / "pairs")
    first = describe(tmp_path / "pairs" / "list.csv")
    second = describe(tmp_path / "pairs" / "list.csv")
    assert recalled(second) == PAIRS and seen(first) == seen(second)


def test_halves_are_remembered(tmp_path):
    for number in range(PAIRS):
        save(tmp_path / "pairs" / "train" / f"{number}.jpg", photo(number, (6, 16, 3)))
    root = settle(tmp_path / "pairs")
    first, second = describe(root), describe(root)
    assert recalled(second) == PAIRS and seen(first) == seen(second)
