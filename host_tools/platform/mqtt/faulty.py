"""A link that makes the faults which were asked for, between a connection and its session."""

from __future__ import annotations

import asyncio
import dataclasses

from host_tools.mqtt import (
    Acknowledgement,
    Connect,
    Packet,
    PacketType,
    Publish,
    SubAck,
    Subscribe,
)
from host_tools.platform.faults import FaultPlan, Faults
from host_tools.platform.mqtt.login import Lookup
from host_tools.platform.mqtt.session import Link
from host_tools.platform.mqtt.topics import FAMILIES

COMMANDS = tuple(family.request for family in FAMILIES)


class FaultyLink:
    """Passes packets on, but for the faults of their device.

    Args:
        link: The real way to the client.
        plan: Who suffers what.
        lookup: Finds out which device it is.
    """

    def __init__(self, link: Link, plan: FaultPlan, lookup: Lookup) -> None:
        self._link = link
        self._plan = plan
        self._lookup = lookup
        self._device_id: str | None = None
        self._received = 0

    @property
    def _faults(self) -> Faults:
        return self._plan.of(self._device_id)

    def incoming(self, packet: Packet) -> Packet | None:
        """Return what the session gets of a packet; None cuts the connection."""
        if isinstance(packet, Connect):
            found = self._lookup(packet.user_name or "")
            self._device_id = found.device_id if found else None
        self._received += 1
        limit = self._faults.close_after_packets
        if limit and self._received > limit:
            return None
        if isinstance(packet, Subscribe) and self._faults.downgrade_qos:
            lower = tuple(dataclasses.replace(entry, qos=0) for entry in packet.subscriptions)
            return dataclasses.replace(packet, subscriptions=lower)
        return packet

    def write(self, packet: Packet) -> None:
        """Send a packet, or not, or late, or twice."""
        if isinstance(packet, Acknowledgement) and packet.kind is PacketType.PUBACK:
            if self._faults.take_puback():
                self._link.write(packet)
        elif isinstance(packet, SubAck) and self._faults.delay_suback_ms:
            delay_s = self._faults.delay_suback_ms / 1_000
            asyncio.get_running_loop().call_later(delay_s, self._link.write, packet)
        else:
            self._link.write(packet)
            if isinstance(packet, Publish) and packet.topic.startswith(COMMANDS):
                self._duplicate(packet)

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def pause_reading(self, paused: bool) -> None:
        """Stop to read from the client, or go on."""
        self._link.pause_reading(paused)

    def _duplicate(self, command: Publish) -> None:
        if self._faults.duplicate_commands:
            again = dataclasses.replace(command, duplicate=command.qos > 0)
            self._link.write(again)
