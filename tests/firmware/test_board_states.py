"""What outlives a power cut on a whole board, and where the time comes from; both interpreters."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tools.sim import SimulatedBoard
from tests.firmware.brokers import Caller, Mosquitto

RUNTIMES = ["cpython", "micropython"]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as running:
        yield running


def board(
    runtime: str, folder: Path, broker: Mosquitto, app: Path | None = None, **configuration: object
) -> SimulatedBoard:
    return SimulatedBoard(
        folder=folder / "flash",
        configuration={
            "device": "keeper",
            "server": {"host": "127.0.0.1", "port": broker.port},
            **configuration,
        },
        secrets={"token": "x"},
        runtime=runtime,  # type: ignore[arg-type]
        app=app,
    )


def connections(running: SimulatedBoard) -> int:
    return sum(line.startswith("connected to") for line in running.log)


def cut_and_restore(running: SimulatedBoard) -> None:
    before = connections(running)
    running.power_cut()
    running.power_restore()
    running.wait_until(lambda: connections(running) > before, 20)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_retained_pin_has_its_level_again_after_a_power_cut(
    runtime: str, tmp_path: Path, broker: Mosquitto
) -> None:
    with board(runtime, tmp_path, broker, pins={"retain": [23]}) as running:
        running.wait_for_line("connected to", 20)
        with Caller(broker.port) as caller:
            for number, pin in enumerate((22, 23)):
                caller.call(number, "setGpio", {"pin": pin, "value": 1})
            cut_and_restore(running)
            assert (running.pins[22].level, running.pins[23].level) == (0, 1)
            caller.call(2, "setGpio", {"pin": 23, "value": 0})
            cut_and_restore(running)
            assert running.pins[23].level == 0


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_command_that_a_power_cut_interrupted_is_answered_as_aborted_and_not_run_again(
    runtime: str, tmp_path: Path, broker: Mosquitto
) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "pump.py").write_text(
        "import asyncio\nfrom machine import Pin\nfrom wakecall import method\n\n"
        "@method()\nasync def pump(agent):\n"
        "    Pin(25, Pin.OUT, value=1)\n    await asyncio.sleep(60)\n"
    )
    with board(runtime, tmp_path, broker, app=app, time_limit_ms=60_000) as running:
        running.wait_for_line("connected to", 20)
        with Caller(broker.port) as caller:
            command = b'{"method":"pump","params":{"_id":"once and never again"}}'
            caller.send(7, command)
            running.wait_until(lambda: running.pins[25].level == 1)
            cut_and_restore(running)
            assert running.pins[25].level == 0
            caller.send(8, command)
            answer = caller.answer(8)
            assert isinstance(answer, dict)
            assert answer["error"]["code"] == "ABORTED"
            assert answer["error"]["effect"] == "unknown"
            stats = caller.call(9, "getStats")
            assert isinstance(stats, dict)
            assert (stats["replayed"], stats["boots"]) == (1, 1)  # the power took the boot count


@pytest.fixture
def time_server() -> Iterator[str]:
    """An NTP server on a free port whose time is a day ahead."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                try:
                    _, asker = listener.recvfrom(64)
                except OSError:
                    return
                seconds = int(time.time()) + 86_400 + 2_208_988_800
                answer = bytearray(48)
                answer[0:2] = b"\x1c\x02"
                answer[40:44] = seconds.to_bytes(4, "big")
                listener.sendto(answer, asker)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_time_comes_from_ntp_first_and_expired_commands_are_not_run(
    runtime: str, tmp_path: Path, broker: Mosquitto, time_server: str
) -> None:
    with board(runtime, tmp_path, broker, ntp=time_server) as running:
        running.wait_for_line(f"from {time_server}", 20)
        with Caller(broker.port) as caller:
            now_ms = int(time.time() * 1000)
            for number, (expires_ms, runs) in enumerate(
                [(now_ms, False), (now_ms + 3 * 86_400_000, True)]
            ):
                params = {"pin": 22, "value": 1, "_exp": expires_ms}
                answer = caller.call(number, "setGpio", params)
                assert isinstance(answer, dict)
                assert ("error" not in answer) is runs
                if not runs:
                    assert answer["error"]["code"] == "DEADLINE_EXCEEDED"


def test_without_any_source_the_time_is_said_to_be_unknown(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with board("cpython", tmp_path, broker, ntp="127.0.0.1:9") as running:
        running.wait_for_line("the time is unknown: getCurrentTime: no answer", 30)
