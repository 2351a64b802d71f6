"""One tab's work without a page: picking, undo, thumbnails, editing, saving."""

import json
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from img2img.cli import main
from img2img.data.scenes import VAL_OFFSET, draw_scene
from img2img.errors import ConfigError, DataError
from img2img.fields.files import read_ids, read_image
from img2img.inference.translator import Translator
from img2img.ui.editing import fill, paint, stroke
from img2img.ui.engine import Engine
from img2img.ui.saving import save
from img2img.ui.scenes import Scene
from img2img.ui.studio import Studio
from img2img.ui.thumbs import SKETCH, sketch, thumbnails

CAR = 6


def select_car(studio):
    """Selects the largest car; its id."""
    ids = studio.now.objects.ids
    cars = [i for i, c in studio.now.objects.classes.items() if c == CAR]
    ident = max(cars, key=lambda i: (ids == i).sum())
    rows, columns = np.nonzero(ids == ident)
    studio.select(columns[0] + 0.5, rows[0] + 0.5)
    assert studio.selected == ident
    return ident


def other_style(studio):
    current = studio.now.look[studio.selected].style
    features = studio.now.look[studio.selected].features
    others = [s for s in studio.styles if s.name != current]
    return max(others, key=lambda s: np.linalg.norm(s.centre - features)).name


def test_a_style_changes_its_object(studio):
    ident = select_car(studio)
    before = studio.picture().astype(int)
    studio.choose(other_style(studio))
    change = np.abs(studio.picture().astype(int) - before).mean(2)
    inside = studio.now.objects.ids == ident
    # Instance norm spreads every change a little, convolutions over a few pixels.
    outside = ~binary_dilation(inside, iterations=6)
    assert change[inside].mean() > 5
    assert change[inside].mean() > 4 * change[outside].mean()


def test_undo_and_redo(studio):
    select_car(studio)
    first = studio.now
    studio.choose(other_style(studio))
    second = studio.now
    studio.undo()
    assert studio.now is first and studio.history.next is second
    studio.undo()
    studio.redo()
    assert studio.now is second
    studio.reset()
    assert studio.now.key == first.key
    studio.undo()
    assert studio.now is second


def test_choosing_the_same_style_is_no_step(studio):
    select_car(studio)
    studio.choose(studio.now.look[studio.selected].style)
    studio.reset()
    assert studio.history.former is None


def test_whole_class(studio):
    select_car(studio)
    style = other_style(studio)
    studio.choose(style, whole_class=True)
    look, classes = studio.now.look, studio.now.objects.classes
    assert {look[i].style for i, c in classes.items() if c == CAR} == {style}


def test_dice(studio):
    looks = set()
    for seed in range(8):
        studio.roll(seed)
        looks.add(studio.now.key)
    assert len(looks) > 1


def test_thumbnails_are_the_pictures_to_come(studio):
    select_car(studio)
    [(ident, thumbs)] = list(thumbnails(studio))[-1:]
    assert ident == studio.selected and list(thumbs) == [s.name for s in studio.styles]
    calls = []
    studio.engine.display, rendered = calls.append, studio.engine.display
    style = other_style(studio)
    studio.choose(style)
    picture = studio.picture()
    list(thumbnails(studio))
    studio.engine.display = rendered
    assert not calls, "a style that has a thumbnail is there already"
    [exact] = studio.engine.display(studio.now.inputs, [studio.now.look])
    assert np.abs(picture.astype(int) - exact).max() <= 1  # sums of a batch round otherwise


def test_thumbnails_stop_when_something_else_is_selected(studio, monkeypatch):
    monkeypatch.setattr("img2img.ui.engine.AT_ONCE", 1)
    select_car(studio)
    thumbs = thumbnails(studio)
    next(thumbs)
    studio.select(0.5, 0.5)
    assert len(list(thumbs)) == 0


def test_a_sketch_is_the_object_and_its_surroundings():
    """Every pixel of the sketch is one of the picture; the box lies where it is said to lie."""
    rows, columns = np.mgrid[:1500, :3000]
    inputs = {"label": rows, "instance": columns}
    for x, y, width, height in ((10, 20, 30, 40), (0, 700, 3000, 800), (2900, 0, 90, 90)):
        small, place = sketch(inputs, (x, y, width, height), (1500, 3000))
        assert 64**2 <= small["label"].size <= 1.1 * SKETCH
        seen_rows, seen_columns = small["label"][place], small["instance"][place]
        step = max(1, int(seen_rows[1, 0] - seen_rows[0, 0]))
        for seen, start, end in ((seen_rows, y, y + height), (seen_columns, x, x + width)):
            assert seen.min() < start + step and seen.max() > end - 1 - step
        assert (np.diff(seen_columns, axis=1) == step).all()


def test_large_pictures_have_sketches_for_thumbnails(engine, monkeypatch):
    """Nothing as large as the picture is rendered for them, and nothing twice."""
    big = draw_scene(VAL_OFFSET, height=384, width=768)
    inputs = {"label": big.label.astype("int64"), "instance": big.instance.astype("int64")}
    studio = Studio(engine)
    studio.open(Scene("big", inputs))
    select_car(studio)
    sizes, display = [], engine.display
    monkeypatch.setattr(
        engine, "display", lambda i, looks: sizes.append(i.size) or display(i, looks)
    )
    thumbs = list(thumbnails(studio))[-1][1]
    assert list(thumbs) == [s.name for s in studio.styles]
    assert sizes and max(h * w for h, w in sizes) <= 1.1 * SKETCH
    assert len({t.tobytes() for t in thumbs.values()}) == len(thumbs)
    made = len(sizes)
    studio.choose(other_style(studio))
    assert list(list(thumbnails(studio))[-1][1]) == list(thumbs) and len(sizes) == made


def test_edits_keep_the_other_styles(studio):
    ident = select_car(studio)
    studio.choose(other_style(studio))
    style = studio.now.look[ident]
    mask = stroke((32, 64), [(4.5, 28.5), (10.5, 28.5)], 2)
    studio.edit(lambda before: paint(before, mask, CAR, start=(4.5, 28.5), new=True), "painting")
    new = int(studio.now.objects.ids[28, 7])
    assert new not in studio.history.former.objects.classes
    assert studio.now.objects.classes[new] == CAR and new in studio.now.look
    assert studio.now.look[ident] is style
    studio.undo()
    assert new not in studio.now.objects.classes


def test_saved_files_render_the_same(studio, styled_run, tmp_path):
    """The picture that `translate` makes of the saved files is the saved one, byte for byte."""
    select_car(studio)
    studio.choose(other_style(studio))
    mask = stroke((32, 64), [(4.5, 28.5), (10.5, 28.5)], 2)
    studio.edit(lambda before: paint(before, mask, CAR, new=True), "painting")
    studio.edit(lambda before: fill(before, (1.5, 1.5), 5), "filling")
    saved = save(studio.engine, studio.now, "../A street!", tmp_path / "out")
    assert saved.picture == tmp_path / "out" / "a-street-1.png"
    names = {p.name for p in saved.files}
    assert names == {
        f"a-street-1{s}" for s in (".png", ".style.json", "_label.png", "_instance.png")
    }
    for name in ("label", "instance"):
        stored = read_ids(tmp_path / "out" / f"a-street-1_{name}.png")
        assert (stored == studio.now.inputs[name]).all()
    command = [str(styled_run) if part == "city" else part for part in saved.command]
    again = tmp_path / "again.png"
    assert main([*command, "--out", str(again), "--device", "cpu"]) == 0
    assert again.read_bytes() == saved.picture.read_bytes()
    second = save(studio.engine, studio.now, "A street", tmp_path / "out")
    assert second.picture.name == "a-street-2.png"


def test_class_that_the_book_does_not_know(translator, scene):
    engine = Engine(translator)
    styles = {c: s for c, s in translator.book.styles.items() if c != CAR}
    engine.book = type(translator.book)(styles, translator.book.class_names, 1)
    studio = Studio(engine)
    studio.open(scene)
    ident = select_car(studio)
    assert studio.styles == () and ident not in studio.now.look
    assert list(thumbnails(studio)) == []
    with pytest.raises(ConfigError, match="no styles"):
        studio.choose("0")
    assert studio.picture().shape == (32, 64, 3)


def test_class_that_the_run_does_not_know(studio, scene):
    label = scene.inputs["label"].copy()
    label[0, 0] = 77
    before = studio.now
    with pytest.raises(DataError, match="77"):
        studio.open(Scene("strange", {**scene.inputs, "label": label}))
    assert studio.now is before


def test_instance_map_of_another_size(studio, scene):
    inputs = {**scene.inputs, "instance": scene.inputs["instance"][:, :40]}
    with pytest.raises(DataError, match="40x32"):
        studio.open(Scene("strange", inputs))


def test_without_instances_pieces_are_objects(studio, scene):
    studio.open(Scene("bare", {"label": scene.inputs["label"]}))
    assert all(i >= 1000 or c == 0 for i, c in studio.now.objects.classes.items())
    assert select_car(studio) >= 6000


@pytest.mark.parametrize("given", [True, False])
def test_new_objects_of_connected_pieces_are_their_own(studio, scene, given, monkeypatch):
    """Pieces have numbers from class * 1000 on; those of class 0 look like classes."""
    inputs = {"label": scene.inputs["label"]}
    if given:  # a run whose data have no instance maps brings the pieces along
        derived = studio.engine.instances.model_copy(update={"derived": True})
        monkeypatch.setattr(studio.engine, "instances", derived)
        inputs = studio.engine.complete(inputs, studio.engine.prepare(inputs))
    studio.open(Scene("bare", inputs))
    for cls in (0, 1, CAR):
        known = set(studio.now.objects.classes)
        point = np.argwhere(studio.now.inputs["label"] != cls)[0][::-1] + 0.5
        mask = stroke((32, 64), [point], 1)
        studio.edit(lambda before: paint(before, mask, cls, new=True), "painting")  # noqa: B023
        new = int(studio.now.objects.ids[int(point[1]), int(point[0])])
        assert new not in known and studio.now.objects.classes[new] == cls


def test_the_book_tells_stuff_by_stored_ids(studio, scene):
    """A numbered object is no class, and classes go by the ids that files have."""
    engine, absent = studio.engine, 5
    label, instance = scene.inputs["label"], scene.inputs["instance"]
    keep = label != absent
    inputs = {"label": np.where(keep, label, 0), "instance": np.where(keep, instance, 0)}
    style = engine.book.styles[CAR][0]

    def stuff(number, ident):
        example = replace(style.examples[0], instance=ident)
        styles = {number: (replace(style, examples=(example,)),)}
        engine.book = replace(engine.book, styles=styles)
        return engine.stuff(inputs, inputs)

    here = stuff(CAR, 6000)
    assert stuff(CAR, absent) == here
    assert stuff(absent, absent) == here | {absent}
    engine.classes = {**engine.classes, absent: replace(engine.classes[absent], ident=77)}
    assert stuff(absent, 77) == here | {77} and stuff(absent, absent) == here


def test_model_without_features(tiny_plain, scene, tmp_path):
    engine = Engine(Translator.load(tiny_plain, device="cpu"), ["--run", str(tiny_plain)])
    assert "model.features=true" in engine.remark
    studio = Studio(engine)
    studio.open(scene)
    select_car(studio)
    with pytest.raises(ConfigError, match=r"model.features=true"):
        studio.choose("0")
    studio.edit(lambda before: fill(before, (1.5, 1.5), 5), "filling")
    saved = save(engine, studio.now, "plain", tmp_path)
    assert saved.look is None
    assert main([*saved.command, "--out", str(tmp_path / "again.png"), "--device", "cpu"]) == 0
    assert (tmp_path / "again.png").read_bytes() == saved.picture.read_bytes()


@pytest.fixture(scope="session")
def tiny_plain(tmp_path_factory):
    path = tmp_path_factory.mktemp("plain") / "run"
    arguments = ["--model", "pix2pixHD", "--run", str(path), "--device", "cpu", "--max-steps", "1"]
    arguments += ["data.scene_size=[32, 64]", "data.scenes=2", "data.val_scenes=1"]
    arguments += ["model.width=4", "model.n_down=2", "model.n_blocks=1", "model.d_width=4"]
    assert main(["train", *arguments, "model.weights.perceptual=0", "training.workers=0"]) == 0
    return path


def test_two_tabs_do_not_disturb_each_other(engine, scene, monkeypatch):
    """Pictures rendered at the same time are those rendered alone; the model serves in turn."""
    tabs = [Studio(engine) for _ in range(4)]
    for number, tab in enumerate(tabs):
        tab.open(scene)
        select_car(tab)
        tab.choose(str(number % len(tab.styles)), whole_class=True)
        if number % 2:
            tab.edit(lambda before: fill(before, (1.5, 1.5), 5), "filling")
    alone = [engine.display(tab.now.inputs, [tab.now.look])[0] for tab in tabs]
    assert len({picture.tobytes() for picture in alone}) > 2
    translator, inside, most = engine.translator, [], []
    render, together = translator.render, threading.Barrier(len(tabs))

    def watched(*arguments):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.02)  # for the others to come
        try:
            return render(*arguments)
        finally:
            inside.pop()

    def work(number):
        together.wait()
        pictures[number] = tabs[number].picture()

    monkeypatch.setattr(translator, "render", watched)
    pictures: dict[int, np.ndarray] = {}
    threads = [threading.Thread(target=work, args=[number]) for number in range(len(tabs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and len(most) == len(tabs), "one at a time, and none from a cache"
    for number, picture in enumerate(alone):
        assert (pictures[number] == picture).all()


def test_terminal(styled_run, street_files, tmp_path, capsys):
    common = ["pick-style", str(street_files), "--run", str(styled_run), "--device", "cpu"]
    assert main([*common, "--list"]) == 0
    listed = capsys.readouterr().out
    assert "car-1" in listed and " 6000 " in listed
    out = tmp_path / "x.png"
    styles = ["--style", "car=1", "--style", "6000=car-2", "--style", "random", "--seed", "7"]
    assert main([*common, *styles, "--out", str(out)]) == 0
    look = json.loads((tmp_path / "x.style.json").read_text())["objects"]
    assert look["6000"]["style"] == "car-2"
    translate = ["translate", str(street_files), "--run", str(styled_run), "--device", "cpu"]
    again, same = tmp_path / "again.png", tmp_path / "same.png"
    file = ["--style-file", str(tmp_path / "x.style.json")]
    assert main([*translate, *file, "--out", str(again)]) == 0
    assert main([*translate, *styles, "--out", str(same)]) == 0
    assert out.read_bytes() == again.read_bytes() == same.read_bytes()
    assert read_image(out).shape == (32, 64, 3)
    assert main([*common, "--style", "car=nine"]) == 2
    assert "car has no style 'nine'" in capsys.readouterr().err
