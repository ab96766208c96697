"""The link on genuine MicroPython against a genuine mosquitto that goes away, waits, or queues."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firmware.brokers import Caller, Mosquitto
from tests.firmware.link_board import connections, make_board

KEEPALIVE_S = 5
BACK_WITHIN_S = 3.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
def server(broker: Mosquitto) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": broker.port}


@pytest.mark.parametrize("away_s", [2, 8])
def test_the_board_answers_again_within_three_seconds_of_the_brokers_return(
    broker: Mosquitto, server: dict[str, object], tmp_path: Path, away_s: int
) -> None:
    with make_board(tmp_path, server) as board:
        board.wait_for_line("connected to")
        broker.kill()
        gone = time.monotonic()
        board.wait_for_line("offline")
        while time.monotonic() - gone < away_s:
            assert board.boots == 1
            time.sleep(0.05)
        broker.start()
        began = time.monotonic()
        board.wait_until(lambda: connections(board) == 2, BACK_WITHIN_S + 1)
        with Caller(broker.port) as caller:
            assert caller.call(1, "echo", "back") == "back"
        assert time.monotonic() - began < BACK_WITHIN_S


def test_the_broker_keeps_a_board_that_is_idle_for_three_and_a_half_keepalives(
    broker: Mosquitto, server: dict[str, object], tmp_path: Path
) -> None:
    """As 215 s with a keepalive of 60 s: a broker ends what is silent for one and a half."""
    with make_board(tmp_path, server, keepalive_s=KEEPALIVE_S) as board:
        board.wait_for_line("connected to")
        began = time.monotonic()
        while time.monotonic() - began < 3.6 * KEEPALIVE_S:
            assert not any("offline" in line for line in board.log)
            time.sleep(0.1)
        with Caller(broker.port) as caller:
            assert caller.call(1, "echo", "alive") == "alive"
        assert connections(board) == 1


def test_sixty_four_commands_in_flight_are_answered(
    broker: Mosquitto, server: dict[str, object], tmp_path: Path
) -> None:
    server["profile"] = "broker"
    with make_board(tmp_path, server) as board, Caller(broker.port) as caller:
        board.wait_for_line("connected to")
        for number in range(64):
            caller.send(number, b'{"method":"echo","params":%d}' % number)
        assert [caller.answer(number) for number in range(64)] == list(range(64))
        assert connections(board) == 1
        # More than the journal holds: what finds no slot is left to the broker, which keeps it.
        for number in range(64, 128):
            caller.send(number, b'{"method":"count"}')
        assert [caller.answer(number) for number in range(64, 128)] == list(range(1, 65))


def test_a_hundred_commands_that_waited_are_each_run_once_in_bounded_memory(
    broker: Mosquitto, server: dict[str, object], tmp_path: Path
) -> None:
    server["profile"] = "broker"
    with make_board(tmp_path, server) as board, Caller(broker.port) as caller:
        board.wait_for_line("connected to")
        caller.call(1000, "echo")
        board.power_cut()
        for number in range(100):
            params = {"by": 1, "_id": f"command {number}"}
            caller.send(number, json.dumps({"method": "count", "params": params}).encode())
        board.power_restore()
        assert [caller.answer(number) for number in range(100)] == list(range(1, 101))
        assert caller.call(1001, "counted") == 100
        assert not any("memory" in line.lower() for line in board.log)
