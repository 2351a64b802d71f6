"""Serving the page: on this machine alone unless told otherwise, without a word to any other."""

import logging
import socket
import threading
import webbrowser
from pathlib import Path

from img2img.errors import ConfigError
from img2img.ui.handlers import Handlers

UPLOAD_LIMIT = "64mb"
# The browser itself refuses whatever would go to another machine.
HEADERS = {
    "content-security-policy": "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "frame-ancestors 'self'; form-action 'self'; base-uri 'self'",
    "referrer-policy": "no-referrer",
}


# How Gradio serves the page: nothing beside it, and no error's text.
MOUNTED = {
    "footer_links": [],
    "run_history": False,
    "show_error": False,
    "max_file_size": UPLOAD_LIMIT,
    "ssr_mode": False,
    "pwa": False,
    "enable_monitoring": False,
    "mcp_server": False,
}


class Restrict:
    """ASGI: every answer carries the policy. (Plain ASGI: Gradio's answers are streams.)"""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        async def send_restricted(message) -> None:
            if message["type"] == "http.response.start":
                headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", ()), *headers]}
            await send(message)

        await self.app(scope, receive, send_restricted)


def serve(
    handlers: Handlers, title: str, *, host: str, port: int, browser: bool, out: Path
) -> None:
    """Serves the page until it is interrupted.

    Args:
        browser: opens the page in the person's browser.
        out: folder whose files can be downloaded.

    Raises:
        ConfigError: Gradio is not installed, or the address cannot be used.
    """
    try:
        import gradio as gr
        from fastapi import FastAPI

        from img2img.ui import page
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("img2img"):
            raise
        raise ConfigError(
            f'the page needs Gradio ({error.name} is missing): pip install "img2img-translation[ui]"'
            ' (in a checkout: pip install -e ".[ui]"). Without a browser: --list and --style'
        ) from error
    listener = _listen(host, port)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Restrict)
    app = gr.mount_gradio_app(
        app,
        page.build(handlers, title),
        path="/",
        server_name=host,
        server_port=port,
        allowed_paths=[str(out.resolve())],
        theme=page.theme(),
        css=page.asset("page.css"),
        **MOUNTED,
    )
    address = f"http://{_shown(host)}:{listener.getsockname()[1]}"
    print(f"the style picker: {address} (stop it with ctrl-C)", flush=True)
    if browser:
        threading.Timer(1.0, webbrowser.open, [address]).start()
    _run_until_interrupted(app, listener)


def _run_until_interrupted(app, listener: socket.socket) -> None:
    import uvicorn

    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Open tabs keep connections that never end by themselves.
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    end = server.shutdown

    async def shutdown(sockets=None) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # of those tabs' connections
        await end(sockets)

    server.shutdown = shutdown
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
