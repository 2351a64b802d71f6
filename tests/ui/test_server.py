"""Starting the picker: addresses, what is missing, messages on the page."""

import asyncio
import re
import socket
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from img2img.cli import main
from img2img.data.scenes import VAL_OFFSET, draw_scene
from img2img.errors import ConfigError, DataError
from img2img.fields.files import write_image
from img2img.ui.handlers import Handlers
from img2img.ui.scenes import Offer, Scene, from_upload
from img2img.ui.server import serve


@pytest.fixture
def handlers(engine, scene, tmp_path):
    return Handlers(engine, [Offer("street", lambda: scene)], tmp_path / "out")


def last(answers):
    """What the page shows after all of these answers."""
    shown = {}
    for answer in answers:
        shown |= answer
    return shown


def start(handlers, tab=None):
    """A tab's studio, and what it shows."""
    studio, answers = handlers.start(tab)
    return studio, last(answers)


def test_port_taken(handlers, tmp_path):
    pytest.importorskip("gradio")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} cannot be used.*--port"):
            serve(handlers, "city", host="127.0.0.1", port=port, browser=False)


def test_without_gradio(styled_run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "img2img.ui.page", raising=False)
    assert main(["pick-style", "--run", str(styled_run), "--device", "cpu"]) == 2
    assert 'pip install "img2img-translation[ui]"' in capsys.readouterr().err


def test_start_without_pictures(engine, tmp_path):
    studio, answer = start(Handlers(engine, [], tmp_path))
    assert "Open a label map" in answer["notice"]["text"]
    assert (
        "no picture is open" in last(Handlers(engine, [], tmp_path).undo(studio))["notice"]["text"]
    )


def test_held_out_pictures_are_offered(styled_run):
    from img2img.runs.folder import pick_checkpoint
    from img2img.ui.scenes import from_run

    offers = from_run(pick_checkpoint(Path(styled_run), None))
    assert len(offers) == 2
    assert offers[0].open().inputs["label"].shape == (32, 64)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"x": "left", "y": 0},
        {"x": float("nan"), "y": 0},
        None,
        {"x": [1], "y": {}},
    ],
)
def test_requests_without_sense(handlers, data):
    """Anybody who reaches the port can send anything."""
    studio, _ = start(handlers)
    assert "makes no sense" in last(handlers.pick(studio, data))["notice"]["text"]


@pytest.mark.parametrize(
    "change",
    [
        {"tool": "hammer"},
        {"cls": 99},
        {"points": []},
        {"radius": 1e9},
        {"points": [[float("inf"), 0]]},
        {"points": [[1, 2, 3]]},
    ],
)
def test_strokes_without_sense(handlers, change):
    studio, _ = start(handlers)
    data = {"tool": "brush", "cls": 6, "points": [[3, 3]], "radius": 2} | change
    assert "makes no sense" in last(handlers.edit(studio, data))["notice"]["text"]
    assert studio.history.former is None


def test_an_edit_shows_the_map_before_the_picture(handlers):
    studio, _ = start(handlers)
    data = {"tool": "brush", "cls": 6, "points": [[3, 3]], "radius": 2}
    answers = list(handlers.edit(studio, data))
    assert list(answers[0]) == ["scene"] and "stage" in answers[1]
    assert answers[1]["stage"]["undo"] == "painting car"


def test_outlines_follow_when_rendering_failed(handlers, monkeypatch):
    """Where a picture cannot be rendered, the next answer brings its objects."""
    handlers.offers = [*handlers.offers, replace(handlers.offers[0], name="another")]
    studio, first = start(handlers)

    def fail(*_):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(handlers.engine, "display", fail)
        answers = list(handlers.open(studio, 1))
    assert list(last(answers)) == ["notice"]
    shown = last(handlers.pick(studio, {"x": 1, "y": 1}))
    assert shown["scene"]["version"] == studio.now.version > first["scene"]["version"]
    assert "scene" not in last(handlers.pick(studio, {"x": 2, "y": 2}))


def test_answers_that_overtake_one_another(handlers):
    """The page keeps the later map, whichever answer ends first."""
    studio, _ = start(handlers)
    data = {"tool": "brush", "cls": 6, "points": [[3, 3]], "radius": 2}
    slow = handlers.edit(studio, data)
    next(slow)
    list(handlers.edit(studio, data | {"points": [[30, 3]], "cls": 5}))
    list(slow)
    assert last(handlers.undo(studio))["scene"]["version"] == studio.now.version


def test_doubts_about_the_styles_are_told_at_the_start(handlers, engine, monkeypatch, tmp_path):
    monkeypatch.setattr(engine.translator, "remark", "the style book is old")
    _, answer = start(handlers)
    assert "the style book is old" in answer["notice"]["text"] and "stage" in answer
    _, answer = start(Handlers(engine, [], tmp_path))
    assert "No picture" in answer["notice"]["text"] and "is old" in answer["notice"]["text"]


@pytest.mark.parametrize(
    "action", ["undo", "redo", "reset", "roll", "save", "pick", "style", "whole", "edit", "open"]
)
def test_tabs_of_an_earlier_server(handlers, action):
    data = {"pick": {}, "style": {}, "whole": {}, "edit": {}, "open": 0}
    arguments = [data[action]] if action in data else []
    shown = last(getattr(handlers, action)(None, *arguments))
    assert "reload the page" in shown["notice"]["text"]


@pytest.fixture
def served(styled_run, street_files, tmp_path, monkeypatch):
    """Runs the command in a folder of the test's own; the handlers that it would have served."""
    monkeypatch.chdir(tmp_path)

    def start(*arguments):
        caught = []
        monkeypatch.setattr("img2img.ui.server.serve", lambda h, *_, **__: caught.append(h))
        inputs = arguments or [str(street_files)]
        assert main(["pick-style", *inputs, "--run", str(styled_run), "--device", "cpu"]) == 0
        return caught[0]

    return start


def test_saved_pictures_can_be_opened_again(served, tmp_path, scene, capsys):
    """Nothing is written over an input: saving always takes new names."""
    (tmp_path / "styled").mkdir()
    label = Path("styled") / "a-1_label.png"
    write_image(label, scene.inputs["label"].astype(np.uint8))
    for item in (str(label), "styled", "styled/*_label.png"):
        handlers = served(item)
        assert [offer.name for offer in handlers.offers] == ["a-1_label"]
    run = handlers.engine.arguments
    assert main(["pick-style", str(label), "--list", *run]) == 0
    assert "a-1_label:" in capsys.readouterr().out
    assert main(["pick-style", str(label), "--style", "car=1", *run]) == 2
    assert "is one of the inputs" in capsys.readouterr().err
    write_image(tmp_path / "street.png", scene.inputs["label"].astype(np.uint8))
    assert [offer.name for offer in served(".").offers] == ["street"]  # no results among them


def test_the_command_has_the_device(served):
    handlers = served()
    assert handlers.engine.arguments[-2:] == ("--device", "cpu")
    studio, _ = start(handlers)
    assert "--device cpu" in last(handlers.save(studio))["notice"]["command"]


def test_doubts_about_the_styles_are_printed(served, monkeypatch, capsys):
    from img2img.inference.translator import Translator

    load = Translator.load

    def doubtful(*arguments, **named):
        translator = load(*arguments, **named)
        translator.remark = "the style book is old"
        return translator

    monkeypatch.setattr(Translator, "load", doubtful)
    served()
    assert "warning: the style book is old" in capsys.readouterr().err


def test_bugs_are_logged_not_shown(handlers, monkeypatch, caplog):
    studio, _ = start(handlers)
    monkeypatch.setattr(studio, "roll", lambda seed: 1 / 0)
    assert last(handlers.roll(studio))["notice"]["text"].startswith("Something went wrong")
    assert "ZeroDivisionError" in caplog.text


def test_a_stroke_that_would_take_hours_is_refused(handlers):
    studio, _ = start(handlers)
    across = [[0, 0], [4000, 4000]] * 100
    data = {"tool": "brush", "cls": 6, "points": across, "radius": 2}
    assert "makes no sense" in last(handlers.edit(studio, data))["notice"]["text"]
    data = {"tool": "brush", "cls": float("inf"), "points": [[1, 1]], "radius": 2}
    assert "makes no sense" in last(handlers.edit(studio, data))["notice"]["text"]
    by_hand = [[x, 16 + (x % 7)] for x in range(0, 4000)]
    data = {"tool": "brush", "cls": 6, "points": by_hand, "radius": 32}
    assert "stage" in last(handlers.edit(studio, data))


def test_a_small_file_of_many_channels_is_refused_by_its_header(engine, tmp_path):
    import tifffile

    pixels = np.zeros((2048, 2048, 100), np.uint8)
    tifffile.imwrite(tmp_path / "bomb.tif", pixels, compression="zlib", planarconfig="contig")
    assert (tmp_path / "bomb.tif").stat().st_size < 2**20
    with pytest.raises(DataError, match="100 channels of uint8, 400 MB once it is read"):
        from_upload(tmp_path / "bomb.tif", None, engine.spec)


def test_uploads_that_cannot_be_used(engine, tmp_path):
    text, wide, label = tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png"
    text.write_text("no picture")
    write_image(wide, np.zeros((1, 20_000), np.uint8))
    write_image(label, np.full((8, 8), 77, np.uint8))
    for path, expected in ((text, "not a picture"), (wide, "at most 4096"), (label, "77")):
        with pytest.raises(DataError, match=expected) as caught:
            from_upload(path, None, engine.spec)
        assert str(tmp_path) not in str(caught.value)


def test_saving_where_nothing_can_be_written(handlers, tmp_path):
    studio, _ = start(handlers)
    (tmp_path / "out").write_text("a file where the folder would be")
    assert "cannot be made" in last(handlers.save(studio))["notice"]["text"]


def test_work_is_kept_for_a_tab_that_comes_back(handlers):
    """Another scene and back, a reload: what was done is there, to the last step."""
    handlers.offers = [*handlers.offers, replace(handlers.offers[0], name="another")]
    tab = "a-name-that-nobody-guesses"
    studio, first = start(handlers, tab)
    assert not first["stage"]["unsaved"]
    data = {"tool": "brush", "cls": 6, "points": [[3, 3]], "radius": 2}
    done = last(handlers.edit(studio, data))
    assert done["stage"]["unsaved"]
    other = last(handlers.open(studio, 1))
    assert other["stage"]["undo"] is None and other["stage"]["unsaved"]
    back = last(handlers.open(studio, 0))
    assert back["stage"]["undo"] == "painting car"
    assert back["stage"]["picture"] == done["stage"]["picture"]
    assert back["stage"]["original"] == first["stage"]["picture"]
    again, shown = start(handlers, tab)
    assert again is studio and shown["scene"]["version"] == studio.now.version
    assert shown["stage"]["undo"] == "painting car" and shown["opened"]["place"] == 0
    assert handlers.start("another-name-nobody-guesses")[0] is not studio
    assert handlers.start("short")[0] is not handlers.start("short")[0], "a name that is guessed"
    assert not last(handlers.save(studio))["stage"]["unsaved"]
    assert last(handlers.undo(studio))["stage"]["unsaved"] is False, "as it was opened"


def test_saved_styles_are_opened_again(handlers, tmp_path):
    """A look alone is for the open picture; with a label map, for that one."""
    studio, first = start(handlers)
    before = first["stage"]["picture"]
    rolled = last(handlers.roll(studio))["stage"]["picture"]
    list(handlers.save(studio))
    [look] = (tmp_path / "out").glob("*.style.json")
    list(handlers.reset(studio))

    def upload(**files):
        ids = {name: put(handlers, path) for name, path in files.items()}
        asked = {"label": None, "instances": None, "look": None, "name": "My map.png"}
        asked["photo"] = None
        return last(handlers.upload(studio, asked | ids, "me"))

    assert upload(look=look)["stage"]["picture"] == rolled != before
    maps = {"label": "_label", "instances": "_instance"}
    maps = {k: next((tmp_path / "out").glob(f"*{end}.png")) for k, end in maps.items()}
    shown = upload(look=look, **maps)
    assert shown["stage"]["picture"] == rolled and shown["stage"]["undo"] == "saved styles"
    assert shown["opened"] == {"place": -1, "choices": [(0, "street"), (-1, "My map")]}
    assert upload(label=maps["label"])["opened"]["place"] == -2
    doubt = upload(look=look)["notice"]["text"]
    assert re.match(r"\d+ of the \d+ objects of these styles are not in this picture", doubt)
    look.write_text("{}")
    text = upload(look=look)["notice"]["text"]
    assert "not a style file" in text and "/" not in text
    assert "choose" in upload()["notice"]["text"]


def put(handlers, path):
    """The id of a file as the page would send it."""

    async def parts():
        yield path.read_bytes()

    return asyncio.run(handlers.uploads.receive("me", parts()))


def test_a_large_picture_says_that_it_is_rendered(handlers):
    """Before a long wait there is a sign, with the seconds it may take once one was rendered."""
    big = draw_scene(VAL_OFFSET, height=512, width=512)
    inputs = {"label": big.label.astype("int64"), "instance": big.instance.astype("int64")}
    handlers.offers = [Offer("big", lambda: Scene("big", inputs))]
    studio, answers = handlers.start()
    assert next(answers)["progress"] | {"serial": 0} == {
        "serial": 0,
        "width": 512,
        "height": 512,
        "seconds": None,
    }
    assert "progress" not in last(answers)
    studio.selected = None
    [progress] = [a["progress"] for a in handlers.roll(studio) if "progress" in a]
    assert progress["seconds"] > 0
    assert not [a for a in handlers.undo(studio) if "progress" in a], "it is there already"


def test_a_photo_for_a_label_map_and_a_far_larger_one_are_told(engine, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    photo, small, large = tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png"
    write_image(photo, rng.integers(0, 256, (32, 64, 3), np.uint8))
    write_image(small, np.full((96, 192), 3, np.uint8))
    write_image(large, np.full((97, 193), 3, np.uint8))
    spec = engine.spec
    monkeypatch.setattr(type(spec.labels), "read", lambda *_: np.full((32, 64), 3))
    assert "2048 colours" in from_upload(photo, None, spec).doubt
    monkeypatch.undo()
    assert from_upload(small, None, spec).doubt == ""
    doubt = from_upload(large, None, spec).doubt
    assert "193 x 97 pixels, the training pictures 64 x 32" in doubt and "colours" not in doubt


@pytest.mark.parametrize(
    "data",
    [
        {"do": "hammer"},
        {"do": "mix", "first": "0", "second": "1", "share": 7},
        {"do": "mix", "first": "0", "second": "1", "share": "x"},
        {"do": "keep"},
    ],
)
def test_styles_without_sense(handlers, data):
    studio, _ = start(handlers)
    ids = studio.now.objects.ids
    row, column = np.argwhere(ids == ids[ids // 1000 == 6].max())[0]
    studio.select(column + 0.5, row + 0.5)
    assert "makes no sense" in last(handlers.palette(studio, data))["notice"]["text"]
    assert studio.history.former is None
