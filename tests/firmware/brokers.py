"""A genuine mosquitto and a plain paho caller, for tests of the firmware against a foreign peer."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType

import paho.mqtt.client as paho

from tests.conftest import require

START_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 15.0


class Mosquitto:
    """A mosquitto on a free loopback port; a context manager, and restartable on the same port."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
        require(program, "mosquitto is not installed")
        self._program = str(program)
        self.port = _free_port()
        self._configuration = folder / "mosquitto.conf"
        self._configuration.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 200\n"
        )

    def __enter__(self) -> Mosquitto:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start the broker and wait until it listens."""
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, "mosquitto does not listen"
                time.sleep(0.02)

    def kill(self) -> None:
        """End the broker at once."""
        self._process.kill()
        self._process.wait()


class Caller:
    """A plain MQTT client that sends commands and gathers answers by request id."""

    def __init__(self, port: int) -> None:
        self._answers: dict[str, bytes] = {}
        self._arrived = threading.Condition()
        subscribed = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: subscribed.set()
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


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
