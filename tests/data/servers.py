"""A server on this machine, and ways in which it can misbehave until an event is set."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Responds to a GET by ``respond`` and records every request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []
        self.respond: Callable[[Handler], None] = lambda handler: handler.send(404)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def send(self, status: int, content: bytes = b"", length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self.server.requests.append(f"GET {self.path}")
        self.server.respond(self)

    def log_message(self, format: str, *args: object) -> None:
        pass


def stall(handler: Handler, over: threading.Event) -> None:
    handler.send(200, b"half", length=8)
    over.wait(10)


def break_off(handler: Handler, over: threading.Event) -> None:
    handler.send(200, b"half", length=8)
