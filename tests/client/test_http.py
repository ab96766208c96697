"""Servers that are not there, break off or drip: every wait ends, with a clear line."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from host_tools.client.http import Http, Response
from host_tools.errors import ExitCode, WakecallError
from tests.scripted_server import Reply, ScriptedServer


@pytest.fixture
def raw_server() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Start a TCP server whose one connection a function of the test serves; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def start(serve: Callable[[socket.socket], None]) -> str:
        def accept() -> None:
            connection, _ = listener.accept()
            with connection:
                serve(connection)

        threads.append(threading.Thread(target=accept, daemon=True))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    listener.close()
    for thread in threads:
        thread.join(5)


def exchange(url: str, deadline_ms: int = 5_000) -> Response:
    http = Http(url)
    try:
        return http.exchange("GET", "/", body=None, headers={}, deadline_ms=deadline_ms)
    finally:
        http.close()


def failure(url: str, deadline_ms: int = 5_000) -> WakecallError:
    with pytest.raises(WakecallError) as caught:
        exchange(url, deadline_ms)
    return caught.value


def test_a_port_where_nobody_listens_is_told_with_what_to_start():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = failure(f"http://127.0.0.1:{port}")
    assert error.code == ExitCode.UNREACHABLE
    assert f"127.0.0.1:{port}" in error.message
    assert "wakecall up" in error.hint


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 64 + ".invalid"])
def test_a_host_name_that_does_not_resolve_is_told(host):
    assert failure(f"http://{host}:8080").code == ExitCode.UNREACHABLE


def test_a_server_that_never_answers_is_left_at_the_deadline(raw_server):
    done = threading.Event()
    url = raw_server(lambda _: done.wait(10))
    begin = time.monotonic()
    error = failure(url, deadline_ms=200)
    done.set()
    assert error.code == ExitCode.TIMEOUT
    assert "within 0.2 s" in error.message
    assert time.monotonic() - begin < 5


def test_a_server_that_drips_its_answer_is_left_at_the_deadline(server: ScriptedServer):
    stopped = threading.Event()

    def drip() -> Iterator[bytes]:
        while not stopped.wait(0.05):
            yield b" "

    server.otherwise = Reply(200, chunks=drip)
    begin = time.monotonic()
    error = failure(server.url, deadline_ms=300)
    stopped.set()
    assert error.code == ExitCode.TIMEOUT
    assert time.monotonic() - begin < 5


def test_an_answer_without_end_is_not_collected_without_end(server, monkeypatch):
    monkeypatch.setattr("host_tools.client.http.MAXIMUM_BODY_BYTES", 10_000)
    server.otherwise = Reply(200, chunks=lambda: iter([b"x" * 8_000] * 2))
    error = failure(server.url)
    assert error.code == ExitCode.UNREACHABLE
    assert "above 10000 bytes" in error.message


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    ],
)
def test_a_connection_that_breaks_or_speaks_otherwise_is_told(raw_server, sent):
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(sent)

    error = failure(raw_server(serve))
    assert error.code == ExitCode.UNREACHABLE
    assert "the connection broke" in error.message
    assert "may have been carried out" in error.hint


def test_tls_asked_of_a_plain_server_is_told(server):
    assert failure(server.url.replace("http:", "https:")).code == ExitCode.UNREACHABLE


def test_a_proxy_of_the_environment_gets_nothing_that_is_for_this_machine(server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server.otherwise = Reply(200, b"here")
    assert exchange(server.url).body == b"here"
    assert exchange(server.url.replace("127.0.0.1", "localhost")).body == b"here"
