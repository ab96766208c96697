"""Packet identifiers of one connection, and the watch for the PUBACKs of commands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LAST_PACKET_ID = 65_535


class Inflight:
    """Publishes of the server that a client has not acknowledged.

    ThingsBoard's counter does not wrap, so that acknowledgements are lost after 65,535
    downlinks in one session (1.2); ours wraps and skips what is in use.
    """

    def __init__(self) -> None:
        self._last = 0
        self._watched: dict[int, tuple[int, asyncio.TimerHandle]] = {}

    def next_packet_id(self) -> int:
        """Return an identifier that no watched publish uses."""
        while True:
            self._last = self._last % LAST_PACKET_ID + 1
            if self._last not in self._watched:
                return self._last

    def watch(
        self, packet_id: int, request_id: int, wait_s: float, expired: Callable[[int], None]
    ) -> None:
        """Call ``expired(request_id)`` unless the PUBACK comes within ``wait_s`` seconds."""

        def give_up() -> None:
            del self._watched[packet_id]
            expired(request_id)

        timer = asyncio.get_running_loop().call_later(wait_s, give_up)
        self._watched[packet_id] = (request_id, timer)

    def acknowledge(self, packet_id: int) -> int | None:
        """Take a PUBACK and return the request id of its command; None if it is no command's."""
        watched = self._watched.pop(packet_id, None)
        if watched is None:
            return None
        watched[1].cancel()
        return watched[0]

    def clear(self) -> None:
        """Forget every watch without a report."""
        for _, timer in self._watched.values():
            timer.cancel()
        self._watched.clear()
