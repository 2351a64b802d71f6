import os
import time
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from img2img.data.layouts import LAYOUTS, Part, find_pairs, find_partner
from img2img.errors import DataError

SHARED = Path(__file__).resolve().parents[3] / "shared"


def put(root, *names, size=(4, 2)):
    """Tiny pictures (width, height) under the given paths."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size).save(path)


def names(records):
    return [record.name for record in records]


def files(record, root):
    return {part: path.relative_to(root).as_posix() for part, path in record.files.items()}


# --- layouts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layout", "places"),
    [
        (
            "label/inst/img",
            {"label": "train_label", "instance": "train_inst", "image": "train_img"},
        ),
        ("label/inst/img", {"label": "Train_Labels", "image": "Train_images"}),
        ("images/labels", {"label": "labels/train", "image": "images/train"}),
        ("images/labels", {"label": "train/masks", "instance": "train/inst", "image": "train/img"}),
        ("images/labels", {"label": "mask", "image": "image"}),
        ("images/labels", {"label": "Labels", "instance": "Instances", "image": "Images"}),
        ("A/B", {"A": "A/train", "B": "B/train"}),
        ("A/B", {"A": "train/A", "B": "train/B"}),
        ("A/B", {"A": "train_A", "B": "train_B"}),
        ("A/B", {"A": "trainA", "B": "trainB"}),
        ("A/B", {"A": "A", "B": "B"}),
        ("A/B", {"A": "a/training", "B": "b/training"}),
    ],
)
def test_folders_are_recognised(tmp_path, layout, places):
    for folder in places.values():
        put(tmp_path, f"{folder}/2.png", f"{folder}/1.png", f"{folder}/sub/3.tif")
    index = find_pairs(tmp_path, val_fraction=0)
    assert index.layout.name == layout
    assert [part.name for part in index.layout.parts] == list(places)
    assert names(index.train) == ["1", "2", "sub/3"]
    assert files(index.train[2], tmp_path) == {
        part: f"{folder}/sub/3.tif" for part, folder in places.items()
    }
    for part, folder in places.items():
        template = index.layout.part(part).folder
        assert folder in (
            template.replace("{split}", word) for word in ("train", "training", "Train")
        )
    assert find_pairs(tmp_path, layout=layout, val_fraction=0) == index
    assert index.summary() == (
        f"layout {layout}: found 3, used 3 (3 train, 0 val: none held out), left out 0"
    )


@pytest.mark.parametrize("word", ["val", "valid", "validation", "test"])
@pytest.mark.parametrize("template", ["{}_A", "A/{}", "{}/A", "{}A"])
def test_validation_has_its_own_folder(tmp_path, word, template):
    for split, count in (("train", 3), (word, 2)):
        for i in range(count):
            place = template.format(split)
            put(tmp_path, f"{place}/{i}.png", f"{place.replace('A', 'B')}/{i}.png")
    index = find_pairs(tmp_path)
    assert (len(index.train), len(index.val)) == (3, 2)
    assert index.val_source == f"split {word!r}"


def test_test_serves_for_validation_only_without_val(tmp_path):
    for split in ("train", "val", "test"):
        put(tmp_path, f"{split}_A/{split}.png", f"{split}_B/{split}.png")
    put(tmp_path, "test_A/alone.png")
    index = find_pairs(tmp_path)
    assert names(index.val) == ["val"]
    assert index.left_out == ()


def test_split_without_targets_is_no_validation(tmp_path):
    put(tmp_path, *(f"train_{part}/{i}.png" for part in "AB" for i in range(4)), "test_A/9.png")
    index = find_pairs(tmp_path, val_fraction=0.25)
    assert names(index.val) == ["3"]


def test_the_table_decides_where_several_match(tmp_path):
    put(tmp_path, "images/1.png", "labels/1.png", "A/1.png", "B/1.png")
    assert find_pairs(tmp_path).layout.name == "images/labels"
    assert find_pairs(tmp_path, layout="A/B").layout.name == "A/B"


@pytest.mark.parametrize("folder", ["", "train/"])
def test_side_by_side(tmp_path, folder):
    put(tmp_path, f"{folder}1.png", f"{folder}2.png", f"{folder}more/3.png")
    index = find_pairs(tmp_path, val_fraction=0)
    assert index.layout.name == "side-by-side"
    assert [part.half for part in index.layout.parts] == ["left", "right"]
    assert names(index.train) == ["1", "2", "more/3"]
    record = index.train[0]
    assert record.files["A"] == record.files["B"] == tmp_path / f"{folder}1.png"


def test_pictures_of_odd_width_are_no_pairs(tmp_path):
    put(tmp_path, "1.png", "2.png", size=(5, 2))
    with pytest.raises(DataError, match="no pairs in a known layout"):
        find_pairs(tmp_path)


# --- CSV ----------------------------------------------------------------------------------


def write_csv(path, *lines, encoding="utf-8"):
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv(tmp_path, separator):
    put(tmp_path, "l/1.png", "l/2.png", "l/3.png", "i/x.jpg", "i/y.jpg", "i/ü, z.jpg")
    rows = [
        ["Mask", "photo", "split", "note"],
        ["l/1.png", "i/x.jpg", "train", ""],
        ["l/2.png", "i/y.jpg", "Train", "n"],
        ["l/3.png", '"i/ü, z.jpg"', "valid", "n"],
    ]
    lines = [separator.join(row) for row in rows]
    index = find_pairs(write_csv(tmp_path / "pairs.csv", *lines, encoding="utf-8-sig"))
    assert index.layout.name == "csv"
    assert index.layout.parts == (Part("label", "Mask"), Part("image", "photo"))
    assert names(index.train) == ["l/1", "l/2"]
    assert files(index.val[0], tmp_path) == {"label": "l/3.png", "image": "i/ü, z.jpg"}
    assert index.val_source == "split 'valid'"


def test_csv_rows_that_cannot_be_used_are_listed(tmp_path):
    put(tmp_path, "1.png", "2.png")
    rows = ["1.png,2.png,train", "1.png,gone.png,train", ",2.png,train", "1.png,2.png,spare"]
    index = find_pairs(write_csv(tmp_path / "p.csv", "input,target,split", *rows))
    assert len(index.train) == 1
    assert index.left_out == (
        "line 3: B: there is no file gone.png",
        "line 4: no A",
        "line 5: split 'spare' is none of train, val, test",
    )


def test_csv_names_are_distinct_and_stay_below_a_folder(tmp_path):
    put(tmp_path, "in/1.png", "out/1.png")
    (tmp_path / "lists").mkdir()
    absolute = (tmp_path / "in" / "1.png").as_posix()
    rows = ["../in/1.png,../out/1.png", f"{absolute},../out/1.png", "../in/1.png,../in/1.png"]
    index = find_pairs(write_csv(tmp_path / "lists" / "p.csv", "A,B", *rows), val_fraction=0)
    assert sorted(names(index.train))[:2] == ["in/1", "in/1-2"]
    assert not any(name.startswith(("/", "..")) for name in names(index.train))


def test_csv_columns_of_the_settings(tmp_path):
    put(tmp_path, "1.png")
    path = write_csv(tmp_path / "p.csv", "depth,mask,photo", "1.png,1.png,1.png")
    custom = {"depth": "depth", "label": "label", "image": "photo"}
    parts = find_pairs(path, custom=custom).layout.parts
    assert parts == (Part("depth", "depth"), Part("label", "mask"), Part("image", "photo"))
    with pytest.raises(DataError, match="no column 'dept' for depth; did you mean 'depth'"):
        find_pairs(path, custom={"depth": "dept", "image": "photo"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no rows"),
        (b"A,B\n", "no rows"),
        (b"A,C\n1.png,2.png\n", "columns A, C are those of no layout"),
        (b"A,A\n1.png,2.png\n", "occurs twice"),
        (b"A,B\n\xff\xfe,x\n", "UTF-8"),
        (
            b"A,B\n1.png,2.png\n",
            "(?s)no complete training record.*line 2: A: there is no file 1.png",
        ),
    ],
)
def test_unusable_csv(tmp_path, content, message):
    (tmp_path / "p.csv").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        find_pairs(tmp_path / "p.csv")
    assert str(tmp_path / "p.csv") in str(caught.value)


# --- pairing ------------------------------------------------------------------------------


def test_cityscapes_suffixes_and_city_folders(tmp_path):
    for city in ("aachen", "bonn"):
        for i in range(2):
            stem = f"{city}/{city}_00000{i}_000019"
            put(
                tmp_path,
                f"train_label/{stem}_gtFine_labelIds.png",
                f"train_inst/{stem}_gtFine_instanceIds.png",
                f"train_img/{stem}_leftImg8bit.jpg",
            )
    index = find_pairs(tmp_path)
    assert len(index.train) + len(index.val) == 4
    assert index.train[0].name == "aachen/aachen_000000_000019"
    suffixes = [part.suffix for part in index.layout.parts]
    assert suffixes == ["_gtFine_labelIds", "_gtFine_instanceIds", "_leftImg8bit"]


@pytest.mark.parametrize(
    ("a", "b", "suffixes"),
    [
        (["x_A", "y_A"], ["x_B", "y_B"], ["_A", "_B"]),
        (["x_label", "y_label"], ["x", "y"], ["_label", ""]),
        (["x-day 1", "y-day 1"], ["x.night", "y.night"], ["-day 1", ".night"]),
        # The known suffix "_A" belongs to the name here.
        (["s_A", "s_B"], ["s_A_photo", "s_B_photo"], ["", "_photo"]),
        # Without "_L" the first two would be one; "_1" is common to all, but matches nothing.
        (["x_L", "x"], ["x_L", "x", "z"], ["", ""]),
        (["f_1", "g_1"], ["f_1", "h_1"], ["", ""]),
    ],
)
def test_suffixes_are_taken_off_where_that_completes_records(tmp_path, a, b, suffixes):
    put(tmp_path, *(f"A/{stem}.png" for stem in a), *(f"B/{stem}.png" for stem in b))
    index = find_pairs(tmp_path, val_fraction=0)
    assert [part.suffix for part in index.layout.parts] == suffixes
    matches = {n.removesuffix(suffixes[0]) for n in a} & {n.removesuffix(suffixes[1]) for n in b}
    assert set(names(index.train)) == matches


def test_missing_partners_are_listed_by_name(tmp_path):
    put(tmp_path, *(f"train_img/{i:04}.jpg" for i in range(9)))
    put(tmp_path, *(f"train_label/{i:04}.png" for i in range(9) if i != 7))
    put(tmp_path, *(f"train_inst/{i:04}.png" for i in range(9) if i not in (2, 7)))
    index = find_pairs(tmp_path)
    assert index.left_out == (
        "train/0002: no instance (looked in train_inst/)",
        "train/0007: no label (looked in train_label/), no instance (looked in train_inst/)",
    )
    assert (index.found, len(index.train), len(index.val)) == (9, 6, 1)
    assert index.summary().splitlines()[0] == (
        "layout label/inst/img: found 9, used 7 (6 train, 1 val: last 10% of the sorted names), "
        "left out 2"
    )


def test_summary_shows_ten_lines(tmp_path):
    put(tmp_path, *(f"A/{i}.png" for i in range(15)), "B/0.png")
    lines = find_pairs(tmp_path).summary().splitlines()
    assert len(lines) == 12
    assert lines[1].strip() == "1: no B (looked in B/)"
    assert lines[-1].strip() == "... and 4 more"


def test_optional_instances_may_lack_in_validation_as_a_whole(tmp_path):
    put(tmp_path, "train_label/1.png", "train_inst/1.png", "train_img/1.png")
    put(tmp_path, "train_label/2.png", "train_inst/2.png", "train_img/2.png")
    put(tmp_path, "val_label/3.png", "val_img/3.png")
    index = find_pairs(tmp_path)
    assert index.left_out == ("val/3: no instance (looked in val_inst/)",)
    assert index.val_source == "last 10% of the sorted names"


def test_doubled_stems_keep_the_first(tmp_path):
    put(tmp_path, "A/1.jpg", "A/1.png", "A/2.png", "B/1.png", "B/2.png")
    index = find_pairs(tmp_path, val_fraction=0)
    assert files(index.train[0], tmp_path)["A"] == "A/1.jpg"
    assert index.left_out == ("A/1.png: same name as 1.jpg, which is used",)
    assert index.doubled == index.left_out
    assert index.found == 3


def test_hidden_files_other_files_and_link_loops_are_passed_over(tmp_path):
    put(tmp_path, "A/1.png", "A/.hidden.png", "A/.thumbs/2.png", "B/1.png", "B/sub/2.png")
    (tmp_path / "A" / "Thumbs.db").touch()
    (tmp_path / "A" / "loop").symlink_to(tmp_path / "A", target_is_directory=True)
    (tmp_path / "A" / "sub").symlink_to(tmp_path / "B" / "sub", target_is_directory=True)
    index = find_pairs(tmp_path, val_fraction=0)
    assert names(index.train) == ["1", "sub/2"]
    assert index.left_out == ()


@pytest.mark.parametrize("name", ["a b", 'it\'s "so"', "größe 図", "x.v1.2", "-n", "{split}", "%s"])
def test_names_of_any_kind(tmp_path, name):
    put(tmp_path, f"A/{name}.png", f"B/{name}.png", "A/other.png", "B/other.png")
    assert name in names(find_pairs(tmp_path, val_fraction=0).train)


def test_accents_match_composed_or_not(tmp_path):
    put(tmp_path, f"A/{unicodedata.normalize('NFD', 'größe')}.png", "B/größe.png")
    assert names(find_pairs(tmp_path).train) == ["größe"]


# --- validation block ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "fraction", "held"),
    [(1, 0.5, 0), (2, 0.1, 1), (20, 0.1, 2), (20, 0.0, 0), (3, 0.99, 2)],
)
def test_last_block_is_held_out(tmp_path, count, fraction, held):
    # Unpadded numbers, as many tools write video frames.
    put(tmp_path, *(f"{part}/frame{i}.png" for part in "AB" for i in range(count)))
    index = find_pairs(tmp_path, val_fraction=fraction)
    assert names(index.train) == [f"frame{i}" for i in range(count - held)]
    assert names(index.val) == [f"frame{i}" for i in range(count - held, count)]
    assert index == find_pairs(tmp_path, val_fraction=fraction)


# --- settings -----------------------------------------------------------------------------


def test_folders_of_the_settings(tmp_path):
    for split in ("train", "val"):
        put(tmp_path, f"{split}_img/{split}.png", f"{split}_label/{split}.png")
        put(tmp_path, f"depth/all/{split}_d.png", f"{split}_img/{split}2.png")
    custom = {"d": "depth/all", "image": "{split}_img", "label": "label"}
    index = find_pairs(tmp_path, custom=custom)
    assert index.layout.name == "custom"
    assert index.layout.parts == (
        Part("d", "depth/all", "_d"),
        Part("image", "{split}_img"),
        Part("label", "{split}_label"),
    )
    assert (names(index.train), names(index.val)) == (["train"], ["val"])
    assert [line.split(":")[0] for line in index.left_out] == ["train/train2", "val/val2"]


def test_suffix_of_the_settings_picks_files_of_a_shared_folder(tmp_path):
    for stem in ("a/a_1", "b/b_2"):
        put(tmp_path, f"leftImg8bit/train/{stem}_leftImg8bit.png")
        for kind in ("color", "labelIds", "instanceIds"):
            put(tmp_path, f"gtFine/train/{stem}_gtFine_{kind}.png")
    custom = {
        "label": "gtFine/{split}/*_gtFine_labelIds",
        "instance": "gtFine/{split}/*_instanceIds",
        "image": "leftImg8bit/{split}",
    }
    index = find_pairs(tmp_path, custom=custom, val_fraction=0)
    assert names(index.train) == ["a/a_1", "b/b_2"]
    assert index.layout.part("instance").suffix == "_gtFine_instanceIds"
    assert index.left_out == ()


def test_unknown_part(tmp_path):
    put(tmp_path, "A/1.png", "B/1.png")
    layout = find_pairs(tmp_path).layout
    with pytest.raises(DataError, match="no part 'lable'; valid: A, B"):
        layout.part("lable")


# --- mistakes -----------------------------------------------------------------------------


def test_missing_path(tmp_path):
    with pytest.raises(DataError, match="none: there is no such folder or CSV file"):
        find_pairs(tmp_path / "none")


def test_file_that_is_no_csv(tmp_path):
    put(tmp_path, "x.png")
    with pytest.raises(DataError, match=r"x\.png: neither a folder nor a \.csv file"):
        find_pairs(tmp_path / "x.png")


def test_empty_folder(tmp_path):
    with pytest.raises(DataError, match="the folder is empty"):
        find_pairs(tmp_path)


def test_unknown_layout(tmp_path):
    with pytest.raises(DataError, match=r"unknown layout 'A-B'.*valid: auto, label/inst/img"):
        find_pairs(tmp_path, layout="A-B")
    with pytest.raises(DataError, match="did you mean 'side-by-side'"):
        find_pairs(tmp_path, layout="sidebyside")


def test_unrecognised_folder_says_what_was_seen_and_what_is_accepted(tmp_path):
    put(tmp_path, "photos/1.png", "sketches/1.png")
    (tmp_path / "readme.txt").touch()
    with pytest.raises(DataError) as caught:
        find_pairs(tmp_path)
    message = str(caught.value)
    assert "photos/, sketches/, readme.txt" in message
    assert all(f"  {layout}: " in message for layout in LAYOUTS)
    with pytest.raises(DataError, match="no pairs in layout A/B"):
        find_pairs(tmp_path, layout="A/B")
    with pytest.raises(DataError, match="no pairs in layout csv"):
        find_pairs(tmp_path, layout="csv")


def test_folder_of_the_settings_is_missing(tmp_path):
    put(tmp_path, "photos/1.png")
    with pytest.raises(DataError, match="there is no folder sketches/"):
        find_pairs(tmp_path, custom={"A": "sketches", "B": "photos"})


def test_no_complete_record_shows_the_names_of_each_side(tmp_path):
    put(tmp_path, "A/cat.png", "A/dog.png", "B/one.png")
    with pytest.raises(
        DataError, match=r"(?s)no record is complete.*A in A/: cat, dog.*B in B/: one"
    ):
        find_pairs(tmp_path)
    (tmp_path / "B" / "one.png").unlink()
    with pytest.raises(DataError, match="B in B/: no pictures"):
        find_pairs(tmp_path)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="POSIX permissions")
def test_unreadable_folder(tmp_path):
    put(tmp_path, "A/1.png", "B/1.png")
    root = os.geteuid() == 0  # root may read everything
    (tmp_path / "B").chmod(0)
    above = [tmp_path, *(f for f in tmp_path.parents if not f.stat().st_mode & 0o001)]
    modes = [folder.stat().st_mode for folder in above]
    if root:
        for folder in above:  # others may pass pytest's folders
            folder.chmod(0o755)
        os.seteuid(65534)
    try:
        with pytest.raises(DataError, match="B: the folder cannot be read"):
            find_pairs(tmp_path)
    finally:
        if root:
            os.seteuid(0)
        for folder, mode in zip(above, modes, strict=True):
            folder.chmod(mode)
        (tmp_path / "B").chmod(0o755)


# --- partners -----------------------------------------------------------------------------


def test_partner_of_every_record_is_found(tmp_path):
    for split in ("train", "val"):
        put(tmp_path, f"{split}_label/c/1_labelIds.png", f"{split}_img/c/1_img.JPG")
    index = find_pairs(tmp_path)
    label, image = index.layout.parts
    for record in (*index.train, *index.val):
        assert find_partner(record.files["label"], label, image) == record.files["image"]
        assert find_partner(record.files["image"], image, label) == record.files["label"]


@pytest.mark.parametrize(
    ("own", "other", "path", "partner"),
    [
        ("A/{split}", "B/{split}", "A/extra/s/1.png", "B/extra/s/1.tif"),
        ("{split}A", "{split}B", "newA/1.png", "newB/1.png"),
        ("{split}/A", "{split}/B", "new/A/1.png", "new/B/1.png"),
        ("labels", "images", "labels/a/b/1.png", "images/a/b/1.jpg"),
        ("{split}_label", "depth", "test_label/1.png", "depth/1.npy"),
        ("depth", "{split}_label", "depth/1.png", "val_label/1.png"),
    ],
)
def test_partner_by_the_folders(tmp_path, own, other, path, partner):
    for name in (path, partner):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert find_partner(tmp_path / path, Part("A", own), Part("B", other)) == tmp_path / partner
    (tmp_path / partner).unlink()
    assert find_partner(tmp_path / path, Part("A", own), Part("B", other)) is None


def test_partner_in_the_same_folder(tmp_path, monkeypatch):
    label = Part("label", "{split}_label", "_gtFine_labelIds")
    instance = Part("instance", "{split}_inst", "_gtFine_instanceIds")
    put(tmp_path, "x_gtFine_labelIds.png", "x_gtFine_instanceIds.png")
    monkeypatch.chdir(tmp_path)
    found = find_partner(Path("x_gtFine_labelIds.png"), label, instance)
    assert found == tmp_path / "x_gtFine_instanceIds.png"
    assert find_partner(Path("x_gtFine_labelIds.png"), label, Part("image", "{split}_img")) is None


def test_partner_is_never_the_file_itself(tmp_path):
    put(tmp_path, "1.png")
    own, other = Part("A", "A"), Part("B", "B")
    assert find_partner(tmp_path / "1.png", own, other) is None


def test_partner_of_another_type_where_both_parts_share_a_place(tmp_path):
    # A folder of instance maps given by hand: the label's name, looked up in that folder.
    put(tmp_path, "1.png")
    own, other = Part("label", ""), Part("instance", "")
    assert find_partner(tmp_path / "1.jpg", own, other) == tmp_path / "1.png"


def test_both_halves_are_the_same_file(tmp_path):
    own, other = Part("A", "", half="left"), Part("B", "", half="right")
    assert find_partner(tmp_path / "1.png", own, other) == tmp_path / "1.png"


# --- size and real data -------------------------------------------------------------------


def test_many_files_take_seconds(tmp_path):
    for folder in ("A", "B"):
        (tmp_path / folder).mkdir()
        for i in range(5000):
            (tmp_path / folder / f"{i:06}_{folder}.png").touch()
    start = time.perf_counter()
    index = find_pairs(tmp_path)
    assert time.perf_counter() - start < 5
    assert index.found == 5000


@pytest.mark.shared_data
@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="no ../shared/data beside the checkout")
@pytest.mark.parametrize(
    ("folder", "layout", "parts", "train", "val"),
    [
        ("cityscapes", "label/inst/img", ["label", "instance", "image"], 7, 1),
        ("coco_stuff", "label/inst/img", ["label", "instance", "image"], 12, 1),
        ("camvid/train", "images/labels", ["label", "image"], 330, 37),
        ("camvid/video_0016E5", "images/labels", ["label", "image"], 91, 10),
        ("membrane/data/membrane", "images/labels", ["label", "image"], 27, 3),
        ("facades", "side-by-side", ["A", "B"], 400, 100),
    ],
)
def test_real_data(folder, layout, parts, train, val):
    index = find_pairs(SHARED / "data" / folder)
    assert index.layout.name == layout
    assert [part.name for part in index.layout.parts] == parts
    assert (len(index.train), len(index.val)) == (train, val)
    assert index.left_out == ()


def test_links_that_go_round_in_circles_are_no_pictures(tmp_path):
    put(tmp_path, "images/0.png", "labels/0.png")
    (tmp_path / "images/a.png").symlink_to("b.png")
    (tmp_path / "images/b.png").symlink_to("a.png")
    (tmp_path / "self").symlink_to("self")
    index = find_pairs(tmp_path)
    assert [record.name for record in index.train] == ["0"]
    assert index.left_out == ()
