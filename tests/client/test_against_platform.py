"""The client and the commands against the real platform, with a paho client as the board."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import paho.mqtt.client as paho
import pytest

from host_tools import process
from host_tools.client import Client, Device, DeviceError
from host_tools.errors import ExitCode, WakecallError
from host_tools.profile import Profile

REQUESTS = "v1/devices/me/rpc/request/+"
ANSWER_TOPIC = "v1/devices/me/rpc/response/"
ADMINISTRATOR = "tenant@thingsboard.org"


class Platform:
    """``wakecall up`` as a process on free ports, with a configuration folder of its own."""

    def __init__(self, folder: Path) -> None:
        variables = {"XDG_CONFIG_HOME": str(folder / "config"), "WAKECALL_ADMIN_PASSWORD": "secret"}
        self.environment = os.environ | variables
        self._lines: queue.Queue[str] = queue.Queue()
        up = [sys.executable, "-m", "host_tools.cli.main", "up", "--data", folder / "data"]
        self._child = process.start(
            [*up, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"],
            on_line=self._lines.put,
            environment=self.environment,
        )
        line = ""
        while not line.startswith("ready "):
            line = self._lines.get(timeout=30)
        _, url, mqtt = line.split()
        self.profile = Profile(url, ADMINISTRATOR, "secret", mqtt)

    def stop(self) -> None:
        self._child.stop()


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    yield platform
    platform.stop()


@pytest.fixture
def client(platform: Platform) -> Iterator[Client]:
    with Client(platform.profile) as client:
        yield client


@pytest.fixture
def device(client: Client) -> Iterator[Device]:
    device = client.create_device(f"pump-{uuid.uuid4().hex[:8]}")
    yield device
    client.delete_device(device.id)


@pytest.fixture
def board(platform: Platform, client: Client, device: Device) -> Iterator[queue.Queue[bytes]]:
    """A connected board that answers by the method's name; gives what it was sent."""
    received: queue.Queue[bytes] = queue.Queue()
    subscribed: queue.Queue[object] = queue.Queue()
    answers = {
        "echo": lambda command: command.get("params"),
        "fail": lambda _: {"error": {"code": "INTERNAL", "message": "no", "effect": "unknown"}},
        "nothing": lambda _: None,
    }

    def on_message(mqtt: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        received.put(message.payload)
        command = json.loads(message.payload)
        answer = answers[command["method"]](command)
        payload = "" if command["method"] == "nothing" else json.dumps(answer)
        mqtt.publish(ANSWER_TOPIC + message.topic.rpartition("/")[2], payload, qos=1)

    mqtt = paho.Client(paho.CallbackAPIVersion.VERSION2)
    mqtt.username_pw_set(client.device_token(device.id))
    mqtt.on_connect = lambda *_: mqtt.subscribe(REQUESTS, qos=1)
    mqtt.on_subscribe = lambda *_: subscribed.put(True)
    mqtt.on_message = on_message
    address = urlsplit(platform.profile.mqtt)
    mqtt.connect(str(address.hostname), int(address.port or 0))
    mqtt.loop_start()
    subscribed.get(timeout=20)
    yield received
    mqtt.disconnect()
    mqtt.loop_stop()


def wakecall(platform: Platform, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "host_tools.cli.main", *words],
        capture_output=True,
        text=True,
        env=platform.environment,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("params", [{"pin": "23", "text": "é水"}, [1, 2.5], "text", 0, False, None])
def test_params_and_answers_come_through_unchanged(client, device, board, params):
    answer = client.call(device.id, "echo", params)
    assert answer == params
    assert type(answer) is type(params)


def test_an_error_answer_of_a_board_is_a_device_error(client, device, board):
    with pytest.raises(DeviceError) as caught:
        client.call(device.id, "fail")
    assert caught.value.answer["error"]["effect"] == "unknown"


def test_an_empty_answer_of_a_board_is_none(client, device, board):
    assert client.call(device.id, "nothing") is None


def test_a_one_way_call_reaches_the_board(client, device, board):
    assert client.call(device.id, "echo", {"n": 1}, one_way=True) is None
    assert json.loads(board.get(timeout=10))["params"] == {"n": 1}


def test_a_board_that_is_not_connected_ends_in_a_timeout(client, device):
    with pytest.raises(WakecallError) as caught:
        client.call(device.id, "echo", timeout_ms=500)
    assert caught.value.code == ExitCode.TIMEOUT
    assert "not connected" in caught.value.hint


def test_a_device_is_found_and_its_name_taken_and_near_names_are_told(client, device):
    assert client.device_by_name(device.name) == device
    with pytest.raises(WakecallError, match="already") as caught:
        client.create_device(device.name)
    assert caught.value.code == ExitCode.BUSY
    with pytest.raises(WakecallError) as caught:
        client.device_by_name(device.name.upper())
    assert caught.value.code == ExitCode.NOT_FOUND
    assert device.name in caught.value.hint


def test_a_deleted_device_is_gone(client):
    device = client.create_device("short-lived")
    client.delete_device(device.id)
    for request in (
        lambda: client.call(device.id, "echo"),
        lambda: client.device_token(device.id),
        lambda: client.delete_device(device.id),
        lambda: client.device_by_name("short-lived"),
    ):
        with pytest.raises(WakecallError) as caught:
            request()
        assert caught.value.code == ExitCode.NOT_FOUND


def test_an_unknown_identifier_that_is_no_uuid_is_told(client):
    with pytest.raises(WakecallError) as caught:
        client.call("pump", "echo")
    assert caught.value.code == ExitCode.FAILED
    assert "400" in caught.value.message


def test_a_wrong_password_is_refused(platform):
    wrong = Profile(platform.profile.url, ADMINISTRATOR, "guess")
    with Client(wrong) as client, pytest.raises(WakecallError) as caught:
        client.login()
    assert caught.value.code == ExitCode.CREDENTIALS


def test_call_finds_the_server_by_the_profile_that_up_wrote(platform, device, board):
    done = wakecall(platform, "call", device.name, "echo", "pin=23", "mode=fast")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"pin": 23, "mode": "fast"}
    done = wakecall(platform, "call", device.name, "fail")
    assert (done.returncode, done.stdout) == (ExitCode.DEVICE_ERROR, "")
    assert json.loads(done.stderr)["error"]["code"] == "INTERNAL"
    done = wakecall(platform, "call", device.name, "echo", "--oneway")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_login_checks_the_password_at_the_platform(platform, tmp_path):
    command = [sys.executable, "-m", "host_tools.cli.main", "login", platform.profile.url]
    environment = platform.environment | {"XDG_CONFIG_HOME": str(tmp_path)}
    for password, code in (("secret", ExitCode.OK), ("guess", ExitCode.CREDENTIALS)):
        done = subprocess.run(
            command, input=password, text=True, env=environment, timeout=60, capture_output=True
        )
        assert done.returncode == code, done.stderr


def test_a_platform_that_was_stopped_is_told(tmp_path):
    platform = Platform(tmp_path)
    with Client(platform.profile) as client:
        client.create_device("pump")
        platform.stop()
        with pytest.raises(WakecallError) as caught:
            client.device_by_name("pump")
    assert caught.value.code == ExitCode.UNREACHABLE
