"""cluster-styles and translate's style options, through the command line."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from pair_files import save_pairs
from PIL import Image

import img2img
from img2img.cli import main
from img2img.fields import Label
from img2img.fields.files import read_image
from img2img.inference.styles.book import StyleBook
from img2img.inference.styles.looks import Choice, parse_style_overrides, picture_seed, write_look
from img2img.inference.styles.making import StyledRun
from img2img.inference.styles.sheets import write_sheets


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_pairs(tmp_path / "maps", ["a", "b"])
    return tmp_path


LABEL, INSTANCES = "maps/val_label/a.png", "maps/val_inst/a.png"


def translate(run, *arguments, label=LABEL):
    options = ["--run", str(run), "--device", "cpu", "--instances", INSTANCES]
    return main(["translate", label, *options, *map(str, arguments)])


def cluster(run, *arguments):
    return main(["cluster-styles", "--run", str(run), "--device", "cpu", *arguments])


def rendered(run, *arguments, out="x.png"):
    assert translate(run, *arguments, "--out", out) == 0
    return read_image(out)


@pytest.mark.slow
def test_same_data_and_seed_give_the_same_book(styled_run, tmp_path, capsys):
    first = (styled_run / "styles.json").read_bytes()
    assert cluster(styled_run, "--k", "2") == 2  # not without --overwrite
    assert "--overwrite" in capsys.readouterr().err
    assert cluster(styled_run, "--k", "2", "--overwrite", "--no-sheets") == 0
    assert (styled_run / "styles.json").read_bytes() == first
    book = json.loads(first)
    assert {entry["name"] for entry in book["classes"]} >= {"sky", "road", "building"}
    assert all(len(entry["styles"]) <= 2 for entry in book["classes"])


def test_sheets_as_png_and_html(styled_run):
    folder = styled_run / "styles"
    pages = sorted(p.stem for p in folder.glob("*.html"))
    assert "index" in pages and "004-building" in pages
    assert sorted(p.stem for p in folder.glob("*.png")) == [p for p in pages if p != "index"]
    page = (folder / "004-building.html").read_text()
    assert "building-1" in page and page.count("<img") >= 4
    assert read_image(folder / "004-building.png").shape[0] > 2 * 160
    assert "http" not in page  # nothing is loaded from anywhere


def test_renaming(styled_run, tmp_path, capsys):
    run = shutil.copytree(styled_run, tmp_path / "run")
    assert cluster(run, "--rename", "building-1=brick") == 0
    translate(run, "--style", "building=brick", "--out", "named.png")
    translate(styled_run, "--style", "building=1", "--out", "numbered.png")
    assert np.array_equal(read_image("named.png"), read_image("numbered.png"))
    assert cluster(run, "--rename", "building-7=x") == 2
    assert "building-7" in capsys.readouterr().err


@pytest.mark.parametrize("k", ["0", "many", "car=", "cart=3"])
def test_impossible_numbers_of_styles(styled_run, k, capsys):
    assert cluster(styled_run, "--k", k, "--overwrite") == 2
    assert k.partition("=")[0] in capsys.readouterr().err
    assert (styled_run / "styles.json").exists()


def test_styles_change_the_picture_and_seeds_repeat_it(styled_run):
    plain = rendered(styled_run)
    assert np.array_equal(plain, rendered(styled_run, "--style", "building=0"))
    assert not np.array_equal(plain, rendered(styled_run, "--style", "building=1"))
    lot = rendered(styled_run, "--style", "random", "--seed", "7")
    assert np.array_equal(lot, rendered(styled_run, "--style", "random", "--seed", "7"))
    assert not np.array_equal(lot, rendered(styled_run, "--style", "random", "--seed", "8"))


def test_class_and_object_styles_as_the_library_has_them(styled_run):
    translator = img2img.load(styled_run, device="cpu")
    inputs = {"label": read_image(LABEL)[..., 0], "instance": np.array(Image.open(INSTANCES))}
    house = next(i for i, c in translator.objects(inputs).classes.items() if i >= 4000 and c == 4)
    items = ["building=1", f"{house}=0"]
    look = translator.look(inputs, parse_style_overrides(items, translator.book))
    assert look[house].style == "building-0"
    expected = translator.translate(inputs, look=look)
    found = rendered(styled_run, "--style", items[0], "--style", items[1])
    assert np.array_equal(found, expected)


def test_style_file_renders_identically(styled_run, inside):
    translator = img2img.load(styled_run, device="cpu")
    inputs = {"label": read_image(LABEL)[..., 0], "instance": np.array(Image.open(INSTANCES))}
    overrides = parse_style_overrides(["random"], translator.book)
    look = translator.look(inputs, overrides, seed=picture_seed(4, "a.png"))
    write_look(inside / "x.style.json", look)
    expected = rendered(styled_run, "--style", "random", "--seed", "4", out="lot.png")
    assert np.array_equal(rendered(styled_run, "--style-file", "x.style.json"), expected)


def test_variations(styled_run, capsys):
    assert translate(styled_run, "--variations", "3", "--seed", "1", "--out", "v.png") == 0
    assert "3 in, 3 out" in capsys.readouterr().out
    pictures = [read_image(f"v-{n}.png") for n in (1, 2, 3)]
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[1], pictures[2])
    assert np.array_equal(
        pictures[0], rendered(styled_run, "--style", "random", "--seed", "1", out="w.png")
    )


def test_random_styles_differ_from_picture_to_picture(styled_run, inside):
    shutil.copy(LABEL, inside / "maps/val_label/b.png")
    shutil.copy(INSTANCES, inside / "maps/val_inst/b.png")
    folder = ["--instances", "maps/val_inst", "--style", "random", "--seed", "1", "--out", "out"]
    assert main(["translate", "maps/val_label", "--run", str(styled_run), *folder]) == 0
    first, second = (read_image(f"out/{name}.png") for name in "ab")
    assert not np.array_equal(first, second)
    # Each is the same alone, wherever it stands among the others.
    assert np.array_equal(first, rendered(styled_run, "--style", "random", "--seed", "1"))
    assert main(["translate", "maps/val_label/b.png", "--run", str(styled_run), *folder]) == 0
    assert np.array_equal(second, read_image("out/b.png"))


def test_photo_that_gives_styles_is_not_overwritten(styled_run, inside, capsys):
    before = (inside / "maps/val_img/a.png").read_bytes()
    for out in ("maps/val_img/a.png", "maps/val_img"):
        assert translate(styled_run, "--style-from", "maps/val_img/a.png", "--out", out) == 2
        assert "one of the inputs" in capsys.readouterr().err
    assert (inside / "maps/val_img/a.png").read_bytes() == before


def test_book_of_another_model_is_refused(styled_run, tmp_path, capsys):
    run = shutil.copytree(styled_run, tmp_path / "run")
    book = StyleBook.load(run)
    wide = {
        c: tuple(replace(s, centre=np.zeros(5, np.float32)) for s in styles)
        for c, styles in book.styles.items()
    }
    replace(book, styles=wide).save(run)
    assert translate(run) == 2
    assert "5 features, the model 3" in capsys.readouterr().err


def test_styles_of_a_photo(styled_run, inside, capsys):
    from_file = rendered(styled_run, "--style-from", "maps/val_img/a.png")
    assert np.array_equal(from_file, rendered(styled_run, "--style-from", "maps/val_img"))
    assert not np.array_equal(from_file, rendered(styled_run))
    mixed = rendered(styled_run, "--style-from", "maps/val_img", "--style", "building=0")
    assert not np.array_equal(mixed, from_file)
    Image.new("RGB", (20, 20)).save("small.png")
    assert translate(styled_run, "--style-from", "small.png") == 2
    assert "a.png with the styles of small.png: the photo has 20x20" in capsys.readouterr().err
    (inside / "empty").mkdir()
    assert translate(styled_run, "--style-from", "empty") == 2
    assert "no photo of it found" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--style", "cra=1"], "there are sky, road"),
        (["--style", "building=green"], "there are building-0, building-1"),
        (["--style", "99999=0"], "no object 99999"),
        (["--style", "building"], "expected CLASS=STYLE"),
        (["--style-file", "missing.json"], "missing.json"),
        (["--style-file", "missing.json", "--style", "random"], "leave out"),
        (["--style-from", "missing.png"], "missing.png"),
        (["--style-from", "maps/val_img", "--variations", "2"], "leave out one"),
        (["--style-file", "other.style.json"], "none of its objects"),
    ],
)
def test_mistakes(styled_run, arguments, expected, inside, capsys):
    write_look(inside / "other.style.json", {987654: Choice(np.zeros(3, np.float32))})
    assert translate(styled_run, *arguments) == 2
    error = capsys.readouterr().err
    assert expected in error and "Traceback" not in error


@pytest.mark.parametrize(
    ("command", "argument"), [("translate", "--variations=0"), ("cluster-styles", "--limit=x")]
)
def test_impossible_numbers(command, argument, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, *([LABEL] if command == "translate" else []), argument])
    assert end.value.code == 2 and "whole number from 1" in capsys.readouterr().err


@pytest.mark.parametrize("seed", ["-1", "4294967296", "x"])
@pytest.mark.parametrize("command", ["translate", "cluster-styles", "pick-style"])
def test_impossible_seeds(styled_run, command, seed, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, *([LABEL] if command != "cluster-styles" else []), f"--seed={seed}"])
    assert end.value.code == 2 and "4294967295" in capsys.readouterr().err


def test_run_without_styles(tiny_runs, capsys):
    assert translate(tiny_runs["pix2pixHD"], "--style", "random") == 2
    assert "model.features=true" in capsys.readouterr().err
    assert cluster(tiny_runs["pix2pixHD"]) == 2
    assert "model.features=true" in capsys.readouterr().err


def test_run_without_book(styled_run, tmp_path, capsys):
    run = shutil.copytree(styled_run, tmp_path / "run")
    (run / "styles.json").unlink()
    assert translate(run, "--out", "neutral.png") == 0
    assert "cluster-styles" in capsys.readouterr().err
    assert translate(run, "--style", "random") == 2
    assert "cluster-styles" in capsys.readouterr().err
    assert translate(run, "--style-from", "maps/val_img", "--out", "photo.png") == 0


def test_labels_without_instances_have_pieces_as_objects(styled_run, capsys):
    shutil.rmtree("maps/val_inst")
    translator = img2img.load(styled_run, device="cpu")
    label = read_image(LABEL)[..., 0]
    objects = translator.objects(label)
    assert len(objects.classes) > len(np.unique(label))
    assert all((label[objects.ids == i] == c).all() for i, c in objects.classes.items())


def test_ids_of_pieces_are_doubted(styled_run, capsys):
    own = ["--run", str(styled_run), "--device", "cpu", "--out"]
    ids = np.unique(np.array(Image.open(INSTANCES)))
    assert translate(styled_run, "--style", f"{ids[0]}=0", "--out", "told.png") == 0
    assert "connected pieces" not in capsys.readouterr().err
    shutil.rmtree("maps/val_inst")
    piece = max(img2img.load(styled_run, device="cpu").objects(read_image(LABEL)[..., 0]).classes)
    assert main(["translate", LABEL, *own, "doubted.png", "--style", f"{piece}=0"]) == 0
    assert "the ids in --style are those of connected pieces" in capsys.readouterr().err


def test_style_file_of_another_picture_is_doubted(styled_run, inside, capsys):
    translator = img2img.load(styled_run, device="cpu")
    inputs = {"label": read_image(LABEL)[..., 0], "instance": np.array(Image.open(INSTANCES))}
    look = translator.look(inputs, parse_style_overrides(["random"], translator.book))
    write_look(inside / "own.json", look)
    assert translate(styled_run, "--style-file", "own.json", "--out", "a.png") == 0
    assert "of another picture" not in capsys.readouterr().err
    first = next(iter(look))
    other = {99998 if ident == first else ident: choice for ident, choice in look.items()}
    write_look(inside / "other.json", other)
    assert translate(styled_run, "--style-file", "other.json", "--out", "b.png") == 0
    warning = capsys.readouterr().err
    assert "of another picture: 1 object of this one" in warning and "1 of its own" in warning


def test_book_of_another_step_is_doubted(styled_run, tmp_path, capsys):
    run = shutil.copytree(styled_run, tmp_path / "run")
    assert translate(run, "--out", "same.png") == 0
    assert "style book" not in capsys.readouterr().err
    path = run / "styles.json"
    path.write_text(path.read_text().replace('"step": 2,', '"step": 1,'))
    assert translate(run, "--out", "other.png") == 0
    assert "of step 1, this checkpoint of step 2" in capsys.readouterr().err


def test_training_on_labels_alone_names_the_setting(inside, capsys):
    save_pairs(inside / "ds", ["a", "b"], "train")
    shutil.rmtree("ds/train_inst")
    settings = ["model.features=true", "model.width=4", "model.n_down=1", "model.n_blocks=1"]
    settings += ["model.d_width=4", "training.workers=0", "model.weights.perceptual=0"]
    arguments = ["--model", "pix2pixHD", "--data", "ds", "--run", "./run", "--max-steps", "1"]
    assert main(["train", *arguments, "--device", "cpu", *settings, "data.num_classes=10"]) == 0
    assert "data.derive_instances=true" in capsys.readouterr().out


def test_derived_instances_end_to_end(inside, capsys):
    save_pairs(inside / "ds", ["a", "b", "c"], "train")
    shutil.rmtree("ds/train_inst")
    settings = ["model.features=true", "model.e_width=4", "model.e_down=1", "model.width=4"]
    settings += ["model.n_down=2", "model.n_blocks=1", "model.d_width=4", "training.workers=0"]
    settings += ["data.derive_instances=true", "model.weights.perceptual=0", "--max-steps", "1"]
    arguments = ["--model", "pix2pixHD", "--data", "ds", "--run", "./run", "--device", "cpu"]
    assert main(["train", *arguments, *settings, "data.num_classes=10"]) == 0
    assert "img2img cluster-styles --run ./run" in capsys.readouterr().out
    assert cluster("./run", "--k", "2") == 0
    (inside / "ds").rename("moved")
    assert cluster("./run", "--overwrite") == 2
    assert "--data DIR" in capsys.readouterr().err
    assert cluster("./run", "--overwrite", "--no-sheets", "--data", "moved", "--limit", "2") == 0
    label = "moved/train_label/a.png"
    assert main(["translate", label, "--run", "./run", "--style", "random", "--strict-inputs"]) == 0
    objects = img2img.load("./run", device="cpu").objects(read_image(label)[..., 0])
    one = max(objects.classes)
    assert main(["translate", label, "--run", "./run", "--style", f"{one}=1"]) == 0


def test_sheets_of_an_example_whose_class_is_another_at_full_size(styled_run, tmp_path):
    run = StyledRun.load(str(shutil.copytree(styled_run, tmp_path / "run")), device="cpu")
    book = StyleBook.load(run.path)
    houses = book.styles[4][0].examples
    trees = tuple(replace(style, examples=houses) for style in book.styles[5])
    index = write_sheets(run, replace(book, styles={5: trees}))
    assert (index.parent / "005-tree.html").exists()


@pytest.mark.parametrize("asked", [[], ["--style", "random"], ["--sheet", "sheet.png"]])
def test_a_picture_is_prepared_once(styled_run, inside, monkeypatch, asked):
    """From file ids to classes once; styles, picture and sheet take what is there."""
    calls, convert = [], Label.to_classes

    def counted(field, label, where):
        calls.append(where)
        return convert(field, label, where)

    monkeypatch.setattr(Label, "to_classes", counted)
    command = ["translate", LABEL, "--run", str(styled_run), "--out", "once.png"]
    assert main([*command, "--device", "cpu", *asked]) == 0
    assert calls == [LABEL]


def test_what_is_prepared_translates_to_the_same_bits(styled_run):
    translator, label = img2img.load(styled_run, device="cpu"), read_image(LABEL)[..., 0]
    prepared = translator.prepare(label)
    assert translator.prepare(prepared) is prepared
    look = translator.look(label)
    for given in (label, prepared):
        assert np.array_equal(translator.translate(given), translator.translate(label, look=look))
    assert translator.objects(prepared).classes == translator.objects(label).classes
