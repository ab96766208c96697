"""What a device publishes: answers, calls of its own, telemetry, attributes (1.4 to 1.8)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from host_tools import json_text
from host_tools.json_text import Json
from host_tools.platform import payloads
from host_tools.platform.actor import DeviceActor
from host_tools.platform.mqtt import topics
from host_tools.platform.mqtt.topics import Route, Subject
from host_tools.platform.request_ids import parse_id
from host_tools.platform.services import Services

Parsed = TypeVar("Parsed")

SESSION_LIMITS = "getSessionLimits"


class MalformedPayloadError(Exception):
    """A payload that the device API refuses.

    Args:
        message: What was wrong, for the log.
        closes: Whether the connection is closed in every protocol version (1.4).
    """

    def __init__(self, message: str, *, closes: bool = False) -> None:
        super().__init__(message)
        self.closes = closes


class Uplink:
    """The way from one session into the platform.

    Args:
        services: The platform's parts.
        actor: The device.
        publish: Publishes on a topic with the QoS of a filter: ``(topic, filter, payload)``.
    """

    def __init__(
        self, services: Services, actor: DeviceActor, publish: Callable[[str, str, bytes], None]
    ) -> None:
        self._services = services
        self._data = services.data
        self._actor = actor
        self._publish = publish
        self._reply_base = topics.V1.response

    @property
    def device_id(self) -> str:
        """Whose session this is."""
        return self._actor.device_id

    def take(self, route: Route, payload: bytes) -> asyncio.Future[None] | None:
        """Handle a PUBLISH and return what has to be done before its PUBACK, if anything.

        Raises MalformedPayloadError, and nothing happened then.
        """
        match route.subject:
            case Subject.RPC_RESPONSE:
                # The payload is not looked at here: any text is an answer (1.4).
                self._actor.answer(_parse_id(route), payload)
            case Subject.RPC_REQUEST:
                self._client_call(route, payload)
            case Subject.TELEMETRY:
                return self._telemetry(payload)
            case Subject.ATTRIBUTES:
                values = _checked(payloads.parse_values, _parse_json(payload))
                return self._data.set_client_attributes(self.device_id, values)
            case Subject.ATTRIBUTE_REQUEST:
                self._attribute_request(route, payload)
            case _:
                _parse_json(payload)
        return None

    def _telemetry(self, payload: bytes) -> asyncio.Future[None]:
        now_ms = self._services.settings.now_ms()
        value = _parse_json(payload)
        points = _checked(lambda given: payloads.parse_telemetry(given, now_ms), value)
        return self._data.add_points(self.device_id, points)

    def _attribute_request(self, route: Route, payload: bytes) -> None:
        request_id = _parse_id(route)
        request = _parse_json(payload)
        if not isinstance(request, dict):
            raise MalformedPayloadError("an attribute request is an object")
        if request_id < 0:
            return  # ThingsBoard answers ids from 0 on only (1.8)
        keys = [_keys(request, name) for name in ("clientKeys", "sharedKeys")]
        answer = json_text.dump(self._data.for_device(self.device_id, *keys)).encode()
        base = topics.ATTRIBUTE_REQUESTS[route.base]
        # Not from within: the PUBACK of the request goes out before its answer.
        loop = asyncio.get_running_loop()
        loop.call_soon(self._publish, f"{base}{request_id}", f"{base}+", answer)

    def _client_call(self, route: Route, payload: bytes) -> None:
        request_id = _parse_id(route, closes=True)
        request = _parse_json(payload)
        method = request.get("method") if isinstance(request, dict) else None
        if not isinstance(method, str):
            raise MalformedPayloadError("a client-side call without a method", closes=True)
        self._reply_base = route.family.response
        if method == SESSION_LIMITS and route.family is topics.V1:
            limits = json_text.dump(self._session_limits()).encode()
            # Not from within: the PUBACK of the call goes out before its answer.
            asyncio.get_running_loop().call_soon(self._reply, request_id, limits)
            return
        self._services.rules.client_call(
            self._actor.device_id,
            method,
            request.get("params"),
            request_id,
            lambda answer: self._reply(request_id, answer),
        )

    def _reply(self, request_id: int, payload: bytes) -> None:
        base = self._reply_base
        self._publish(f"{base}{request_id}", f"{base}+", payload)

    def _session_limits(self) -> dict[str, Json]:
        return {
            "maxPayloadSize": self._services.settings.max_payload_bytes,
            "maxInflightMessages": self._services.settings.max_inflight_messages,
            "rateLimits": {
                "messages": None,
                "telemetryMessages": None,
                "telemetryDataPoints": None,
            },
        }


def _parse_id(route: Route, *, closes: bool = False) -> int:
    try:
        return parse_id(route.tail)
    except ValueError as error:
        raise MalformedPayloadError(f"topic {route.base}: {error}", closes=closes) from error


def _parse_json(payload: bytes) -> Json:
    try:
        return json_text.parse(payload)
    except ValueError as error:
        raise MalformedPayloadError("the payload is not JSON") from error


def _checked(parse: Callable[[Json], Parsed], value: Json) -> Parsed:
    try:
        return parse(value)
    except ValueError as error:
        raise MalformedPayloadError(str(error)) from error


def _keys(request: dict[str, Json], name: str) -> list[str]:
    keys = request.get(name)
    if keys is not None and not isinstance(keys, str):
        raise MalformedPayloadError(f"{name} is not a text")
    return payloads.split_keys(keys)
