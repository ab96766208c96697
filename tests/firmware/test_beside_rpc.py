"""What travels beside commands: shared attributes, telemetry within limits, claims."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import paho.mqtt.client as paho
import pytest

from host_tools.client import Client
from host_tools.local_platform import LocalPlatform
from host_tools.sim import SimulatedBoard
from tests.firmware.brokers import Caller, Mosquitto

SHARED = """
from wakecall import Integer, Text, method
from wakecall.attributes import on_attributes

told = []


@on_attributes({"interval_s": Integer(1, 3600, default=60), "greeting": Text(20)})
async def settings(agent, interval_s, greeting):
    told.append([interval_s, greeting])
    if greeting == "fail":
        raise ValueError("as asked")


@method(effect="read")
def toldSoFar(agent):
    return told
"""
REPORTS = """
from wakecall import Kind, method
from wakecall.errors import CallError


@method({"kind": Kind(), "values": Kind(), "times": Kind(default=1)}, effect="read")
async def send(agent, kind, values, times):
    try:
        for _ in range(times):
            if kind == "claim":
                await agent.claim(values, 60000)
            elif kind == "telemetry":
                await agent.telemetry(values, 1500)
            else:
                await agent.attributes(values, 1500)
    except CallError as error:
        return [error.code, str(error)]


@method(effect="read")
async def sendNoJson(agent):
    try:
        await agent.telemetry({"value": float("nan")})
    except CallError as error:
        return error.code
"""
LIMITS = {
    "maxPayloadSize": 1064,
    "maxInflightMessages": 100,
    "rateLimits": {
        "messages": None,
        "telemetryMessages": "3:1,100:60",
        "telemetryDataPoints": "8:1",
    },
}


@pytest.fixture(scope="module", params=["cpython", "micropython"])
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# Shared attributes, against the platform


class Shared:
    """A device on the platform whose shared attributes are set over REST."""

    def __init__(self, client: Client, name: str) -> None:
        self.device = client.create_device(name)
        self.token = client.device_token(self.device.id)
        self._client = client
        self._url = f"/api/plugins/telemetry/DEVICE/{self.device.id}/SHARED_SCOPE"

    def set(self, **values: object) -> None:
        assert self._client._session.request("POST", self._url, values).status == 200

    def delete(self, key: str) -> None:
        assert self._client._session.request("DELETE", f"{self._url}?keys={key}").status == 200

    def told(self) -> object:
        return self._client.call(self.device.id, "toldSoFar")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    with LocalPlatform(tmp_path_factory.mktemp("platform")) as running:
        yield running


@pytest.fixture
def shared(
    platform: LocalPlatform, runtime: str, request: pytest.FixtureRequest
) -> Iterator[Shared]:
    with Client(platform.profile) as client:
        yield Shared(client, f"{request.node.name}")


@pytest.fixture
def board(
    platform: LocalPlatform, shared: Shared, runtime: str, tmp_path_factory: pytest.TempPathFactory
) -> SimulatedBoard:
    app = tmp_path_factory.mktemp("app")
    (app / "shared.py").write_text(SHARED)
    return SimulatedBoard(
        folder=tmp_path_factory.mktemp("flash"),
        configuration={"device": "shared", "server": platform.mqtt_server},
        secrets={"token": shared.token},
        runtime=runtime,  # type: ignore[arg-type]
        app=app,
    )


def wait_for_told(shared: Shared, wanted: list[object]) -> None:
    deadline = time.monotonic() + 10
    while (told := shared.told()) != wanted:
        assert time.monotonic() < deadline, told
        time.sleep(0.05)


def test_shared_attributes_are_told_at_connect_and_when_they_change_and_when_they_go(
    board: SimulatedBoard, shared: Shared
) -> None:
    shared.set(interval_s=5, other=1)
    with board:
        board.wait_for_line("connected to", 20)
        wait_for_told(shared, [[5, None]])
        shared.set(greeting="hello", other=2)
        wait_for_told(shared, [[5, None], [5, "hello"]])
        shared.delete("interval_s")
        wait_for_told(shared, [[5, None], [5, "hello"], [60, "hello"]])


def test_a_shared_attribute_that_does_not_fit_is_told_in_the_log_and_the_old_one_stands(
    board: SimulatedBoard, shared: Shared
) -> None:
    with board:
        board.wait_for_line("connected to", 20)
        wait_for_told(shared, [[60, None]])
        shared.set(interval_s=0)
        board.wait_for_line("shared attribute interval_s must be 1 to 3600, not 0")
        assert shared.told() == [[60, None]]


def test_a_handler_that_fails_is_told_in_the_log_and_hears_of_the_next_change(
    board: SimulatedBoard, shared: Shared
) -> None:
    shared.set(greeting="fail")
    with board:
        board.wait_for_line("ValueError: as asked", 20)
        shared.set(greeting="well")
        wait_for_told(shared, [[60, "fail"], [60, "well"]])


def test_what_changed_while_the_board_was_away_is_told_at_the_next_connection(
    platform: LocalPlatform, board: SimulatedBoard, shared: Shared
) -> None:
    with board:
        board.wait_for_line("connected to", 20)
        wait_for_told(shared, [[60, None]])
        board.power_cut()
        shared.set(interval_s=7)
        board.power_restore()
        wait_for_told(shared, [[7, None]])


# Limits and claims, against a mosquitto and a server of our own that answers getSessionLimits


class Server:
    """Answers ``getSessionLimits`` as ThingsBoard does, and keeps what devices publish."""

    def __init__(self, port: int, limits: object) -> None:
        self.published: list[tuple[str, float, object]] = []
        self._limits = json.dumps(limits)
        #: Set when the broker has the limits, so that they come before any later command.
        self.has_told = threading.Event()
        subscribed = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._client.on_publish = lambda *_: self.has_told.set()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("v1/devices/me/#", qos=1)
        self._client.loop_start()
        assert subscribed.wait(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def of(self, kind: str, at_least: int = 0) -> list[object]:
        """Return the messages of a kind; an answer may overtake them at the broker."""
        deadline = time.monotonic() + 10
        while len(self._of(kind)) < at_least and time.monotonic() < deadline:
            time.sleep(0.02)
        return self._of(kind)

    def _of(self, kind: str) -> list[object]:
        return [values for topic, _, values in self.published if topic == kind]

    def _on_message(self, client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        kind = message.topic.removeprefix("v1/devices/me/")
        if kind.startswith("rpc/request/") and b"getSessionLimits" in message.payload:
            client.publish(message.topic.replace("request", "response"), self._limits, qos=1)
        elif "/" not in kind:
            self.published.append((kind, time.monotonic(), json.loads(message.payload)))


@pytest.fixture(scope="module")
def reporting(
    runtime: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Caller]]:
    app = tmp_path_factory.mktemp("app")
    (app / "reports.py").write_text(REPORTS)
    with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as broker:
        server = Server(broker.port, LIMITS)
        board = SimulatedBoard(
            folder=tmp_path_factory.mktemp("flash"),
            configuration={"device": "r", "server": {"host": "127.0.0.1", "port": broker.port}},
            secrets={"token": "x"},
            runtime=runtime,  # type: ignore[arg-type]
            app=app,
        )
        with board, Caller(broker.port) as caller:
            board.wait_for_line("connected to", 20)
            # The board announces itself once, and asks for the limits with it.
            assert server.has_told.wait(10)
            assert send(caller, "attributes", {"a": 1}) is None
            yield server, caller
        server.close()


def send(caller: Caller, kind: str, values: object, times: int = 1) -> object:
    number = time.monotonic_ns() % 1_000_000_000
    return caller.call(number, "send", {"kind": kind, "values": values, "times": times})


def test_telemetry_is_paced_to_what_the_server_allows(reporting: tuple[Server, Caller]) -> None:
    server, caller = reporting
    before = len(server.of("telemetry"))
    assert send(caller, "telemetry", {"a": 1}, times=7) is None
    assert len(server.of("telemetry", at_least=before + 7)) == before + 7
    times = [when for kind, when, _ in server.published if kind == "telemetry"][before:]
    # Three at once, then one each third of a second.
    assert times[6] - times[0] >= 4 / 3 - 0.1


def test_what_the_limits_never_allow_is_refused_at_once(reporting: tuple[Server, Caller]) -> None:
    _, caller = reporting
    values = {str(number): 1 for number in range(9)}
    answer = send(caller, "telemetry", values)
    assert answer == [
        "RESOURCE_EXHAUSTED",
        "telemetry: the server allows 8 telemetryDataPoints in 1 s",
    ]


def test_what_is_larger_than_the_server_takes_is_refused(reporting: tuple[Server, Caller]) -> None:
    _, caller = reporting
    code, message = send(caller, "attributes", {"text": "x" * 1000})  # type: ignore[misc]
    assert code == "RESOURCE_EXHAUSTED"
    assert "more than the 1000 that can be sent" in message


@pytest.mark.parametrize("values", [[], 5, "text", None, [[1]]])
def test_what_the_server_would_close_the_connection_for_is_refused(
    reporting: tuple[Server, Caller], values: object
) -> None:
    _, caller = reporting
    assert send(caller, "telemetry", values)[0] == "INVALID_ARGUMENT"  # type: ignore[index]
    assert caller.call(5, "sendNoJson") == "INVALID_ARGUMENT"


def test_values_with_times_of_their_own_and_lists_of_them_are_telemetry(
    reporting: tuple[Server, Caller],
) -> None:
    server, caller = reporting
    rows = [{"ts": 1000, "values": {"a": 1}}, {"b": 2}]
    before = len(server.of("telemetry"))
    assert send(caller, "telemetry", rows) is None
    assert server.of("telemetry", at_least=before + 1)[-1] == rows


def test_a_claim_carries_secret_and_duration(reporting: tuple[Server, Caller]) -> None:
    server, caller = reporting
    assert send(caller, "claim", "open sesame") is None
    assert server.of("claim", at_least=1) == [{"secretKey": "open sesame", "durationMs": 60000}]
