"""Downloads end: with the file, or with a reason, within the limits."""

import hashlib
import http.server
import socket
import threading
import time

import pytest

from img2img.networks import download as module
from img2img.networks import pretrained

CONTENT = bytes(range(256)) * 20_000  # 5 MB
SHA256 = hashlib.sha256(CONTENT).hexdigest()[:8]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/gone.pth":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if self.path == "/short.pth":
            self.wfile.write(CONTENT[:1000])
        elif self.path == "/slow.pth":
            for i in range(400):  # never a pause that a limit on each read would notice
                self.wfile.write(CONTENT[i : i + 1])
                time.sleep(0.05)
        else:
            self.wfile.write(CONTENT)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def fetch(url, folder):
    folder = folder / "cache"
    problem = module.download(url, folder / "net.pth", sha256=SHA256)
    return problem, sorted(path.name for path in folder.iterdir())


def test_a_file_is_brought_whole(server, tmp_path, capsys):
    assert fetch(f"{server}/net.pth", tmp_path) == ("", ["net.pth"])
    assert (tmp_path / "cache/net.pth").read_bytes() == CONTENT
    assert capsys.readouterr().err == "downloading net.pth, 5 MB\n"


def test_what_goes_wrong_is_said_and_leaves_nothing(server, tmp_path, monkeypatch):
    problem, left = fetch(f"{server}/gone.pth", tmp_path)
    assert "Not Found" in problem and not left
    problem, left = fetch(f"{server}/short.pth", tmp_path)
    assert "broke off" in problem and not left
    monkeypatch.setattr(f"{__name__}.SHA256", "00000000")
    problem, left = fetch(f"{server}/net.pth", tmp_path)
    assert "checksum" in problem and not left


def test_a_trickle_ends_at_the_limit_of_the_whole(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TOTAL_LIMIT", 0.6)
    began = time.monotonic()
    problem, left = fetch(f"{server}/slow.pth", tmp_path)
    assert "takes longer than 0.01 minutes" in problem and not left
    assert time.monotonic() - began < 5


def test_silence_ends_soon_and_no_download_is_announced(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "ANSWER_LIMIT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        problem, left = fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/net.pth", tmp_path)
    assert "nothing came from 127.0.0.1 for 0.3 s" in problem and not left
    assert capsys.readouterr().err == ""


def test_downloaded_weights_are_found_in_the_cache(server, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(pretrained, "weights_url", lambda _: f"{server}/vgg19-{SHA256}.pth")
    assert pretrained.cached_weights("vgg19") is None
    assert pretrained.download_weights("vgg19") == ""
    assert pretrained.cached_weights("vgg19").read_bytes() == CONTENT
