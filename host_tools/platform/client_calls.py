"""Calls that devices make to the platform (``thingsboard-rpc.md`` 1.7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from host_tools.json_text import Json
from host_tools.platform.settings import Settings

Reply = Callable[[bytes], None]

TIMEOUT_ANSWER = b'{"error":"timeout"}'


class ClientCalls:
    """Answers client-side calls.

    Args:
        settings: For the clock and the timeout.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def handle(self, device_id: str, method: str, params: Json, reply: Reply) -> None:
        """Answer a call now or, when nobody knows the method, with an error after the timeout."""
        loop = asyncio.get_running_loop()
        if method == "getCurrentTime":
            # Not from within: the PUBACK of the call goes out before its answer.
            loop.call_soon(reply, str(self._settings.now_ms()).encode())
        else:
            wait_s = self._settings.client_rpc_timeout_ms / 1_000
            loop.call_later(wait_s, reply, TIMEOUT_ANSWER)
