"""How far work is: a bar on a terminal, a line now and then in a file."""

import io

import pytest

from img2img import progress
from img2img.cli import main
from img2img.errors import counted


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves on."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_file_gets_a_line_every_ten_seconds_and_no_bar(capsys, clock):
    meter = progress.Meter(120, what="step", done=20, keep=True)
    meter.note = "g/l1 0.2"
    for _ in range(50):
        clock[0] += 0.5
        meter.advance()
    meter.close()
    assert capsys.readouterr().err.splitlines() == [
        "step 40/120, 2 a second, 00:40 left: g/l1 0.2",
        "step 60/120, 2 a second, 00:30 left: g/l1 0.2",
    ]


def test_slow_steps(capsys, clock):
    meter = progress.Meter(100, what="step")
    clock[0] += 40
    meter.advance()
    assert capsys.readouterr().err == "step 1/100, 40 s each, 1:06:00 left\n"


def test_no_line_before_anything_is_done(capsys, clock):
    meter = progress.Meter(100, what="MB")
    clock[0] += 40
    meter.advance(0)
    assert capsys.readouterr().err == ""


def test_quick_work_and_hidden_work_leave_nothing_in_a_file(capsys, clock):
    assert list(progress.counting("abc", 3, "letter")) == list("abc")
    meter = progress.Meter(10, what="step", shown=False)
    clock[0] += 1000
    meter.advance()
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(progress, "EVERY", 0.0)
    meter = progress.Meter(3, what="step", keep=True)
    for _ in range(3):
        meter.note = "g/l1 0.5"
        meter.advance()
    meter.close()
    text = terminal.getvalue()
    assert "\r" in text and "3/3" in text and "g/l1 0.5" in text and "a second" not in text


def test_a_training_into_a_file(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "EVERY", 0.0)
    tiny = ["data.scene_size=32", "data.scenes=2", "data.val_scenes=1", "model.width=4"]
    tiny += ["model.d_width=4", "model.patch=16", "training.workers=0", "training.log_every=1"]
    arguments = ["--model", "pix2pix", "--run", "a", "--max-steps", "3", "--device", "cpu"]
    assert main(["train", *arguments, *tiny]) == 0
    err = capsys.readouterr().err
    assert "\r" not in err
    assert [line.split(",")[0] for line in err.splitlines()] == ["step 1/3", "step 2/3", "step 3/3"]
    assert "left: d/fake " in err and "g/l1 " in err


def test_counted():
    assert counted(1, "pair") == "1 pair" and counted(0, "pair") == "0 pairs"
    assert counted(1, "class", "classes") == "1 class"
    assert counted(35, "class", "classes") == "35 classes"
