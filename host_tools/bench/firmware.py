"""What the firmware costs on a genuine MicroPython: ``python -m host_tools.bench.firmware``.

Round trip and calls per second stand beside a bare `umqtt.simple` loop, measured in turns in the
same run against the same mosquitto: machines differ, ratios much less. Objects have 64 bits there,
so a heap of 2N is about N on a chip (reference/environment.md 1).
"""

from __future__ import annotations

import json
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from host_tools import byte_code, device_libraries
from host_tools.bench.mosquitto import Mosquitto
from host_tools.sim import SimulatedBoard
from host_tools.sim.flash_folder import FIRMWARE_FOLDER

HEAP = "256k"
ROUNDS = 3
CALLS = 400
IN_FLIGHT = 16
_PAYLOAD = b'{"method":"echo","params":{"pin":23,"value":1}}'
_TIMEOUT_S = 30.0

_ECHO = """\
from wakecall import Kind, method

@method(Kind(default=None), effect="read")
def echo(agent, value):
    return value
"""
# The least that answers with QoS 1: no checks, no deadlines, no second command while one is open.
_BARE_LOOP = """\
import json
import sys

sys.path.append("lib")
from umqtt.simple import MQTTClient

client = MQTTClient("bare", "127.0.0.1", json.load(open("config.json"))["server"]["port"])
arrived = []
client.set_callback(lambda topic, payload: arrived.append((topic, payload)))
client.connect()
client.sock.setsockopt(6, 1, 1)
client.subscribe(b"v1/devices/me/rpc/request/+", 1)
print("connected to the broker")
while True:
    client.wait_msg()
    while arrived:
        topic, payload = arrived.pop(0)
        answer = json.dumps(json.loads(payload)["params"])
        client.publish(b"v1/devices/me/rpc/response/" + topic.split(b"/")[-1], answer, qos=1)
"""


class Caller:
    """Sends commands and waits for answers, as fast as they come."""

    def __init__(self, port: int) -> None:
        self._answers = threading.Semaphore(0)
        subscribed = threading.Event()
        self._count = 0
        #: The last answer.
        self.last: bytes | bytearray = b""
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        # The caller must not be what is slow: no waiting for the peer's acknowledgements.
        self._client.on_socket_open = _send_at_once
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("v1/devices/me/rpc/response/+", qos=1)
        self._client.loop_start()
        subscribed.wait(_TIMEOUT_S)

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, payload: bytes = _PAYLOAD) -> None:
        """Send one command."""
        self._count += 1
        self._client.publish(f"v1/devices/me/rpc/request/{self._count}", payload, qos=1)

    def wait(self) -> None:
        """Wait for one answer."""
        if not self._answers.acquire(timeout=_TIMEOUT_S):
            raise SystemExit(f"no answer to one of {self._count} commands in {_TIMEOUT_S:g} s")

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self.last = message.payload
        self._answers.release()

    def round_trip_us(self) -> float:
        """Return the median time of one command at a time."""
        times = []
        for _ in range(CALLS):
            began = time.perf_counter()
            self.send()
            self.wait()
            times.append(time.perf_counter() - began)
        return statistics.median(times) * 1e6

    def calls_per_s(self) -> float:
        """Return how many commands are answered in a second with several in flight."""
        began = time.perf_counter()
        for _ in range(IN_FLIGHT):
            self.send()
        for _ in range(CALLS):
            self.wait()
            self.send()
        for _ in range(IN_FLIGHT):
            self.wait()
        return (CALLS + IN_FLIGHT) / (time.perf_counter() - began)


def _send_at_once(_client: object, _data: object, opened: Any) -> None:  # noqa: ANN401 - paho's
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@contextmanager
def running_board(folder: Path, broker: Mosquitto, *, bare: bool) -> Iterator[SimulatedBoard]:
    """Run the agent, or the bare loop in its place, until it is connected and beyond."""
    app = folder / "app"
    app.mkdir(parents=True)
    (app / "echo.py").write_text(_ECHO)
    loop = folder / "loop"
    loop.mkdir()
    (loop / "main.py").write_text(_BARE_LOOP)
    libraries = device_libraries.folder()
    (loop / "lib/umqtt").mkdir(parents=True)
    (loop / "lib/umqtt/simple.py").write_bytes((libraries / "umqtt/simple.py").read_bytes())
    board = SimulatedBoard(
        folder=folder / "flash",
        configuration={"device": "bench", "server": {"host": "127.0.0.1", "port": broker.port}},
        secrets={"token": "bench"},
        runtime="micropython",
        heap=HEAP,
        app=app,
        firmware=loop if bare else None,
        compiled=not bare,
    )
    with board:
        board.wait_for_line("connected to", _TIMEOUT_S)
        yield board


def measure_speed(folder: Path, *options: str) -> tuple[list[float], list[float]]:
    """Return medians of ``[agent, bare]``: microseconds of a round trip, and calls per second."""
    trips: dict[bool, list[float]] = {False: [], True: []}
    rates: dict[bool, list[float]] = {False: [], True: []}
    for number in range(ROUNDS):
        for bare in (False, True):
            place = folder / f"{number}-{bare}"
            place.mkdir(parents=True)
            with (
                Mosquitto(place, "set_tcp_nodelay true", *options) as broker,
                running_board(place, broker, bare=bare),
            ):
                caller = Caller(broker.port)
                trips[bare].append(caller.round_trip_us())
                rates[bare].append(caller.calls_per_s())
                caller.close()
    return (
        [statistics.median(trips[bare]) for bare in (False, True)],
        [statistics.median(rates[bare]) for bare in (False, True)],
    )


def heap_in_use(folder: Path) -> int:
    """Return the bytes of heap that the connected agent holds after a collection."""
    folder.mkdir()
    with Mosquitto(folder) as broker, running_board(folder, broker, bare=False):
        caller = Caller(broker.port)
        caller.send(b'{"method":"getStats"}')
        caller.wait()
        caller.close()
    return int(json.loads(caller.last)["usedMemory"])


def byte_code_sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of byte code of each firmware module."""
    sizes = {}
    for source in sorted(FIRMWARE_FOLDER.rglob("wakecall/**/*.py")):
        name = source.relative_to(FIRMWARE_FOLDER).as_posix()
        sizes[name] = len(byte_code.compile_source(source, name))
    return sizes


def main() -> int:
    """Measure and print everything."""
    with tempfile.TemporaryDirectory(prefix="wakecall-bench-") as name:
        folder = Path(name)
        sizes = byte_code_sizes(folder)
        for module, size in sizes.items():
            _say(f"byte code of {module}", f"{size:,} bytes")
        _say("byte code in all", f"{sum(sizes.values()):,} bytes")
        _say("heap in use, connected, 64-bit objects", f"{heap_in_use(folder / 'heap'):,} bytes")
        (agent_us, bare_us), (agent_rate, bare_rate) = measure_speed(folder / "speed")
        _say("round trip, agent and bare umqtt loop", f"{agent_us:.0f} us, {bare_us:.0f} us")
        _say("  ratio", f"{agent_us / bare_us:.2f}")
        rates = f"{agent_rate:,.0f}, {bare_rate:,.0f}"
        _say(f"calls per second, {IN_FLIGHT} in flight", rates)
        _say("  ratio", f"{agent_rate / bare_rate:.2f}")
    return 0


def _say(what: str, told: str) -> None:
    print(f"{what:<50} {told}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
