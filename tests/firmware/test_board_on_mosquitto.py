"""The firmware on both interpreters against a genuine mosquitto and a plain paho caller."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from host_tools.sim import SimulatedBoard
from tests.firmware.brokers import Caller, Mosquitto

OWN_METHODS = """
import asyncio

from wakecall import Text, method


@method({"text": Text(8000)}, effect="read")
def lengthOf(agent, text):
    return len(text)


@method(effect="read")
def fails(agent):
    return [][1]


@method(effect="read")
def leaves(agent):
    raise SystemExit(1)


@method(effect="read")
async def waits(agent):
    await asyncio.sleep(0.3)
    return "waited"


@method(effect="read")
async def waitsLong(agent):
    await asyncio.sleep(60)
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as running:
        yield running


@pytest.fixture(scope="module", params=["cpython", "micropython"])
def board(
    request: pytest.FixtureRequest, broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimulatedBoard]:
    folder = tmp_path_factory.mktemp(request.param)
    app = folder / "app"
    app.mkdir()
    (app / "own.py").write_text(OWN_METHODS)
    (app / "broken.py").write_text("\n\ndef broken(:\n")
    configuration = {
        "device": "bench",
        "server": {"host": "127.0.0.1", "port": broker.port},
        "time_limit_ms": 700,
    }
    with SimulatedBoard(
        "esp32",
        folder=folder / "flash",
        configuration=configuration,
        secrets={"token": "secret-token"},
        runtime=request.param,
        app=app,
    ) as running:
        running.wait_for_line("connected to", 20)
        yield running


@pytest.fixture
def caller(broker: Mosquitto, board: SimulatedBoard) -> Iterator[Caller]:
    with Caller(broker.port) as connected:
        yield connected


def error(answer: object) -> tuple[str, str]:
    assert isinstance(answer, dict), answer
    return answer["error"]["code"], answer["error"]["effect"]


def test_a_pin_is_driven_and_measured_from_outside(board: SimulatedBoard, caller: Caller) -> None:
    board.pins[23].drive(None)
    assert caller.call(0, "setGpio", {"pin": "23", "value": 1}) == {
        "pin": 23,
        "value": 1,
        "changed": True,
    }
    assert board.pins[23].level == 1
    answer = caller.call(1, "setGpio", {"pin": "23", "value": 1})
    assert answer == {"pin": 23, "value": 1, "changed": False}
    assert caller.call(2, "getGpio", {"pin": 23}) == {"pin": 23, "value": 1}


def test_an_input_reads_what_is_driven_from_outside(board: SimulatedBoard, caller: Caller) -> None:
    for level in (1, 0):
        board.pins[34].drive(level)
        assert caller.call(10 + level, "getGpio", {"pin": 34}) == {"pin": 34, "value": level}


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "INVALID_ARGUMENT"),
        (b"not json{", "INVALID_ARGUMENT"),
        (b"[1,2]", "INVALID_ARGUMENT"),
        (b'"text"', "INVALID_ARGUMENT"),
        (b"{}", "INVALID_ARGUMENT"),
        (b'{"method":7}', "INVALID_ARGUMENT"),
        (b'{"method":"setGpio","params":5}', "INVALID_ARGUMENT"),
        (b'{"method":"setGpio","params":{"pin":[1],"value":1}}', "INVALID_ARGUMENT"),
        (b'{"method":"setGpio","params":{"pin":4,"value":7}}', "OUT_OF_RANGE"),
        (b'{"method":"setGpio","params":{"pin":6,"value":1}}', "INVALID_ARGUMENT"),
        (b'{"method":"setGpio","params":{"pin":34,"value":1}}', "INVALID_ARGUMENT"),
        (b'{"method":"setGpio","params":{"pin":99,"value":1}}', "INVALID_ARGUMENT"),
        (b'{"method":"setGpio","params":{"pin":12,"value":1}}', "FAILED_PRECONDITION"),
        (b'{"method":"flyToMoon"}', "NOT_FOUND"),
        (b"x" * 60_000, "RESOURCE_EXHAUSTED"),
        (b"[" * 8_000, "INVALID_ARGUMENT"),
        (b"\xff\xfe\x00", "INVALID_ARGUMENT"),
    ],
)
def test_a_bad_command_is_answered_with_its_error_and_the_agent_lives(
    caller: Caller, payload: bytes, code: str
) -> None:
    caller.send(20, payload)
    assert error(caller.answer(20)) == (code, "none")
    assert caller.call(0, "getGpio", {"pin": 5}) == {"pin": 5, "value": 0}


def test_a_request_id_that_is_no_number_is_ignored(caller: Caller) -> None:
    caller.send("abc", b'{"method":"listMethods"}')
    caller.call(30, "listMethods")
    assert not caller.has_answer("abc")


def test_a_payload_of_eight_kilobytes_is_taken(caller: Caller) -> None:
    assert caller.call(40, "lengthOf", {"text": "y" * 7_900}) == 7_900


def test_a_handler_that_raises_is_answered_with_file_and_line(caller: Caller) -> None:
    answer = caller.call(50, "fails")
    assert error(answer) == ("INTERNAL", "unknown")
    assert isinstance(answer, dict)
    assert "own.py, line 14)" in answer["error"]["message"]
    assert error(caller.call(51, "leaves")) == ("INTERNAL", "unknown")


def test_an_async_handler_is_awaited_and_held_to_its_time(caller: Caller) -> None:
    assert caller.call(60, "waits") == "waited"
    assert error(caller.call(61, "waitsLong")) == ("DEADLINE_EXCEEDED", "unknown")


def test_a_burst_is_answered_whole(caller: Caller) -> None:
    payload = json.dumps({"method": "getGpio", "params": {"pin": 5}}).encode()
    for number in range(100, 130):
        caller.send(number, payload)
    for number in range(100, 130):
        assert caller.answer(number) == {"pin": 5, "value": 0}


def test_sixty_four_failing_handlers_do_not_make_the_board_deaf(caller: Caller) -> None:
    for number in range(200, 264):
        assert error(caller.call(number, "fails")) == ("INTERNAL", "unknown")
    assert caller.call(264, "waits") == "waited"


def test_methods_are_listed_and_described(caller: Caller) -> None:
    names = caller.call(70, "listMethods")
    assert isinstance(names, list)
    assert {"setGpio", "getGpio", "reboot", "listMethods", "describeMethod", "waits"} <= set(names)
    described = caller.call(71, "describeMethod", {"method": "setGpio"})
    assert isinstance(described, dict)
    assert described["effect"] == "set"
    assert described["params"]["properties"]["value"] == {"enum": [0, 1]}


def test_a_file_that_does_not_load_is_told_with_its_line(board: SimulatedBoard) -> None:
    told = [line for line in board.log if line.startswith("app/broken.py does not load")]
    assert len(told) == 1
    assert "broken.py" in told[0]
    assert "line 3" in told[0]


def test_reboot_is_answered_and_the_board_comes_back(board: SimulatedBoard, caller: Caller) -> None:
    boots = board.boots
    assert caller.call(80, "reboot") == {"rebooting": True}
    board.wait_until(lambda: board.boots == boots + 1, 20)
    board.wait_until(lambda: _connections(board) > boots, 20)
    assert caller.call(81, "getGpio", {"pin": 5}) == {"pin": 5, "value": 0}


def test_the_board_returns_after_the_broker_was_killed(
    board: SimulatedBoard, broker: Mosquitto, caller: Caller
) -> None:
    connections = _connections(board)
    broker.kill()
    board.wait_until(lambda: any("offline" in line for line in board.log), 10)
    broker.start()
    board.wait_until(lambda: _connections(board) > connections, 20)
    with Caller(broker.port) as fresh:
        assert fresh.call(90, "getGpio", {"pin": 5}) == {"pin": 5, "value": 0}


def test_the_token_never_shows_in_the_log(board: SimulatedBoard) -> None:
    assert not any("secret-token" in line for line in board.log)


def _connections(board: SimulatedBoard) -> int:
    return sum(line.startswith("connected to") for line in board.log)
