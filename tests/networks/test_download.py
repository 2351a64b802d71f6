"""Downloads end: with the file, or with a reason, within the limits."""

import hashlib
import http.server
import multiprocessing
import socket
import threading
import time

import pytest

from img2img.networks import download as module
from img2img.networks.download import cached_file, fetch_file

CONTENT = bytes(range(256)) * 20_000  # 5 MB
SHA256 = hashlib.sha256(CONTENT).hexdigest()[:8]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        if self.path == f"/gone-{SHA256}.pth":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if self.path == f"/short-{SHA256}.pth":
            self.wfile.write(CONTENT[:1000])
        elif self.path == f"/slow-{SHA256}.pth":
            for i in range(400):  # never a pause that a limit on each read would notice
                self.wfile.write(CONTENT[i * 2048 : (i + 1) * 2048])
                time.sleep(0.05)
        else:
            self.wfile.write(CONTENT)

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub/checkpoints"


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked = 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def address(server, name, digest=SHA256):
    return f"http://127.0.0.1:{server.server_port}/{name}-{digest}.pth"


def left(cache):
    return [path.name for path in cache.iterdir() if not path.name.endswith(".lock")]


def test_a_file_is_brought_whole_and_once(server, cache, capsys):
    url = address(server, "net")
    assert cached_file(url) is None
    path = cache / f"net-{SHA256}.pth"
    for _ in range(2):
        assert fetch_file(url) == (path, "")
    assert cached_file(url) == path
    assert path.read_bytes() == CONTENT
    assert left(cache) == [path.name]
    assert server.asked == 1
    assert capsys.readouterr().err == f"downloading {path.name}, 5 MB\n"


@pytest.mark.parametrize(
    ("name", "digest", "said"),
    [
        ("gone", SHA256, "Not Found"),
        ("short", SHA256, "broke off"),
        ("net", "00000000", "checksum"),
    ],
)
def test_what_goes_wrong_is_said_and_leaves_nothing(server, cache, name, digest, said):
    path, problem = fetch_file(address(server, name, digest))
    assert path is None
    assert said in problem
    assert not left(cache)


def test_a_trickle_ends_at_the_limit_of_the_whole(server, cache, monkeypatch):
    monkeypatch.setattr(module, "TOTAL_LIMIT", 0.6)
    began = time.monotonic()
    path, problem = fetch_file(address(server, "slow"))
    assert path is None
    assert "takes longer than 0.01 minutes" in problem
    assert not left(cache)
    assert time.monotonic() - began < 10  # the server would take 20 s


def test_silence_ends_soon_and_no_download_is_announced(cache, monkeypatch, capsys):
    monkeypatch.setattr(module, "ANSWER_LIMIT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        path, problem = fetch_file(f"http://127.0.0.1:{silent.getsockname()[1]}/net-{SHA256}.pth")
    assert path is None
    assert "nothing came from 127.0.0.1 for 0.3 s" in problem
    assert not left(cache)
    assert capsys.readouterr().err == ""


def test_a_refused_connection_is_one_short_reason(cache):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    _, problem = fetch_file(f"http://127.0.0.1:{port}/net-{SHA256}.pth")
    assert problem.startswith("127.0.0.1: ")
    assert "refused" in problem
    assert len(problem) < 80


def test_a_folder_that_cannot_be_made_is_a_reason(server, cache):
    cache.parent.write_text("a file where the folder should be")
    path, problem = fetch_file(address(server, "net"))
    assert path is None
    assert str(cache.parent) in problem


def test_processes_that_ask_together_download_once(server, cache):
    context = multiprocessing.get_context("fork")  # quick; no torch runs in them
    with context.Pool(3) as pool:
        found = pool.map(fetch_file, [address(server, "net")] * 3, chunksize=1)
    assert found == [(cache / f"net-{SHA256}.pth", "")] * 3
    assert server.asked == 1
