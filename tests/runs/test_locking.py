"""One writer of a folder: processes, kills, forks, file systems without locks."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from img2img.errors import ConfigError
from img2img.runs import locking
from img2img.runs.locking import LOCK, OWNER, owning

HOLD = """
import os, sys, time
from pathlib import Path
from img2img.runs import locking
if sys.argv[2] == "create":
    locking.fcntl = None
with locking.owning(Path(sys.argv[1]), "a training"):
    if sys.argv[3] == "fork" and os.fork() == 0:
        time.sleep(60)  # as a loader's worker whose parent was killed
        os._exit(0)
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["flock", "create"])
def way(request, monkeypatch):
    if request.param == "create":
        monkeypatch.setattr(locking, "fcntl", None)
    return request.param


@pytest.fixture
def file(tmp_path, way):
    return tmp_path / (LOCK if way == "flock" else OWNER)


@pytest.fixture
def hold(tmp_path, way):
    """hold() -> a process that has the lock."""
    started = []

    def start(fork="no"):
        command = [sys.executable, "-c", HOLD, str(tmp_path), way, fork]
        started.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        )
        assert started[-1].stdout.readline() == "held\n"
        return started[-1]

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def test_a_second_process_is_told_who_writes(tmp_path, hold, file):
    process = hold()
    with (
        pytest.raises(ConfigError, match=rf"a training \(process {process.pid} on .*wait until"),
        owning(tmp_path, "another"),
    ):
        pass
    assert file.exists()


def test_the_lock_of_a_killed_process_is_no_lock(tmp_path, hold, file):
    process = hold()
    process.kill()
    process.wait()
    assert json.loads(file.read_text())["process"] == process.pid
    with owning(tmp_path, "another"):
        assert json.loads(file.read_text())["process"] == os.getpid()
    assert not file.exists()


def test_children_do_not_keep_it(tmp_path, hold):
    process = hold("fork")
    process.kill()
    os.waitpid(process.pid, 0)
    process.returncode = -9
    with owning(tmp_path, "another"):
        pass


def test_twice_in_one_process(tmp_path, file):
    with owning(tmp_path, "one"):
        with pytest.raises(ConfigError, match=r"one \(process"), owning(tmp_path, "two"):
            pass
        assert file.exists()
    with owning(tmp_path, "two"):
        pass


def test_a_process_number_that_was_given_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(locking, "fcntl", None)
    owner = {"process": os.getpid(), "machine": socket.gethostname(), "began": "1", "what": "x"}
    (tmp_path / OWNER).write_text(json.dumps(owner))
    with owning(tmp_path, "another"):
        pass


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"machine": "elsewhere", "process": 1}'])
def test_owners_that_nothing_is_known_of_are_respected(tmp_path, monkeypatch, text):
    monkeypatch.setattr(locking, "fcntl", None)
    (tmp_path / OWNER).write_text(text)
    with pytest.raises(ConfigError, match="is writing there") as caught, owning(tmp_path, "x"):
        pass
    assert ("delete" in str(caught.value)) == ("elsewhere" in text)


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(locking.fcntl, "flock", refuse)
    with (
        owning(tmp_path, "one"),
        pytest.raises(ConfigError, match=r"one \(process"),
        owning(tmp_path, "two"),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_processes_never_write_at_once(tmp_path, way):
    code = f"""
import os, sys, time
from pathlib import Path
from img2img.errors import ConfigError
from img2img.runs import locking
if "{way}" == "create":
    locking.fcntl = None
count = 0
end = time.monotonic() + 30
while count < 5 and time.monotonic() < end:
    try:
        with locking.owning(Path("."), "x"):
            os.mkdir("inside")  # fails where another one is inside
            time.sleep(0.002)
            os.rmdir("inside")
            count += 1
    except ConfigError:
        time.sleep(0.003)
sys.exit(count != 5)
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in processes:
        assert process.wait(60) == 0, process.stderr.read().decode()
        process.stderr.close()
    assert not list(tmp_path.iterdir())
