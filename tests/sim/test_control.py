"""The control protocol: who is admitted, what a visitor can do, and what garbage leads to."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from host_tools.errors import ExitCode, WakecallError
from host_tools.sim import State, running
from host_tools.sim.control import ControlClient, ControlServer

WATCH_PIN = """
    import time
    from machine import Pin
    pin = Pin(4, Pin.IN)
    while not pin.value(): time.sleep(0.001)
    print("seen")
    while True: time.sleep(1)
    """


@pytest.fixture
def board(make_board):
    board = make_board(WATCH_PIN)
    board.wait_until(lambda: board.pins[4].mode.name == "in")
    return board


@pytest.fixture
def visitor(board):
    client = ControlClient(*board.admit_visitors())
    yield client
    client.close()


def test_a_visitor_drives_a_pin_that_the_firmware_reads(board, visitor):
    told = visitor.ask("pin.drive", "4", 1)
    assert told["level"] == 1
    assert told["driven_from_outside"] == 1
    board.wait_for_line("seen")


def test_a_visitor_wires_two_pins(board, visitor):
    visitor.ask("wire", 4, 5, True)
    visitor.ask("pin.drive", 5, 1)
    board.wait_for_line("seen")
    assert visitor.ask("pin", 4)["wired_to"] == ["5"]
    visitor.ask("wire", 4, 5, False)
    assert visitor.ask("pin", 4)["level"] == 0


def test_a_visitor_cuts_and_restores_the_power(board, visitor):
    assert visitor.ask("power", False) == "off"
    assert board.state is State.OFF
    visitor.ask("power", True)
    board.wait_until(lambda: board.boots == 2)


@pytest.mark.parametrize(
    ("operation", "arguments", "code"),
    [
        ("pin", (24,), ExitCode.NOT_FOUND),
        ("wire", (4, 4, True), ExitCode.USAGE),
        ("pin.drive", (4, 7), ExitCode.USAGE),
        ("nonsense", (), ExitCode.DEVICE_ERROR),
        ("pin", (), ExitCode.DEVICE_ERROR),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_and_the_visit_goes_on(
    visitor, operation, arguments, code
):
    with pytest.raises(WakecallError) as caught:
        visitor.ask(operation, *arguments)
    assert caught.value.code is code
    assert visitor.ask("state") == "running"


def exchange(port, *lines):
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(b"".join(line + b"\n" for line in lines))
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read()


def test_a_wrong_token_learns_nothing(board):
    port, _ = board.admit_visitors()
    ask = json.dumps({"id": 1, "do": "state"}).encode()
    for greeting in (b'{"token": "0"}', b'{"token": 5}', b"{}", b"[]", b"garbage", b""):
        assert exchange(port, greeting, ask) == b""


def test_a_token_that_was_dismissed_has_no_effect_any_more():
    server = ControlServer(threading.RLock())
    asked = []
    token = server.admit({"note": lambda: asked.append(1)})
    visitor = ControlClient(server.port, token)
    visitor.ask("note")
    server.dismiss(token)
    with pytest.raises(WakecallError):
        visitor.ask("note")
    assert asked == [1]
    visitor.close()
    server.close()


def test_a_line_that_is_no_request_ends_the_visit(board):
    port, token = board.admit_visitors()
    greeting = json.dumps({"token": token}).encode()
    ask = json.dumps({"id": 1, "do": "state"}).encode()
    assert exchange(port, greeting, ask) != b""
    for garbage in (b"[]", b"garbage", b"{}", b'{"id": 1}', b"x" * 70000):
        assert exchange(port, greeting, garbage, ask) == b""


def test_a_board_that_is_gone_is_told(board, visitor):
    board.stop()
    with pytest.raises(WakecallError) as caught:
        visitor.ask("state")
    assert caught.value.code is ExitCode.NOT_FOUND


def test_a_running_board_is_found_by_its_name(board, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(WakecallError) as caught:
        running.visit("a board/1")
    assert caught.value.code is ExitCode.NOT_FOUND
    with running.claim("a board/1") as home:
        assert home.stat().st_mode & 0o777 == 0o700
        running.publish(home, *board.admit_visitors())
        assert (home / "control.json").stat().st_mode & 0o777 == 0o600
        assert running.visit("a board/1").ask("state") == "running"
        with pytest.raises(WakecallError) as caught:
            running.visit("another")
        assert "a board" in caught.value.hint
    with pytest.raises(WakecallError):
        running.visit("a board/1")


def test_a_name_runs_once_only(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with running.claim("one"):
        with pytest.raises(WakecallError) as caught, running.claim("one"):
            pass
        assert caught.value.code is ExitCode.BUSY
    with running.claim("one"):
        pass


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_is_no_folder_is_refused(name):
    with pytest.raises(WakecallError) as caught:
        running.folder(name)
    assert caught.value.code is ExitCode.USAGE
