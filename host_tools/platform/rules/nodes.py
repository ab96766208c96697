"""The nodes that rules act with; they are called in the rules' threads and work in the loop."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine
from typing import Any, TypeVar

from host_tools import json_text
from host_tools.json_text import Json
from host_tools.platform.api_errors import ApiError, parse_uuid
from host_tools.platform.rpc_calls import RpcCalls
from host_tools.platform.rpc_request import RpcRequest
from host_tools.platform.rules.engine import RuleEngine
from host_tools.platform.rules.message import Message, NodeError
from host_tools.platform.services import Services
from host_tools.platform.storage import telemetry
from host_tools.rpc import Finish, Outcome

Result = TypeVar("Result")

MAX_ANSWER_BYTES = 1 << 20
"""How much of another server's answer is read."""

FAILURES = {Outcome.NO_ANSWER: "TIMEOUT", Outcome.NOT_CONNECTED: "NO_ACTIVE_CONNECTION"}


class PlatformNodes:
    """The nodes of one platform; ``message.Nodes`` says what each does.

    Args:
        services: The platform's parts.
        engine: Where replies go.
        loop: The platform's event loop.
    """

    def __init__(
        self, services: Services, engine: RuleEngine, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._services = services
        self._engine = engine
        self._loop = loop
        self._calls = RpcCalls(services)

    def rpc_call_reply(self, message: Message) -> None:
        """Answer a device's call with the data of a message."""
        missing = {"requestId", "serviceId", "sessionId"} - set(message.metadata)
        if missing:
            raise NodeError({"error": f"{sorted(missing)[0]} is not present in the metadata!"})
        try:
            answer = json_text.dump(message.data).encode()
        except (TypeError, ValueError) as error:
            raise NodeError({"error": f"The answer is not JSON: {error}"}) from error
        session_id = message.metadata["sessionId"]
        if not self._in_loop(self._reply(session_id, answer)):
            raise NodeError({"error": "The device does not wait for an answer any more"})

    def rpc_call_request(self, message: Message, timeout_s: float = 60) -> Message:
        """Call the originator and return the message with its answer."""
        try:
            request = self._request(message, timeout_s)
            finish = self._in_loop(self._call(message.originator, request))
        except ApiError as error:
            raise NodeError({"error": error.message}) from error
        except TimeoutError as error:
            raise NodeError({"error": "TIMEOUT"}) from error
        return message.with_data(_answer(finish))

    def rest_api_call(
        self, method: str, url: str, body: Json = None, timeout_s: float = 10
    ) -> Json:
        """Send a request to another server and return the JSON of its answer."""
        import httpx

        try:
            with httpx.stream(method, url, json=body, timeout=timeout_s) as response:
                content = bytearray()
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > MAX_ANSWER_BYTES:
                        raise NodeError({"error": "The answer is too large"})
        except httpx.HTTPError as error:
            raise NodeError({"error": f"{type(error).__name__}: {error}"}) from error
        if not response.is_success:
            raise NodeError({"error": f"HTTP status {response.status_code}"})
        try:
            return json_text.parse(bytes(content)) if content else None
        except ValueError as error:
            raise NodeError({"error": f"The answer is not JSON: {error}"}) from error

    def webhook(self, url: str, message: Message) -> None:
        """Post a message as JSON to another server."""
        try:
            self.rest_api_call("POST", url, dataclasses.asdict(message))
        except NodeError as error:
            if "not JSON" not in str(error.data):  # what a webhook answers does not matter
                raise

    def device_id(self, name: str) -> str:
        """Return the id of a device."""
        device = self._services.devices.by_name(name)
        if device is None:
            raise NodeError({"error": f"There is no device {name}"})
        return device.id

    def attribute(self, device_id: str, scope: str, key: str) -> Json:
        """Return an attribute of a device, or None."""
        found = self._services.database.read(
            lambda c: telemetry.get_attributes(c, device_id, (scope,), (key,))
        )
        return found[0].value if found else None

    def now_ms(self) -> int:
        """Return the time in epoch milliseconds."""
        return self._services.settings.now_ms()

    async def _reply(self, session_id: str, answer: bytes) -> bool:
        return self._engine.reply(session_id, answer)

    async def _call(self, device_id: str, request: RpcRequest) -> Finish:
        if self._services.devices.by_id(device_id) is None:
            raise NodeError({"error": "Message originator is not a device entity!"})
        left_s = (request.expires_at_ms - self.now_ms()) / 1_000
        return await self._calls.call(device_id, request, hold_s=max(0.0, left_s) + 1)

    def _request(self, message: Message, timeout_s: float) -> RpcRequest:
        data, metadata = message.data, message.metadata
        for key in ("method", "params"):
            if not isinstance(data, dict) or key not in data:
                raise NodeError({"error": f"{key.capitalize()} is not present in the message!"})
        expires_at_ms = self.now_ms() + round(timeout_s * 1_000)
        retries = metadata.get("retries")
        rpc_id = metadata.get("requestUUID")
        return RpcRequest(
            method=str(data["method"]),
            params=_params(data["params"]),
            one_way=metadata.get("oneway") == "true",
            expires_at_ms=int(metadata.get("expirationTime", expires_at_ms)),
            persistent=metadata.get("persistent") == "true",
            retries=None if retries is None else int(retries),
            rpc_id=None if rpc_id is None else parse_uuid(rpc_id),
        )

    def _in_loop(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run something in the platform's loop and wait for it in the rule's thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _params(params: Json) -> str:
    """Return params as JSON text; a text is taken to be JSON already, as ThingsBoard does (6.2)."""
    if isinstance(params, str):
        if not json_text.is_json(params):
            raise NodeError({"result": "INVALID_ARGUMENTS", "error": "params is not JSON"})
        return params
    return json_text.dump(params)


def _answer(finish: Finish) -> Json:
    if finish.outcome in FAILURES:
        raise NodeError({"error": FAILURES[finish.outcome]})
    if not finish.payload:
        return {}
    try:
        return json_text.parse(finish.payload)
    except ValueError as error:
        raise NodeError({"error": "The answer is not JSON"}) from error
