"""The door of the picker's server: who may ask, and for what. Everything passes here before Gradio sees it.

Whoever can reach the port is a stranger until they show the token that the terminal printed; so is
every website that the person has open in the same browser. Refused here:

- Host names that are not this machine's: a website whose name is bound anew to 127.0.0.1 counts as
  the same origin as its own pages, and only the name in `Host` gives it away (DNS rebinding).
- Requests that another origin's page makes (`Origin`, `Sec-Fetch-Site`).
- Requests without the cookie that the token was exchanged for.
- Paths that the page does not use: Gradio's file, proxy, deep-link, API and monitoring routes.
- Bodies that are long, or name files: what is uploaded is known by an id alone (`uploads`).
"""

import ipaddress
import json
import re
import secrets
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

# The browser itself refuses whatever would go to another machine.
HEADERS = {
    "content-security-policy": "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "frame-ancestors 'none'; form-action 'self'; base-uri 'self'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
# All that the page asks for, seen in a browser.
ROUTES = {
    "GET": re.compile(
        r"/|/theme\.css|/favicon\.ico|/(assets|static)/.+|/saved/[\w-]+"
        r"|/gradio_api/(queue/data|heartbeat/[\w-]+)"
    ),
    "POST": re.compile(r"/upload|/gradio_api/queue/join"),
}
HEARTBEAT = "/gradio_api/heartbeat/"
SESSION = "img2img.session"  # key of the scope; whose request it is
LONGEST_BODY = 4 * 2**20  # bytes, of what is no upload; the longest stroke has 0.5 MB
EVERYWHERE = (
    "0.0.0.0",
    "::",
    "",
)  # addresses that other machines reach, whatever their name for it
MOST_TABS = 1000
LONGEST_PATH = 300  # characters; file systems refuse names that are longer
MOST_ACTIONS = 1000  # of the page
MOST_SESSIONS = 100  # browsers that have shown the token; the oldest is forgotten
FILE_KEYS = {"path", "url", "meta", "orig_name", "_type"}  # of what Gradio takes for a file

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

STRANGER = (
    "Open the address that the terminal printed when the picker was started; it ends in ?token=… "
    "and is needed once for each browser."
)
ELSEWHERE = (
    "This name is not one of the picker's. Use localhost, the machine's number, or the name given "
    "to --host."
)


class Door:
    """ASGI in front of another app.

    Args:
        host: the address that the server listens on, as the person gave it.
        port: of the server; part of the cookie's name, since ports share cookies.

    Attributes:
        token: what a browser has to show once, in `/?token=…`.
        cookie: name of the cookie whose value is the browser's session.
    """

    def __init__(
        self, app: Callable[[Scope, Receive, Send], Awaitable[None]], *, host: str, port: int
    ):
        self.app, self.token = app, secrets.token_urlsafe(24)
        self.cookie = f"img2img-{port}"
        self._names = {"localhost", host.lower()}
        if host in EVERYWHERE:
            self._names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        self._invitations: set[str] = set()
        self._sessions: OrderedDict[str, None] = OrderedDict()
        self._tabs: OrderedDict[str, str] = OrderedDict()  # whose session each of Gradio's is

    def session(self, headers: dict[str, str]) -> str | None:
        """The session whose cookie a request has; None for a stranger."""
        # By hand: browsers send the cookies of all ports, and `http.cookies` gives up on the whole
        # header at the first that it cannot read.
        for pair in headers.get("cookie", "").split(";"):
            name, _, value = pair.strip().partition("=")
            if name == self.cookie and value in self._sessions:
                return value
        return None

    def invite(self) -> str:
        """A token that is good for one browser, for a command line that others on the machine can read."""
        token = secrets.token_urlsafe(24)
        self._invitations.add(token)
        return token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, _with_policy(send))
        else:  # the page has no use for websockets
            await send({"type": "websocket.close"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        method, path = scope["method"], scope["path"]
        session = self.session(headers)
        try:
            if not self._is_ours(headers.get("host", "")):
                raise _Refused(HTTPStatus.MISDIRECTED_REQUEST, ELSEWHERE)
            if not _same_origin(headers, path):
                raise _Refused(HTTPStatus.FORBIDDEN, "Another website asked; refused.")
            if session is None or (path == "/" and b"token=" in scope["query_string"]):
                await _answer(send, HTTPStatus.SEE_OTHER, "", self._admit(scope))
                return
            route = ROUTES.get(method)
            if route is None or len(path) > LONGEST_PATH or not route.fullmatch(path):
                raise _Refused(HTTPStatus.NOT_FOUND, "The page does not use this.")
            tab = _tab(scope)
            if method == "POST" and path != "/upload":
                body = await _body(receive)
                receive, tab = _again(body, receive), _read(body)["session_hash"]
            if tab is not None and not self._owns(session, tab):
                raise _Refused(HTTPStatus.FORBIDDEN, "This tab is another browser's.")
            if path == "/":  # Gradio would take a page, a theme or a deep link from it
                scope = {**scope, "query_string": b""}
        except _Refused as refused:
            await _answer(send, refused.status, str(refused))
        else:
            await self.app({**scope, SESSION: session}, receive, send)

    def _is_ours(self, host: str) -> bool:
        """Whether a Host header is this machine's: a name of ours, or numbers, which cannot be rebound."""
        name = re.sub(r":\d*$", "", host).lower()
        try:
            ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return name in self._names
        return True

    def _owns(self, session: str, tab: str) -> bool:
        """Whether a tab belongs to a session; the first one that names it has it."""
        while len(self._tabs) > MOST_TABS:
            self._tabs.popitem(last=False)
        return self._tabs.setdefault(tab, session) == session

    def _admit(self, scope: Scope) -> dict[str, str]:
        """Exchanges the token for a cookie; anybody else learns where the token is."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[-1]
        right = secrets.compare_digest(given.encode(), self.token.encode())
        if given in self._invitations:
            self._invitations.remove(given)
            right = True
        if not right or scope["method"] != "GET" or scope["path"] != "/":
            raise _Refused(HTTPStatus.FORBIDDEN, STRANGER)
        session = secrets.token_urlsafe(24)
        self._sessions[session] = None
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        # Lax: the page opens from a link in a mail, but no other site's page can post with it.
        cookie = f"{self.cookie}={session}; Path=/; HttpOnly; SameSite=Lax"
        return {"location": "/", "set-cookie": cookie}


class _Refused(Exception):
    """What is answered instead of letting a request in."""

    def __init__(self, status: HTTPStatus, text: str):
        super().__init__(text)
        self.status = status


def _same_origin(headers: dict[str, str], path: str) -> bool:
    """Whether the page itself asks, or no page does."""
    origin = headers.get("origin")
    if origin is not None and re.sub(r"^https?://", "", origin) != headers.get("host"):
        return False
    # Following a link to the page is all that may start elsewhere.
    return path == "/" or headers.get("sec-fetch-site", "none") in ("same-origin", "none")


async def _body(receive: Receive) -> bytes:
    """The whole body."""
    parts, length, more = [], 0, True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        more = message.get("more_body", False)
        if length > LONGEST_BODY:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too long.")
    return b"".join(parts)


def _read(body: bytes) -> dict[str, Any]:
    """What the page asks for: an action's number, a tab, and nothing that could be taken for a file."""
    try:
        asked = json.loads(body)
        named = any(FILE_KEYS & keys for keys in _keys(asked))
    except (ValueError, RecursionError):
        raise _Refused(HTTPStatus.BAD_REQUEST, "This is no JSON.") from None
    if named:
        raise _Refused(HTTPStatus.BAD_REQUEST, "Files are named by their ids.")
    action = asked.get("fn_index") if isinstance(asked, dict) else None
    if type(action) is not int or not 0 <= action < MOST_ACTIONS:
        raise _Refused(HTTPStatus.BAD_REQUEST, "The page has no such action.")
    if not isinstance(asked.get("session_hash"), str):
        raise _Refused(HTTPStatus.BAD_REQUEST, "No tab is named.")
    return asked


def _tab(scope: Scope) -> str | None:
    """The tab that a request listens for, where it does."""
    if scope["path"].startswith(HEARTBEAT):
        return scope["path"].removeprefix(HEARTBEAT)
    found = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash")
    return found[-1] if found else None


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands out a body that was read already, then what comes after it."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def handed_out() -> Message:
        return waiting.pop() if waiting else await receive()

    return handed_out


def _keys(value: Any) -> Iterator[set[str]]:
    """The keys of every object in a JSON value."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield set(value)
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _with_policy(send: Send) -> Send:
    """Every answer carries `HEADERS` (plain ASGI: Gradio's answers are streams)."""

    async def send_restricted(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message.get("headers", ()), *headers]}
        await send(message)

    return send_restricted


async def _answer(
    send: Send, status: HTTPStatus, text: str, headers: dict[str, str] | None = None
) -> None:
    """A short plain answer of the door's own."""
    given = {"content-type": "text/plain; charset=utf-8", **(headers or {})}
    encoded = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in given.items()]
    await send({"type": "http.response.start", "status": int(status), "headers": encoded})
    await send({"type": "http.response.body", "body": text.encode()})
