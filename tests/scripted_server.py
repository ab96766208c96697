"""A real HTTP server on a free loopback port that answers as a test tells it and keeps a record."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """What came in; the path is with its query."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What goes out; content that is no bytes is sent as JSON."""

    status: int = 200
    content: object = b""
    headers: dict[str, str] = field(default_factory=dict)
    chunks: Callable[[], Iterator[bytes]] | None = None  # instead of content, sent as they come

    def body(self) -> bytes:
        content = self.content
        return content if isinstance(content, bytes) else json.dumps(content).encode()


class ScriptedServer:
    """Answers each method and path with its replies in turn; the last one is kept for good."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._replies: dict[tuple[str, str], list[Reply]] = {}
        self.otherwise = Reply(404, {"status": 404, "error": "Not Found"})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def reply(self, request: str, *replies: Reply) -> None:
        """Set what a request such as ``"GET /api/device"`` gets; a query is left out."""
        method, path = request.split(" ")
        self._replies[method, path] = list(replies)

    def paths(self) -> list[str]:
        """Return every request as method and path, in the order in which they came."""
        return [f"{request.method} {request.path}" for request in self.requests]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        replies = self._replies.get((request.method, request.path.partition("?")[0]))
        if not replies:
            return self.otherwise
        return replies.pop(0) if len(replies) > 1 else replies[0]


def _handler(server: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _exchange(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            reply = server.answer(Request(self.command, self.path, dict(self.headers), body))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            with contextlib.suppress(ConnectionError):  # the client may have given up already
                self._send_body(reply)

        def _send_body(self, reply: Reply) -> None:
            if reply.chunks is None:
                content = reply.body()
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                return
            self.close_connection = True
            self.send_header("Connection", "close")
            self.end_headers()
            for chunk in reply.chunks():
                self.wfile.write(chunk)
                self.wfile.flush()

        do_GET = do_POST = do_DELETE = _exchange

        def log_message(self, *_: object) -> None:
            pass

    return Handler
