"""The thin shell of an MQTT connection: bytes in, packets to the session, packets out as bytes."""

from __future__ import annotations

import asyncio
from typing import cast

from host_tools.mqtt import Decoder, MqttError, Packet, Version, encode
from host_tools.platform.mqtt.faulty import FaultyLink
from host_tools.platform.mqtt.session import DeviceSession
from host_tools.platform.services import Services

MAX_UNSENT_BYTES = 1 << 20
"""What a client that does not read may leave unsent before its connection is dropped."""


class Connection(asyncio.Protocol):
    """One TCP connection of a device.

    Args:
        services: What the sessions of devices work with.
        open_connections: This connection is a member from its beginning to its end.
    """

    def __init__(self, services: Services, open_connections: set[Connection]) -> None:
        self._decoder = Decoder(services.settings.max_payload_bytes)
        self._faulty: FaultyLink | None = None
        if services.faults.enabled:
            lookup = services.devices.credentials_by_key
            self._faulty = FaultyLink(self, services.faults, lookup)
        self._session = DeviceSession(services, self._faulty or self)
        self._open_connections = open_connections
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the session."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=MAX_UNSENT_BYTES)
        self._open_connections.add(self)
        self._session.begin()

    def data_received(self, data: bytes) -> None:
        """Hand complete packets to the session until one of them ends it."""
        try:
            for packet in self._decoder.feed(data):
                if self._transport is None:
                    return
                self._receive(packet)
        except MqttError as error:
            if self._transport is not None:
                self._session.broken(error)

    def _receive(self, packet: Packet) -> None:
        if self._faulty is None:
            self._session.receive(packet)
        elif (passed := self._faulty.incoming(packet)) is not None:
            self._session.receive(passed)
        else:
            self._cut()

    def pause_writing(self) -> None:
        """Drop a client that lets more than the limit pile up: waiting would only cost memory."""
        self._cut()

    def _cut(self) -> None:
        """Drop the connection at once, with what was not sent."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the session."""
        self._transport = None
        self._open_connections.discard(self)
        self._session.lost()

    def write(self, packet: Packet) -> None:
        """Send a packet, if the connection is still there."""
        if self._transport is not None:
            version = self._decoder.version or Version.V3_1_1
            self._transport.write(encode(packet, version))

    def close(self) -> None:
        """Send what was written and close; what still arrives is not read."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def pause_reading(self, paused: bool) -> None:
        """Stop to read from the client, or go on: TCP makes it wait."""
        if self._transport is None:
            return
        if paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
