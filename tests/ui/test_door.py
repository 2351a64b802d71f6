"""Attacks on the picker's server: by strangers, by other websites, and by somebody who has the token."""

import contextlib
import http.server
import json
import threading

import pytest
from browser import CHROMIUM, Server

from img2img.errors import DataError
from img2img.fields.files import write_image
from img2img.ui.door import Door
from img2img.ui.handlers import Handlers
from img2img.ui.uploads import Downloads, Uploads

pytest.importorskip("gradio", reason="the page needs Gradio: the extra [ui]")
httpx = pytest.importorskip("httpx")

SECRET = "the-private-words-of-a-file-beside-the-picker"
# What Gradio serves and the page does not use.
CLOSED = [
    "/config",
    "/info",
    "/openapi.json",
    "/docs",
    "/monitoring",
    "/monitoring/summary",
    "/manifest.json",
    "/robots.txt",
    "/login_check",
    "/token",
    "/app_id",
    "/gradio_api/info",
    "/gradio_api/openapi.json",
    "/gradio_api/deep_link?session_hash=a",
    "/gradio_api/file=/etc/passwd",
    "/gradio_api/file=img2img/__init__.py",
    "/gradio_api//file=/etc/passwd",
    "/gradio_api/%66ile=/etc/passwd",
    "/static/../gradio_api/file=/etc/passwd",
    "/file=/etc/passwd",
    "/gradio_api/proxy=http://127.0.0.1/",
    "/gradio_api/upload_progress?upload_id=a",
    "/gradio_api/startup-events",
    "/gradio_api/vibe-code/",
    "/gradio_api/runs",
    "/gradio_api/stream/a/b/c/playlist.m3u8",
    "/gradio_api/custom_component/a/client/b/c",
    "/saved/../../etc/passwd",
    "/saved/unknown",
]


@pytest.fixture(scope="module")
def server(styled_run, street_files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    (folder / "tmp").mkdir()
    places = {"GRADIO_TEMP_DIR": str(folder / "cache"), "TMPDIR": str(folder / "tmp")}
    server = Server(str(street_files), "--run", str(styled_run), cwd=folder, **places)
    yield server
    server.stop()
    assert "Traceback" not in "".join(server.log)


@pytest.fixture
def secret(server):
    """A private file beside the picker; its words are nowhere else when the test is over."""
    path = server.cwd / "private.txt"
    path.write_text(SECRET)
    yield path
    copies = [p for p in server.cwd.rglob("*") if p.is_file() and p != path]
    assert not [p for p in copies if SECRET.encode() in p.read_bytes()]
    path.unlink()


@contextlib.contextmanager
def client(server, *, token=True):
    """A browser's connection, with the cookie that it got for the token."""
    base = server.address.split("?")[0].rstrip("/")
    with httpx.Client(base_url=base, timeout=60) as opened:
        if token:
            answer = opened.get("/?token=" + server.address.split("token=")[1])
            assert answer.status_code == 303
            assert answer.headers["location"] == "/"
            assert "HttpOnly; SameSite=Lax" in answer.headers["set-cookie"]
        yield opened


def waiting(server):
    """Files that were sent and not opened."""
    return list((server.cwd / "tmp").glob("img2img-uploads-*/*"))


def join(client, content, **headers):
    return client.post("/gradio_api/queue/join", content=content, headers=headers)


def test_strangers_learn_where_the_token_is_and_nothing_else(server):
    with client(server, token=False) as stranger:
        for path in ("/", "/assets/index.html", "/theme.css", "/?token=", "/?token=" + "A" * 32):
            answer = stranger.get(path)
            assert answer.status_code == 403 and "terminal printed" in answer.text
            assert "set-cookie" not in answer.headers
        assert stranger.post("/upload", content=b"x").status_code == 403
        assert join(stranger, b"{}").status_code == 403
        name = f"img2img-{stranger.base_url.port}"
        assert stranger.get("/", headers={"cookie": f"{name}=AAAA"}).status_code == 403


def test_the_page_is_there_for_who_has_the_token(server):
    with client(server) as own:
        answer = own.get("/")
        assert answer.status_code == 200 and "Style picker" in answer.text
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        port = own.base_url.port
        for host in (f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}", "127.0.0.1"):
            assert own.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "127.0.0.1:x"],
)
def test_names_that_are_not_this_machine_are_refused(server, host):
    """By DNS rebinding a website is of the same origin as the picker, but for this name."""
    with client(server) as own:
        assert own.get("/", headers={"host": host}).status_code in (400, 421)
        assert own.post("/upload", content=b"x", headers={"host": host}).status_code in (400, 421)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://127.0.0.1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
def test_pages_of_other_origins_are_refused(server, headers):
    with client(server) as own:
        assert own.post("/upload", content=b"x", headers=headers).status_code == 403
        assert join(own, b"{}", **headers).status_code == 403
        assert own.get("/assets/x.js", headers=headers).status_code == 403


@pytest.mark.parametrize("path", CLOSED)
def test_what_the_page_does_not_use_is_closed(server, secret, path):
    with client(server) as own:
        for method in ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"):
            answer = own.request(method, path)
            assert answer.status_code == 404, f"{method} {path}"
            assert "root:" not in answer.text


def gradio_file(path):
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}, "orig_name": "a.png"}


@pytest.mark.parametrize("where", ["data", "event_data"])
@pytest.mark.parametrize("path", ["secret", "/dev/zero", "/etc/passwd"])
def test_files_cannot_be_named_by_their_paths(server, secret, where, path):
    value = gradio_file(secret if path == "secret" else path)
    with client(server) as own:
        actions = range(16) if path == "secret" else (0,)  # all that the page has
        for number in actions:
            for nested in (value, [value], {"label": value, "instances": None}):
                body = {"data": [None, None], "fn_index": number, "session_hash": "attack"}
                body[where] = [nested] if where == "data" else nested
                answer = join(own, json.dumps(body))
                assert answer.status_code == 400 and "by their ids" in answer.text


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        '{"data": [{"p\\u0061th": "/etc/passwd"}]}',
        json.dumps({"data": [gradio_file("/etc/passwd")]}).encode("utf-16"),
        "[" * 100_000,
        '{"data": ' + "[" * 50_000 + "]" * 50_000 + "}",
        b"\xff\xfe",
        "no json",
    ],
    ids=["escaped", "utf-16", "open", "deep", "bytes", "text"],
)
def test_bodies_that_are_meant_to_be_misread(server, body):
    with client(server) as own:
        assert join(own, body).status_code == 400
        assert own.get("/").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"fn_index": -1, "session_hash": "a"},
        {"fn_index": 10**30, "session_hash": "a"},
        {"fn_index": True, "session_hash": "a"},
        {"fn_index": 0},
        [0],
        None,
    ],
    ids=str,
)
def test_what_the_page_never_sends(server, body):
    with client(server) as own:
        assert join(own, json.dumps(body)).status_code == 400
        assert own.get("/assets/" + "x" * 5000).status_code == 404
        assert own.get("/?page=x&deep_link=y").status_code == 200


@pytest.mark.parametrize(
    "other", ['pref={"x":1}', "pref=a b c", "pref", "pref=é", "p[a]=1", "path=/x"]
)
def test_cookies_of_other_ports_do_not_shut_the_owner_out(server, other):
    """Browsers send the cookies of all ports of a machine."""
    with client(server) as own:
        [(name, value)] = own.cookies.items()
    for cookies in (f"{other}; {name}={value}", f"{name}=old; {name}={value}; {other}"):
        headers = {"cookie": cookies.encode("latin-1")}
        with client(server, token=False) as browser:
            assert browser.get("/", headers=headers).status_code == 200


def test_a_tab_is_its_own_browsers_alone(server):
    with client(server) as own, client(server) as another:
        body = json.dumps({"data": [], "fn_index": 0, "session_hash": "mine"})
        assert join(own, body).status_code != 403
        assert join(another, body).status_code == 403
        assert another.get("/gradio_api/queue/data?session_hash=mine").status_code == 403
        assert another.get("/gradio_api/heartbeat/mine").status_code == 403


def test_an_invitation_is_good_for_one_browser():
    door = Door(None, host="127.0.0.1", port=1)
    once = f"token={door.invite()}".encode()
    scope = {"query_string": once, "method": "GET", "path": "/"}
    assert "set-cookie" in door._admit(scope)
    with pytest.raises(Exception, match="terminal printed"):
        door._admit(scope)


def test_long_bodies_are_refused(server):
    with client(server) as own:
        with contextlib.suppress(httpx.TransportError):  # it hung up in the midst
            assert join(own, b" " * (5 * 2**20)).status_code == 413
        assert own.get("/").status_code == 200


def test_gradio_itself_refuses_files_that_nobody_uploaded(
    engine, scene, tmp_path, monkeypatch, street_files
):
    """The door's own check left aside: a second lock behind the first."""
    from starlette.testclient import TestClient

    from img2img.ui.scenes import Offer
    from img2img.ui.server import make_app

    cache, secret = tmp_path / "cache", tmp_path / "private.txt"
    secret.write_text(SECRET)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(cache))
    handlers = Handlers(engine, [Offer("street", lambda: scene)], tmp_path / "out")
    inside = make_app(handlers, "city", host="127.0.0.1", port=1).app
    with TestClient(inside) as page:
        actions = page.get("/config").json()["dependencies"]
        opening = [a["id"] for a in actions if len(a["inputs"]) == 2]  # the list of pictures
        assert opening
        for number in opening:
            body = {"data": [None, gradio_file(secret)], "fn_index": number, "session_hash": "a"}
            assert page.post("/gradio_api/queue/join", json=body).status_code == 200
            told = page.get("/gradio_api/queue/data?session_hash=a").text
            assert '"success":false' in told
    assert not [p for p in cache.rglob("*") if p.is_file()]


def test_a_file_that_is_sent_is_opened_by_its_session_alone(engine, scene, tmp_path, street):
    import asyncio

    from img2img.ui.studio import Studio

    handlers = Handlers(engine, [], tmp_path / "out")
    write_image(tmp_path / "map.png", street.label)

    async def parts():
        yield (tmp_path / "map.png").read_bytes()

    def opened(ident, session):
        studio, shown = Studio(engine), {}
        asked = {"label": ident, "instances": None, "photo": None, "look": None, "name": "map.png"}
        for answer in handlers.upload(studio, asked, session):
            shown |= answer
        return studio.place is not None, shown["notice"]["text"]

    ident = asyncio.run(handlers.uploads.receive("mine", parts()))
    assert opened(ident, "another") == (False, "the file is no longer here; choose it again")
    assert opened(str(tmp_path / "map.png"), "mine")[0] is False
    assert opened("../map.png", "mine")[0] is False
    assert opened(ident, "mine") == (True, "")
    assert opened(ident, "mine")[0] is False, "it is opened once"


def receive(uploads, session, *parts):
    import asyncio

    async def stream():
        for part in parts:
            yield part

    return asyncio.run(uploads.receive(session, stream()))


def test_one_file_and_all_files_have_their_limits():
    uploads = Uploads(largest=100, room=250)
    with pytest.raises(DataError, match="more than 0 MB"):
        receive(uploads, "a", b"x" * 60, b"x" * 60)
    kept = [receive(uploads, "a", b"x" * 60, b"x" * 40) for _ in range(2)]
    with pytest.raises(DataError, match="too many files wait"):
        receive(uploads, "b", b"x" * 51)
    with uploads.taken("a", [kept[0], None]) as (first, nothing):
        assert first.read_bytes() == b"x" * 100 and nothing is None
    assert not first.exists()
    with uploads.taken("a", [receive(uploads, "a", b"y" * 51)]) as (path,):
        assert path.read_bytes() == b"y" * 51
        folder = path.parent
    assert [p.name for p in folder.iterdir()] == [kept[1]], "what was refused is gone"


def test_how_many_files_may_wait(monkeypatch):
    uploads = Uploads()
    monkeypatch.setattr("img2img.ui.uploads.MOST", 2)
    kept = [receive(uploads, "a", b"x") for _ in range(2)]
    with pytest.raises(DataError, match="too many files wait"):
        receive(uploads, "a", b"x")
    with uploads.taken("a", kept):
        pass
    with pytest.raises(DataError, match="is empty"):
        receive(uploads, "a")
    receive(uploads, "a", b"x")


def test_a_file_on_its_way_is_counted_however_slow_it_is(monkeypatch):
    import asyncio

    uploads = Uploads(room=100)
    monkeypatch.setattr("img2img.ui.uploads.KEPT", -1)

    async def slow():
        yield b"x" * 60
        with pytest.raises(DataError, match="too many files wait"):
            await uploads.receive("b", quick())
        yield b"x" * 30

    async def quick():
        yield b"y" * 50

    ident = asyncio.run(uploads.receive("a", slow()))
    with uploads.taken("a", [ident]) as (path,):
        assert path.read_bytes() == b"x" * 90


@pytest.mark.slow
def test_the_uploads_end_with_the_server(styled_run, street_files, tmp_path):
    """However it ends."""
    server = Server(str(street_files), "--run", str(styled_run), cwd=tmp_path, TMPDIR=str(tmp_path))
    try:
        with client(server) as own:
            assert own.post("/upload", content=b"x").status_code == 200
        assert list(tmp_path.glob("img2img-uploads-*/*"))
    finally:
        server.stop()
    assert not list(tmp_path.glob("img2img-uploads-*"))


def test_files_that_nobody_opens_go_in_time(monkeypatch):
    uploads = Uploads()
    ident = receive(uploads, "a", b"x")
    monkeypatch.setattr("img2img.ui.uploads.KEPT", -1)
    receive(uploads, "a", b"y")
    with pytest.raises(DataError, match="no longer here"), uploads.taken("a", [ident]):
        pass


def test_a_file_that_is_too_large_is_refused_by_the_server(server):
    def parts():
        for _ in range(65):
            yield bytes(2**20)

    with client(server) as own:
        with contextlib.suppress(httpx.TransportError):  # it hung up in the midst
            assert own.post("/upload", content=parts()).status_code == 413
        assert not waiting(server)
        assert own.get("/").status_code == 200


def test_saved_files_alone_can_be_fetched(tmp_path):
    downloads = Downloads()
    (tmp_path / "a.png").write_bytes(b"picture")
    address = downloads.offer(tmp_path / "a.png")
    assert downloads.find(address.removeprefix("/saved/")).read_bytes() == b"picture"
    for other in ("a.png", str(tmp_path / "a.png"), "", "../a.png"):
        assert downloads.find(other) is None
    (tmp_path / "a.png").unlink()
    assert downloads.find(address.removeprefix("/saved/")) is None


@pytest.mark.slow
def test_what_listening_to_all_machines_opens_is_said(styled_run, street_files, tmp_path):
    arguments = [str(street_files), "--run", str(styled_run), "--host", "0.0.0.0"]
    server = Server(*arguments, cwd=tmp_path)
    try:
        with client(server) as own:
            port = own.base_url.port
            assert own.get("/", headers={"host": f"192.168.7.7:{port}"}).status_code == 200
            assert own.get("/", headers={"host": "evil.example"}).status_code == 421
        with client(server, token=False) as stranger:
            assert stranger.get("/").status_code == 403
        said = "".join(server.log)
        assert "warning: every machine that reaches this one" in said and "styled" in said
    finally:
        server.stop()


# ----------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def launch():
    playwright = pytest.importorskip("playwright.sync_api", reason="the extra [test]")
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}: apt-get install chromium")
    with playwright.sync_playwright() as tool:
        opened = []

        def one(*arguments):
            opened.append(
                tool.chromium.launch(
                    executable_path=str(CHROMIUM), args=["--no-sandbox", *arguments]
                )
            )
            return opened[-1].new_page()

        yield one
        for browser in opened:
            browser.close()


def test_rebinding_in_a_browser(launch, server):
    """A website's name that leads to this machine since a moment ago, with the token even."""
    page = launch("--host-resolver-rules=MAP evil.example 127.0.0.1")
    port, token = server.address.split(":")[2].split("/")[0], server.address.split("?")[1]
    for path in ("/", f"/?{token}"):
        answer = page.goto(f"http://evil.example:{port}{path}")
        assert answer.status == 421 and "not one of the picker's" in page.inner_text("body")
    status = page.evaluate("fetch('/upload', {method: 'POST', body: 'x'}).then(a => a.status)")
    assert status == 421
    assert page.goto(server.address).status == 200, "by its own name it opens"


ATTACK = """async (target) => {
  const told = [];
  const body = JSON.stringify({data: [], fn_index: 0, session_hash: "a"});
  for (const path of ["/upload", "/gradio_api/queue/join"]) {
    for (const mode of ["no-cors", "cors"]) {
      try {
        await fetch(target + path, {method: "POST", mode, credentials: "include", body});
      } catch (error) { told.push(String(error)); }
    }
  }
  try {
    const answer = await fetch(target + "/", {credentials: "include"});
    told.push("READ " + (await answer.text()).length);
  } catch (error) { told.push(String(error)); }
  return told;
}"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_another_websites_page_in_the_same_browser(launch, server, tmp_path, name):
    """Of another site and of the same one, on another port: nothing that it sends gets through."""
    (tmp_path / "index.html").write_text("<h1>harmless</h1>")

    class Pages(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *_): ...

    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    try:
        page, asked = launch(), []
        assert page.goto(server.address).status == 200  # the browser has the cookie
        own = "fetch('/upload', {method: 'POST', body: 'x'}).then(a => a.status)"
        assert page.evaluate(own) == 200
        assert len(waiting(server)) == 1
        page.on("request", lambda r: asked.append((r.method, r.url)))
        page.goto(f"http://{name}:{other.server_port}/")
        target = server.address.split("/?")[0]
        told = page.evaluate(ATTACK, target)
        assert not [line for line in told if line.startswith("READ")]
        posted = [url for method, url in asked if method == "POST" and url.startswith(target)]
        assert len(posted) == 4
        assert len(waiting(server)) == 1
    finally:
        for path in waiting(server):
            path.unlink()
        other.shutdown()
        other.server_close()
