"""Serving the page: on this machine alone unless told otherwise, without a word to any other."""

import logging
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from img2img.errors import ConfigError, DataError
from img2img.text import showable
from img2img.ui.door import EVERYWHERE, SESSION, Door
from img2img.ui.handlers import Handlers

# How Gradio serves the page: nothing beside it, and no error's text.
MOUNTED = {
    "footer_links": [],
    "run_history": False,
    "show_error": False,
    "ssr_mode": False,
    "pwa": False,
    "enable_monitoring": False,
    "mcp_server": False,
}


def serve(handlers: Handlers, title: str, *, host: str, port: int, browser: bool) -> None:
    """Serves the page until it is interrupted.

    Args:
        browser: opens the page in the person's browser.

    Raises:
        ConfigError: Gradio is not installed, or the address cannot be used.
    """
    try:
        import gradio  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("img2img"):
            raise
        raise ConfigError(
            f'the page needs Gradio ({error.name} is missing): pip install "img2img-translation[ui]"'
            ' (in a checkout: pip install -e ".[ui]"). Without a browser: --list and --style'
        ) from error
    listener = _listen(host, port)
    port = listener.getsockname()[1]
    door = make_app(handlers, title, host=host, port=port)
    address = f"http://{_shown(host)}:{port}/?token={door.token}"
    print(f"the style picker: {address} (stop it with ctrl-C)", flush=True)
    if host in EVERYWHERE:
        print(_warning(port, door.token, handlers.out), file=sys.stderr, flush=True)
    if browser:
        invitation = f"http://{_shown(host)}:{port}/?token={door.invite()}"
        threading.Timer(1.0, webbrowser.open, [invitation]).start()
    _run_until_interrupted(door, listener, handlers.uploads.close)


def make_app(handlers: Handlers, title: str, *, host: str, port: int) -> Door:
    """The whole server as an ASGI app, behind its door; needs Gradio."""
    import gradio as gr
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import FileResponse, PlainTextResponse, Response
    from starlette.routing import Route

    from img2img.ui import page

    async def upload(request: Request) -> Response:
        try:
            ident = await handlers.uploads.receive(request.scope[SESSION], request.stream())
        except DataError as error:
            return PlainTextResponse(str(error), HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return PlainTextResponse(ident)

    async def saved(request: Request) -> Response:
        path = handlers.downloads.find(request.path_params["ident"])
        if path is None:
            return PlainTextResponse("The file is no longer there.", HTTPStatus.NOT_FOUND)
        return FileResponse(path, filename=showable(path.name))

    app = Starlette(
        routes=[
            Route("/upload", upload, methods=["POST"]),
            Route("/saved/{ident}", saved, methods=["GET"]),
        ]
    )
    built = page.build(handlers, title)
    gr.mount_gradio_app(
        app,
        built,
        path="/",
        server_name=host,
        server_port=port,
        theme=page.theme(),
        css=page.asset("page.css"),
        **MOUNTED,
    )
    # Gradio looks where a file lies only once it was launched, which a mounted page never is.
    built.has_launched = True
    return Door(app, host=host, port=port)


def _warning(port: int, token: str, out: Path) -> str:
    name = socket.gethostname()
    return (
        f"warning: every machine that reaches this one can ask on port {port}. Who has the token can "
        f"translate pictures here and save files in {showable(out)}; it goes over the network "
        f"unencrypted. From elsewhere: http://{name}:{port}/?token={token}"
    )


def _run_until_interrupted(app, listener: socket.socket, close: Callable[[], None]) -> None:
    """Serves; `close` is called at the end, before a signal ends the process."""
    import uvicorn

    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Open tabs keep connections that never end by themselves.
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    end = server.shutdown

    async def shutdown(sockets=None) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # of those tabs' connections
        await end(sockets)
        close()

    setattr(server, "shutdown", shutdown)  # noqa: B010 (mypy: no assigning to a method)
    server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """A socket at the address.

    Raises:
        ConfigError: another program has it, or it is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"the address {host}, port {port} cannot be used ({reason}); another picker may be "
            "running: choose another port with --port, or 0 for any that is free"
        ) from error
    return listener


def _shown(host: str) -> str:
    return {"0.0.0.0": "localhost", "::": "localhost"}.get(
        host, f"[{host}]" if ":" in host else host
    )
