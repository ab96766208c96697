"""ASGI's types, and the reading of a request's body with a limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from host_tools.platform.api_errors import ApiError, ErrorCode

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class ClientGoneError(Exception):
    """The caller closed the connection before its request was complete."""


async def read_body(receive: Receive, limit: int) -> bytes:
    """Read a request's body; raises ApiError 413 above ``limit`` bytes, or ClientGoneError."""
    content = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        content += message.get("body", b"")
        if len(content) > limit:
            raise ApiError(413, ErrorCode.BAD_REQUEST, f"The body is above {limit} bytes")
        if not message.get("more_body"):
            return bytes(content)
