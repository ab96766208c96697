"""A plain paho client that answers commands as a device does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from tests.contract.target import DEADLINE_S, Device, Target

REQUESTS = "v1/devices/me/rpc/request/+"
RESPONSE = "v1/devices/me/rpc/response/"


@dataclass(frozen=True)
class Command:
    """What the device was asked."""

    request_id: str
    method: str
    params: Any


Answer = Callable[[Command], Any]


class PahoDevice:
    """A connected and subscribed device; a context manager.

    Args:
        target: The server.
        device: Which device it is.
        answer: Makes the answer of a command; bytes are sent as they are, None sends nothing.
        protocol: The MQTT version.
    """

    def __init__(
        self,
        target: Target,
        device: Device,
        answer: Answer | None = None,
        protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311,
    ) -> None:
        self.commands: list[Command] = []
        self._answer = answer or (lambda command: {"echo": command.params})
        self._target = target
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        self._client.username_pw_set(device.token)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def __enter__(self) -> PahoDevice:
        self._client.connect(self._target.mqtt_host, self._target.mqtt_port)
        self._client.loop_start()
        assert self._subscribed.wait(DEADLINE_S), "the device could not subscribe"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        client.subscribe(REQUESTS, qos=1)

    def _on_subscribe(
        self, _client: Any, _data: Any, _identifier: int, codes: list[ReasonCode], _more: Any
    ) -> None:
        if not codes[0].is_failure:
            self._subscribed.set()

    def _on_message(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        request = json.loads(message.payload)
        assert set(request) == {"method", "params"}
        identifier = message.topic.rpartition("/")[2]
        command = Command(identifier, request["method"], request["params"])
        self.commands.append(command)
        answer = self._answer(command)
        if answer is None:
            return
        payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        client.publish(RESPONSE + identifier, payload, qos=1)
