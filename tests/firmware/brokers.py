"""A genuine mosquitto and a plain paho caller, for tests of the firmware against a foreign peer."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from types import TracebackType

import paho.mqtt.client as paho

from host_tools.bench import mosquitto
from tests.conftest import require

START_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 15.0


class Mosquitto(mosquitto.Mosquitto):
    """The broker; without it the test is skipped, or fails in CI."""

    def __init__(self, folder: Path, *options: str) -> None:
        require(mosquitto.program(), "mosquitto is not installed")
        super().__init__(folder, *options)


class Caller:
    """A plain MQTT client that sends commands and gathers answers by request id."""

    def __init__(self, port: int) -> None:
        self._answers: dict[str, bytes] = {}
        self._arrived = threading.Condition()
        subscribed = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_socket_open = _send_at_once
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("v1/devices/me/rpc/response/+", qos=1)
        self._client.loop_start()
        assert subscribed.wait(START_TIMEOUT_S)

    def __enter__(self) -> Caller:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, request_id: int | str, payload: bytes) -> None:
        """Send raw bytes as a command."""
        self._client.publish(f"v1/devices/me/rpc/request/{request_id}", payload, qos=1)

    def answer(self, request_id: int | str) -> object:
        """Wait for the answer to a command and return it."""
        with self._arrived:
            came = self._arrived.wait_for(
                lambda: str(request_id) in self._answers, ANSWER_TIMEOUT_S
            )
            assert came, f"no answer to {request_id}; there are {sorted(self._answers)}"
            return json.loads(self._answers[str(request_id)])

    def call(self, request_id: int, method: str, params: object = None) -> object:
        """Send a command and return its answer."""
        self.send(request_id, json.dumps({"method": method, "params": params}).encode())
        return self.answer(request_id)

    def has_answer(self, request_id: int | str) -> bool:
        """Return whether an answer to that command has come by now."""
        with self._arrived:
            return str(request_id) in self._answers

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        with self._arrived:
            self._answers[message.topic.rpartition("/")[2]] = message.payload
            self._arrived.notify_all()


def free_port() -> int:
    """Return a TCP port of the loopback that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _send_at_once(_client: object, _data: object, connection: socket.socket) -> None:
    # Else its commands would wait 40 ms for the broker, and hide what the board takes.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
