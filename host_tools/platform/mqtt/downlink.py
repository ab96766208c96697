"""What the platform publishes to a device: which topics, which QoS, and how much at once (1.2)."""

from __future__ import annotations

from collections.abc import Callable

from host_tools import json_text
from host_tools.json_text import Json
from host_tools.mqtt import Connect, Publish, Reason, Subscription
from host_tools.platform.mqtt import topics
from host_tools.platform.mqtt.inflight import LAST_PACKET_ID, Inflight, Watch
from host_tools.platform.settings import Settings
from host_tools.rpc import Command, Delivery

PUBLISH_OVERHEAD_BYTES = 10
"""Fixed header, topic length, packet identifier and property length of a PUBLISH at most."""

UNLIMITED = 1 << 32
"""More than any packet has; stands for a client that set no Maximum Packet Size."""


class Downlink:
    """The subscriptions of one session, and the publishes that go to it.

    Args:
        settings: For the PUBACK timeout and the clock.
        write: Sends a packet.
        report: Tells the engine about a command: ``(request_id, delivery)``.
    """

    def __init__(
        self,
        settings: Settings,
        write: Callable[[Publish], None],
        report: Callable[[int, Delivery], None],
    ) -> None:
        self._settings = settings
        self._write = write
        self._report = report
        self._inflight = Inflight(write)
        self._max_packet_bytes = UNLIMITED
        self._granted: dict[str, int] = {}
        self._command_filters: list[str] = []
        self._attribute_filters: list[str] = []

    def limit(self, connect: Connect) -> None:
        """Heed what an MQTT 5 client says it can take (MQTT 5, 3.1.2.11)."""
        self._inflight.maximum = _limit(connect, "receive_maximum", LAST_PACKET_ID)
        self._max_packet_bytes = _limit(connect, "maximum_packet_size", UNLIMITED)

    @property
    def takes_commands(self) -> bool:
        """Whether a filter for commands is subscribed."""
        return bool(self._command_filters)

    def subscribe(self, subscription: Subscription) -> int:
        """Take a subscription and return its code for SUBACK (1.3)."""
        topic_filter = subscription.topic_filter
        if topic_filter not in topics.FILTERS:
            return Reason.TOPIC_FILTER_INVALID
        self.unsubscribe(topic_filter)
        if topics.rpc_family(topic_filter) is not None:
            self._command_filters.append(topic_filter)
        elif topic_filter in topics.ATTRIBUTES:
            self._attribute_filters.append(topic_filter)
        self._granted[topic_filter] = min(subscription.qos, 1)
        return self._granted[topic_filter]

    def unsubscribe(self, topic_filter: str) -> bool:
        """Forget a subscription; False when there was none."""
        for filters in (self._command_filters, self._attribute_filters):
            if topic_filter in filters:
                filters.remove(topic_filter)
        return self._granted.pop(topic_filter, None) is not None

    def send(self, command: Command) -> Delivery | None:
        """Publish a command on the family that was subscribed last (1.3).

        Returns what happened to it at once; None when it waits for the client's PUBACKs.
        """
        topic_filter = self._command_filters[-1]
        family = topics.rpc_family(topic_filter)
        assert family is not None
        topic = f"{family.request}{command.request_id}"
        text = f'{{"method":{json_text.dump(command.method)},"params":{command.params}}}'
        payload = text.encode()
        if not self._fits(topic, payload):
            return Delivery.TOO_LARGE
        if not self._granted[topic_filter]:
            self._write(Publish(topic, payload))
            return Delivery.DELIVERED
        watch = Watch(
            command.request_id,
            wait_s=lambda: self._wait_s(command),
            sent=lambda request_id: self._report(request_id, Delivery.SENT),
            expired=lambda request_id: self._report(request_id, Delivery.TIMEOUT),
        )
        return Delivery.SENT if self._inflight.publish(topic, payload, watch) else None

    def publish(self, topic: str, topic_filter: str, payload: bytes) -> None:
        """Publish anything but a command, with QoS 1 where nothing was subscribed (1.2)."""
        if not self._fits(topic, payload):
            return
        if self._granted.get(topic_filter, 1):
            self._inflight.publish(topic, payload)
        else:
            self._write(Publish(topic, payload))

    def push_attributes(self, change: dict[str, Json]) -> None:
        """Publish a change of the shared attributes, if the device wants to know."""
        if self._attribute_filters:
            topic = self._attribute_filters[-1]
            self.publish(topic, topic, json_text.dump(change).encode())

    def acknowledge(self, packet_id: int) -> None:
        """Take a PUBACK of the device."""
        request_id = self._inflight.acknowledge(packet_id)
        if request_id is not None:
            self._report(request_id, Delivery.DELIVERED)

    def forget(self) -> None:
        """Let no PUBACK be missed any more."""
        self._inflight.clear()

    def _fits(self, topic: str, payload: bytes) -> bool:
        return len(topic) + len(payload) + PUBLISH_OVERHEAD_BYTES <= self._max_packet_bytes

    def _wait_s(self, command: Command) -> float:
        left_ms = command.expires_at_ms - self._settings.now_ms()
        return max(0, min(self._settings.puback_timeout_ms, left_ms)) / 1_000


def _limit(connect: Connect, name: str, default: int) -> int:
    value = connect.properties.get(name, default)
    return value if isinstance(value, int) else default
