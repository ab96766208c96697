"""QoS 1 publishes to one client: packet identifiers, the watch for PUBACKs, and flow control."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from host_tools.mqtt import Publish

LAST_PACKET_ID = 65_535


@dataclass(slots=True)
class Watch:
    """The watch for the PUBACK of a command; ``sent`` and ``expired`` get its request id."""

    request_id: int
    wait_s: Callable[[], float]
    sent: Callable[[int], None]
    expired: Callable[[int], None]
    timer: asyncio.TimerHandle | None = None


class Inflight:
    """What was published with QoS 1 and not acknowledged.

    ThingsBoard's identifiers do not wrap, so that acknowledgements are lost after 65,535
    downlinks in one session (1.2); ours wrap and skip what is in use.

    Args:
        write: Sends a packet.
    """

    def __init__(self, write: Callable[[Publish], None]) -> None:
        self._write = write
        self._last = 0
        self._open: dict[int, Watch | None] = {}
        self._held: deque[tuple[str, bytes, Watch | None]] = deque()
        self.maximum = LAST_PACKET_ID
        """How many a client takes at once: its Receive Maximum (MQTT 5, 4.9)."""

    def publish(self, topic: str, payload: bytes, watch: Watch | None = None) -> bool:
        """Publish now, or as soon as the client has acknowledged enough; tells which."""
        if len(self._open) >= self.maximum:
            self._held.append((topic, payload, watch))
            return False
        self._send(topic, payload, watch)
        return True

    def acknowledge(self, packet_id: int) -> int | None:
        """Take a PUBACK and return the request id of its command; None if it is no command's."""
        watch = self._open.pop(packet_id, None)
        if self._held and len(self._open) < self.maximum:
            topic, payload, held = self._held.popleft()
            self._send(topic, payload, held)
            if held is not None:
                held.sent(held.request_id)
        if watch is None:
            return None
        if watch.timer is not None:
            watch.timer.cancel()
        return watch.request_id

    def clear(self) -> None:
        """Forget everything without a report."""
        for watch in self._open.values():
            if watch is not None and watch.timer is not None:
                watch.timer.cancel()
        self._open.clear()
        self._held.clear()

    def _send(self, topic: str, payload: bytes, watch: Watch | None) -> None:
        packet_id = self._next_packet_id()
        self._open[packet_id] = watch
        self._write(Publish(topic, payload, 1, packet_id))
        if watch is not None:
            loop = asyncio.get_running_loop()
            watch.timer = loop.call_later(watch.wait_s(), self._give_up, packet_id)

    def _give_up(self, packet_id: int) -> None:
        """Report a missing PUBACK; the identifier stays in use, as the client may still answer."""
        watch = self._open.get(packet_id)
        if watch is not None:
            self._open[packet_id] = None
            watch.expired(watch.request_id)

    def _next_packet_id(self) -> int:
        while True:
            self._last = self._last % LAST_PACKET_ID + 1
            if self._last not in self._open:
                return self._last
