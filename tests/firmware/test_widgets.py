"""ThingsBoard's control widgets against the firmware on both interpreters.

The requests are those that the widgets send (reference/thingsboard-rpc.md 7); the numbers in the
names are rows of its section 10.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count

import pytest

from host_tools.sim import SimulatedBoard
from tests.firmware.brokers import Caller, Mosquitto

WIDGETS = {
    "gpio": {"7": 23, "11": "22", "12": 34},
    "value": 21,
    "state": 19,
    "command": {"pin": 18, "pulse_ms": 50},
}
request_ids = count(1)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as running:
        yield running


@pytest.fixture(scope="module", params=["cpython", "micropython"])
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _board(
    runtime: str, broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory, widgets: object
) -> SimulatedBoard:
    return SimulatedBoard(
        "esp32",
        folder=tmp_path_factory.mktemp(f"widgets-{runtime}"),
        configuration={
            "device": "bench",
            "server": {"host": "127.0.0.1", "port": broker.port},
            "widgets": widgets,
        },
        secrets={"token": "x"},
        runtime=runtime,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def board(
    runtime: str, broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimulatedBoard]:
    with _board(runtime, broker, tmp_path_factory, WIDGETS) as running:
        running.wait_for_line("connected to", 20)
        yield running


@pytest.fixture
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """For a second board, which would answer the first one's commands."""
    with Mosquitto(tmp_path_factory.mktemp("own")) as running:
        yield running


@pytest.fixture
def caller(broker: Mosquitto, board: SimulatedBoard) -> Iterator[Caller]:
    with Caller(broker.port) as connected:
        yield connected


def call(caller: Caller, method: str, params: object = None) -> object:
    return caller.call(next(request_ids), method, params)


@pytest.mark.parametrize("params", ["{}", {}, None])
def test_86_the_gpio_widget_is_told_its_pins(
    board: SimulatedBoard, caller: Caller, params: object
) -> None:
    board.pins[34].drive(1)
    status = call(caller, "getGpioStatus", params)
    assert isinstance(status, dict)
    assert set(status) == {"7", "11", "12"}
    assert status["12"] is True


@pytest.mark.parametrize("pin", [7, "7"])
def test_86_the_gpio_widget_switches_a_pin_and_sees_its_new_state(
    board: SimulatedBoard, caller: Caller, pin: object
) -> None:
    for enabled in (True, False):
        status = call(caller, "setGpioStatus", {"pin": pin, "enabled": enabled})
        assert isinstance(status, dict)
        assert status["7"] is enabled
        assert board.pins[23].level == int(enabled)


def test_86_the_gpio_widget_cannot_switch_what_is_not_bound_or_an_input(caller: Caller) -> None:
    assert _error(call(caller, "setGpioStatus", {"pin": 23, "enabled": True})) == (
        "INVALID_ARGUMENT",
        "setGpioStatus: widgets.gpio of the configuration binds 11, 12, 7, not 23",
    )
    code, message = _error(call(caller, "setGpioStatus", {"pin": 12, "enabled": True}))
    assert code == "INVALID_ARGUMENT"
    assert "34 is an input only" in message


def test_87_the_round_switch_shows_and_sets_a_bare_boolean(
    board: SimulatedBoard, caller: Caller
) -> None:
    for value in (True, False):
        assert call(caller, "setValue", value) is value
        assert board.pins[21].level == int(value)
        assert call(caller, "getValue") is value


def test_87_the_power_button_shows_and_sets_a_state(board: SimulatedBoard, caller: Caller) -> None:
    for value in (True, False):
        assert call(caller, "setState", value) is value
        assert board.pins[19].level == int(value)
        assert call(caller, "getState") is value


def test_87_the_command_button_toggles_the_state(board: SimulatedBoard, caller: Caller) -> None:
    call(caller, "setState", False)
    assert call(caller, "setState", None) is True
    assert board.pins[19].level == 1
    assert call(caller, "setState", None) is False
    assert board.pins[19].level == 0


def test_88_the_led_indicator_is_told_that_the_device_is_up(caller: Caller) -> None:
    assert call(caller, "checkStatus") is True


def test_89_the_knob_and_the_slider_show_and_set_a_bare_number_that_outlives_a_restart(
    runtime: str, own_broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory
) -> None:
    widgets = {"value": {}, "state": {"minimum": -5, "maximum": 5}}
    board = _board(runtime, own_broker, tmp_path_factory, widgets)
    with board, Caller(own_broker.port) as caller:
        board.wait_for_line("connected to", 20)
        assert call(caller, "getValue") == 0
        assert call(caller, "setValue", 42.5) == 42.5
        assert call(caller, "setState", "-3") == -3
        assert _error(call(caller, "setValue", 101))[0] == "OUT_OF_RANGE"
        assert _error(call(caller, "setState", None))[0] == "INVALID_ARGUMENT"
        board.reset()
        board.wait_until(lambda: sum("connected to" in line for line in board.log) > 1, 20)
        assert call(caller, "getValue") == 42.5
        assert call(caller, "getState") == -3


@pytest.mark.parametrize("params", [{}, None, "any text"])
def test_90_the_rpc_button_pulses_its_pin(
    board: SimulatedBoard, caller: Caller, params: object
) -> None:
    before = len(board.pins[18].history)
    assert call(caller, "rpcCommand", params) is True
    assert [change.level for change in board.pins[18].history][before:] == [1, 0]


def test_90_what_is_not_bound_is_no_method_and_does_no_harm(
    runtime: str, own_broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory
) -> None:
    board = _board(runtime, own_broker, tmp_path_factory, {})
    with board, Caller(own_broker.port) as caller:
        board.wait_for_line("connected to", 20)
        assert _error(call(caller, "rpcCommand", {}))[0] == "NOT_FOUND"
        assert call(caller, "checkStatus") is True


def test_a_widget_on_a_pin_that_is_not_safe_is_refused_at_the_start(
    runtime: str, broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory
) -> None:
    board = _board(runtime, broker, tmp_path_factory, {"value": 6})
    with board:
        board.wait_for_line("not started: config.json: widgets value 6 carries the flash memory")


def test_the_bound_methods_describe_what_they_take(caller: Caller) -> None:
    described = call(caller, "describeMethod", {"method": "setState"})
    assert isinstance(described, dict)
    assert described["effect"] == "once"
    assert {"type": "null"} in described["params"]["oneOf"]


def _error(answer: object) -> tuple[str, str]:
    assert isinstance(answer, dict), json.dumps(answer)
    return answer["error"]["code"], answer["error"]["message"]
