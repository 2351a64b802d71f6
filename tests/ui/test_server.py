"""Starting the picker: addresses, what is missing, messages on the page."""

import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from img2img.cli import main
from img2img.data.images import write_image
from img2img.errors import ConfigError, DataError
from img2img.ui.handlers import Handlers
from img2img.ui.scenes import Offer, from_upload
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


def test_port_taken(handlers, tmp_path):
    pytest.importorskip("gradio")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} cannot be used.*--port"):
            serve(handlers, "city", host="127.0.0.1", port=port, browser=False, out=tmp_path)


def test_without_gradio(styled_run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "img2img.ui.page", raising=False)
    assert main(["pick-style", "--run", str(styled_run), "--device", "cpu"]) == 2
    assert 'pip install "img2img-translation[ui]"' in capsys.readouterr().err


def test_start_without_pictures(engine, tmp_path):
    studio, answer = Handlers(engine, [], tmp_path).start()
    assert "Open a label map" in answer["notice"]["text"]
    assert (
        "no picture is open" in last(Handlers(engine, [], tmp_path).undo(studio))["notice"]["text"]
    )


def test_held_out_pictures_are_offered(styled_run):
    from img2img.training.runs import pick_checkpoint
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
    studio, _ = handlers.start()
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
    studio, _ = handlers.start()
    data = {"tool": "brush", "cls": 6, "points": [[3, 3]], "radius": 2} | change
    assert "makes no sense" in last(handlers.edit(studio, data))["notice"]["text"]
    assert studio.history.former is None


def test_an_edit_shows_the_map_before_the_picture(handlers):
    studio, _ = handlers.start()
    data = {"tool": "brush", "cls": 6, "points": [[3, 3]], "radius": 2}
    answers = list(handlers.edit(studio, data))
    assert list(answers[0]) == ["scene"] and "stage" in answers[1]
    assert answers[1]["stage"]["undo"] == "painting car"


def test_bugs_are_logged_not_shown(handlers, monkeypatch, caplog):
    studio, _ = handlers.start()
    monkeypatch.setattr(studio, "roll", lambda seed: 1 / 0)
    assert last(handlers.roll(studio))["notice"]["text"].startswith("Something went wrong")
    assert "ZeroDivisionError" in caplog.text


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
    studio, _ = handlers.start()
    (tmp_path / "out").write_text("a file where the folder would be")
    assert "cannot be made" in last(handlers.save(studio))["notice"]["text"]
