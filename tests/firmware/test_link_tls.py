"""TLS with a certificate that is checked, against a genuine mosquitto, on both interpreters."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tools.sim import SimulatedBoard
from host_tools.sim.interpreters import Runtime
from tests.firmware.brokers import Caller, Mosquitto, free_port
from tests.firmware.certificates import Authority
from tests.firmware.link_board import make_board

HOST = "localhost"
STALL_S = 0.035
"""Nagle's algorithm and a delayed acknowledgement make a call last 40 ms longer."""
RUNTIMES: list[Runtime] = ["cpython", "micropython"]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def tls_board(folder: Path, port: int, trusted: bytes | None, runtime: Runtime) -> SimulatedBoard:
    server = {"host": HOST, "port": port, "tls": True}
    board = make_board(folder, server, runtime)
    if trusted is not None:
        board.folder.mkdir()
        (board.folder / "ca.der").write_bytes(trusted)
    return board


class TlsBroker(Mosquitto):
    """A mosquitto with TLS, and a second listener without for callers."""

    def __init__(self, folder: Path, certificate: Path, key: Path) -> None:
        self.plain_port = free_port()
        super().__init__(
            folder,
            f"certfile {certificate}",
            f"keyfile {key}",
            f"listener {self.plain_port} 127.0.0.1",
            "set_tcp_nodelay true",
            "user root",  # else one that is started by root could not read the key
        )


@pytest.fixture(scope="module")
def broker(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsBroker]:
    folder = tmp_path_factory.mktemp("broker")
    with TlsBroker(folder, *authority.write_server(folder, HOST)) as running:
        yield running


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_board_that_trusts_the_authority_answers_over_tls_without_stalls(
    authority: Authority, broker: TlsBroker, tmp_path: Path, runtime: Runtime
) -> None:
    with (
        tls_board(tmp_path, broker.port, authority.der, runtime) as board,
        Caller(broker.plain_port) as caller,
    ):
        board.wait_for_line("connected to")
        assert caller.call(1, "echo", "x" * 5_000) == "x" * 5_000
        took = []
        for number in range(2, 12):
            began = time.monotonic()
            assert caller.call(number, "count") == number - 1
            took.append(time.monotonic() - began)
        # PUBACK and answer of such a command are two writes: see port.py on TCP_NODELAY.
        assert sorted(took)[5] < STALL_S, took


def offline(board: SimulatedBoard) -> str:
    """Return the first line that tells why the board is offline."""
    board.wait_for_line("offline: ")
    assert not any("connected to" in line for line in board.log)
    return next(line for line in board.log if line.startswith("offline: "))


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    ("host", "days"),
    [("other.example", (-1, 30)), (HOST, (-9, -2)), (HOST, (2, 9))],
    ids=["wrong name", "expired", "not yet valid"],
)
def test_a_certificate_that_is_not_the_servers_or_not_valid_today_is_refused_and_told(
    authority: Authority, tmp_path: Path, runtime: Runtime, host: str, days: tuple[int, int]
) -> None:
    pair = authority.write_server(tmp_path, host, *days)
    with (
        TlsBroker(tmp_path, *pair) as broker,
        tls_board(tmp_path, broker.port, authority.der, runtime) as board,
    ):
        assert "certificate" in offline(board).lower()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_certificate_of_an_authority_that_is_not_trusted_is_refused_and_told(
    broker: TlsBroker, tmp_path: Path, runtime: Runtime
) -> None:
    stranger = Authority("authority of somebody else")
    with tls_board(tmp_path, broker.port, stranger.der, runtime) as board:
        assert "certificate" in offline(board).lower()


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "ca.der is missing"), (b"-----BEGIN CERTIFICATE-----", "ca.der")],
    ids=["missing", "not DER"],
)
def test_an_authority_that_cannot_be_read_is_told(
    broker: TlsBroker, tmp_path: Path, runtime: Runtime, content: bytes | None, told: str
) -> None:
    with tls_board(tmp_path, broker.port, content, runtime) as board:
        assert told in offline(board)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_server_that_speaks_no_tls_is_told(
    authority: Authority, tmp_path: Path, runtime: Runtime
) -> None:
    with (
        Mosquitto(tmp_path) as broker,
        tls_board(tmp_path, broker.port, authority.der, runtime) as board,
    ):
        assert f"{HOST}:{broker.port}" in offline(board)
