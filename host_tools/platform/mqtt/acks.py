"""PUBACKs in the order of their PUBLISHes, each when its message is stored (MQTT 5, 4.6)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

MAX_UNSTORED = 200
"""Messages of one connection that wait for the disk before we stop to read from it."""


class Acks:
    """The publishes of one connection that are not acknowledged yet.

    Args:
        acknowledge: Sends a PUBACK: ``(packet_id, reason)``.
        failed: Is called when a message could not be stored.
        pause: Is told True when too much waits for the disk, False when it is fine again.
    """

    def __init__(
        self,
        acknowledge: Callable[[int, int], None],
        failed: Callable[[], None],
        pause: Callable[[bool], None],
    ) -> None:
        self._acknowledge = acknowledge
        self._failed = failed
        self._pause = pause
        self._waiting: deque[_Entry] = deque()
        self._paused = False

    def add(
        self, packet_id: int | None, reason: int, stored: asyncio.Future[Any] | None = None
    ) -> None:
        """Acknowledge a PUBLISH once it is stored and all before it are acknowledged.

        Args:
            packet_id: None with QoS 0, which is only counted.
            reason: The code of the PUBACK.
            stored: Done when the message is durable; None when it is already.
        """
        if stored is None and not self._waiting:
            if packet_id is not None:
                self._acknowledge(packet_id, reason)
            return
        self._waiting.append(_Entry(packet_id, reason, stored))
        if stored is not None:
            stored.add_done_callback(self._flush)
        if len(self._waiting) > MAX_UNSTORED and not self._paused:
            self._paused = True
            self._pause(True)

    def clear(self) -> None:
        """Forget what waits: the connection is gone."""
        self._waiting.clear()

    def _flush(self, _: asyncio.Future[Any]) -> None:
        while self._waiting and self._waiting[0].is_done():
            entry = self._waiting.popleft()
            if entry.has_failed():
                self._waiting.clear()
                self._failed()
                return
            if entry.packet_id is not None:
                self._acknowledge(entry.packet_id, entry.reason)
        if self._paused and len(self._waiting) < MAX_UNSTORED // 2:
            self._paused = False
            self._pause(False)


class _Entry:
    """One publish that waits."""

    __slots__ = ("packet_id", "reason", "stored")

    def __init__(
        self, packet_id: int | None, reason: int, stored: asyncio.Future[Any] | None
    ) -> None:
        self.packet_id = packet_id
        self.reason = reason
        self.stored = stored

    def is_done(self) -> bool:
        return self.stored is None or self.stored.done()

    def has_failed(self) -> bool:
        return self.stored is not None and (
            self.stored.cancelled() or self.stored.exception() is not None
        )
