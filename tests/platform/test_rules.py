"""Rules: shipped ones, examples, a user's own, and what happens when one is wrong."""

from __future__ import annotations

import http.server
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from host_tools.errors import ExitCode, WakecallError
from host_tools.platform.rules import examples
from host_tools.platform.rules.loader import load
from tests.contract.paho_device import PahoDevice
from tests.contract.raw_mqtt import RawMqtt
from tests.contract.target import Device, Target, eventually, own_platform
from tests.contract.test_persistent import status_is, submit

HEAD = "from host_tools.platform.rules import *\n"
EXAMPLES = Path(str(examples.__file__)).parent

Serve = Callable[..., AbstractContextManager[Target]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Runs a platform with a rules file, given as text or by its path."""

    def run(rules: str | Path, **settings: Any) -> AbstractContextManager[Target]:
        if isinstance(rules, str):
            path = tmp_path / "rules.py"
            path.write_text(HEAD + rules)
        else:
            path = rules
        return own_platform(tmp_path / "data", rules=path, **settings)

    return run


class Partner:
    """Another server: it notes what it is asked and answers what it is told to."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Any]] = []
        self.answer: tuple[int, bytes] = (200, b"{}")
        partner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("content-length", 0))
                body = self.rfile.read(length)
                partner.requests.append((self.path, json.loads(body) if body else None))
                status, content = partner.answer
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/ask"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def partner() -> Iterator[Partner]:
    partner = Partner()
    yield partner
    partner.close()


def ask(target: Target, device: Device, method: str, params: Any = None) -> Any:
    """Let a device call the server and return the answer."""
    with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
        client.connect(device.token)
        client.subscribe("v1/devices/me/rpc/response/+")
        call = json.dumps({"method": method, "params": params})
        client.publish("v1/devices/me/rpc/request/5", call, qos=0)
        message = client.message()
        assert message.topic == "v1/devices/me/rpc/response/5"
        return json.loads(message.payload)


def test_row_84_reply_of_a_rule_reaches_the_device(serve: Serve):
    rules = """
@rule("RPC Request from Device")
def echo(message, nodes):
    nodes.rpc_call_reply(message.with_data([message.data, message.metadata, message.type]))
"""
    with serve(rules) as target:
        device = target.new_device()
        data, metadata, kind = ask(target, device, "hello", {"a": 1})
        assert data == {"method": "hello", "params": {"a": 1}}
        assert set(metadata) == {"deviceName", "deviceType", "requestId", "serviceId", "sessionId"}
        assert (metadata["deviceName"], metadata["requestId"]) == (device.name, "5")
        assert kind == "TO_SERVER_RPC_REQUEST"


def test_shipped_rule_works_beside_a_file_and_is_replaced_by_its_name(serve: Serve):
    with serve("") as target:
        now_ms = ask(target, target.new_device(), "getCurrentTime")
        assert abs(now_ms - time.time() * 1000) < 5_000
    rules = """
@rule("TO_SERVER_RPC_REQUEST")
def current_time(message, nodes):
    nodes.rpc_call_reply(message.with_data("tea time"))
"""
    with serve(rules) as target:
        assert ask(target, target.new_device(), "getCurrentTime") == "tea time"


def test_call_over_http_is_answered_by_rules(serve: Serve):
    rules = """
@rule("TO_SERVER_RPC_REQUEST")
def echo(message, nodes):
    nodes.rpc_call_reply(message.with_data(message.metadata["requestId"]))
"""
    with serve(rules) as target:
        device = target.new_device()
        path = f"/api/v1/{device.token}/rpc"
        answer = target.rest.client.post(path, json={"method": "any", "params": None})
        assert answer.json() == "0"


@pytest.mark.parametrize(
    "body",
    [
        "raise RuntimeError('rule is broken')",
        "import threading; threading.Event().wait(60)",
        "nodes.rpc_call_reply(message.with_data({1, 2}))",
    ],
    ids=["raises", "hangs", "answers no JSON"],
)
def test_rule_that_raises_or_hangs_is_told_and_the_device_gets_the_timeout(
    serve: Serve, caplog: pytest.LogCaptureFixture, body: str
):
    rules = f"""
@rule("TO_SERVER_RPC_REQUEST")
def wrong(message, nodes):
    if message.data["method"] == "wrong":
        {body}
    elif message.data["method"] == "right":
        nodes.rpc_call_reply(message.with_data("fine"))
"""
    with caplog.at_level(logging.ERROR), serve(rules, rule_timeout_ms=300) as target:
        device = target.new_device()
        assert ask(target, device, "wrong") == {"error": "timeout"}
        assert "rule wrong" in caplog.text
        assert ask(target, device, "right") == "fine"


def test_forwarding_example(serve: Serve):
    with serve(EXAMPLES / "forward.py") as target:
        switch, lamp = target.new_device(), target.new_device()
        command = {"method": "setGpio", "params": {"pin": 1}}
        answer = ask(target, switch, "forward", command)
        assert "controls" in answer["error"]
        path = f"/api/plugins/telemetry/DEVICE/{switch.id}/SERVER_SCOPE"
        target.rest.post(path, {"controls": lamp.name})
        with PahoDevice(target, lamp) as board:
            assert ask(target, switch, "forward", command) == {"echo": {"pin": 1}}
            assert [command.method for command in board.commands] == ["setGpio"]


def test_weather_example(serve: Serve, partner: Partner, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WEATHER_URL", partner.url)
    partner.answer = (200, b'{"temperature":21}')
    with serve(EXAMPLES / "weather.py") as target:
        device = target.new_device()
        place = {"latitude": 52.5, "longitude": 13.4}
        assert ask(target, device, "getWeather", place) == {"temperature": 21}
        assert partner.requests == [("/ask?latitude=52.5&longitude=13.4", None)]
        partner.answer = (503, b"")
        assert "503" in ask(target, device, "getWeather", place)["error"]


@pytest.mark.parametrize(
    ("answer", "allowed"),
    [
        ((200, b'{"allow":true}'), True),
        ((200, b'{"allow":"yes"}'), False),
        ((200, b"not json"), False),
        ((500, b'{"allow":true}'), False),
    ],
)
def test_access_example(
    serve: Serve,
    partner: Partner,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, bytes],
    allowed: bool,
):
    monkeypatch.setenv("ACCESS_URL", partner.url)
    partner.answer = answer
    with serve(EXAMPLES / "access.py") as target:
        door = target.new_device()
        assert ask(target, door, "mayEnter", {"card": "1234"}) is allowed
        assert partner.requests == [("/ask", {"door": door.name, "card": "1234"})]


def test_webhook_example(serve: Serve, partner: Partner, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WEBHOOK_URL", partner.url)
    with serve(EXAMPLES / "webhook.py") as target:
        device = target.new_device()
        with PahoDevice(target, device, lambda _: "done"):
            rpc_id = submit(target, device)
            ((_, message),) = eventually(lambda: partner.requests)
        assert (message["type"], message["metadata"]) == ("RPC_SUCCESSFUL", {})
        assert (message["data"]["id"]["id"], message["data"]["response"]) == (rpc_id, "done")


def test_row_71_one_event_for_each_change_of_a_call(serve: Serve, tmp_path: Path):
    seen = tmp_path / "seen"
    rules = f"""
@rule()
def note(message, nodes):
    if message.type.startswith("RPC_"):
        assert message.metadata == {{}}
        with open({str(seen)!r}, "a") as file:
            file.write(message.type + " " + message.data["status"] + "\\n")
"""
    with serve(rules) as target:
        device = target.new_device()
        rpc_id = submit(target, device)
        with PahoDevice(target, device):
            status_is(target, rpc_id, "SUCCESSFUL")
            target.rest.delete(f"/api/rpc/persistent/{rpc_id}")
        eventually(lambda: seen.exists() and "DELETED" in seen.read_text())
    # paho sends its PUBACK after the answer, so that DELIVERED is never seen.
    states = ["QUEUED", "SENT", "SUCCESSFUL", "DELETED"]
    assert seen.read_text().splitlines() == [f"RPC_{state} {state}" for state in states]


def test_row_85_generator_makes_a_persistent_call(serve: Serve):
    rules = """
@generator(period_s=0.1, count=2)
def plan(nodes):
    metadata = {"persistent": "true", "oneway": "false",
                "expirationTime": str(nodes.now_ms() + 60000)}
    data = {"method": "water", "params": {"seconds": 5}}
    try:
        pump = nodes.device_id("pump")
    except NodeError:
        return None
    message = Message("RPC_CALL_FROM_SERVER_TO_DEVICE", pump, data, metadata)
    nodes.rpc_call_request(message)
"""
    with serve("") as target:
        device_id = target.rest.post("/api/device", {"name": "pump"}).json()["id"]["id"]
    with serve(rules) as target:
        path = f"/api/rpc/persistent/device/{device_id}?pageSize=9&page=0"
        rows = eventually(
            lambda: (rows := target.rest.get(path).json()["data"]) and len(rows) == 2 and rows
        )
        assert rows[0]["request"]["body"] == {"method": "water", "params": '{"seconds":5}'}


def test_generated_message_goes_through_the_rules(serve: Serve):
    rules = """
@generator(period_s=60, count=1)
def plan(nodes):
    return Message("RPC_CALL_FROM_SERVER_TO_DEVICE", nodes.device_id("pump"),
                   {"method": "water", "params": 5})

@rule("RPC Request to Device")
def call(message, nodes):
    nodes.rpc_call_request(message, timeout_s=5)
"""
    with serve("") as target:
        body = target.rest.post("/api/device", {"name": "pump"}).json()
        device = Device(body["id"]["id"], "pump", target.token_of(body["id"]["id"]))
    with serve(rules) as target, PahoDevice(target, device) as board:
        eventually(lambda: board.commands)
        assert (board.commands[0].method, board.commands[0].params) == ("water", 5)


def test_call_of_a_rule_to_a_device_that_is_away_fails(serve: Serve):
    rules = """
@rule("TO_SERVER_RPC_REQUEST")
def forward(message, nodes):
    try:
        nodes.rpc_call_request(message, timeout_s=0.1)
    except NodeError as error:
        nodes.rpc_call_reply(message.with_data(error.data))
"""
    with serve(rules) as target:
        answer = ask(target, target.new_device(), "loop")
        assert answer == {"error": "NO_ACTIVE_CONNECTION"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def broken(:\n", ["rules.py:2"]),
        ("x = 1\nx / 0\n", ["rules.py:3", "ZeroDivisionError"]),
        ("import no_such_module\n", ["rules.py:2", "no_such_module"]),
        ("@rule('RPC_LOST')\ndef f(m, n): pass\n", ["rules.py:2", "RPC_LOST"]),
        ("@generator(0)\ndef f(n): pass\n", ["rules.py:2", "period_s"]),
    ],
)
def test_mistake_in_a_file_is_told_with_its_line(tmp_path: Path, text: str, words: list[str]):
    path = tmp_path / "rules.py"
    path.write_text(HEAD + text)
    with pytest.raises(WakecallError) as refused:
        load(path)
    assert refused.value.code is ExitCode.CONFIGURATION
    for word in words:
        assert word in refused.value.message


def test_missing_file(tmp_path: Path):
    with pytest.raises(WakecallError) as refused:
        load(tmp_path / "none.py")
    assert refused.value.code is ExitCode.NOT_FOUND
