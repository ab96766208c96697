"""A paho client without a network: what it sends is read here, what we send it is handed to it."""

from __future__ import annotations

import socket
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from host_tools.mqtt import ConnAck, Decoder, Packet, Version, encode

PROTOCOLS = {
    Version.V3_1: MQTTProtocolVersion.MQTTv31,
    Version.V3_1_1: MQTTProtocolVersion.MQTTv311,
    Version.V5: MQTTProtocolVersion.MQTTv5,
}


class _Client(paho.Client):
    """paho on one end of a socket pair."""

    pair: socket.socket

    def _create_socket(self) -> socket.socket:
        return self.pair


class PahoPeer:
    """A paho client and the decoder that listens to it."""

    def __init__(self, version: Version, **options: Any) -> None:
        self.version = version
        self.decoder = Decoder(1 << 20)
        self.client = _Client(CallbackAPIVersion.VERSION2, protocol=PROTOCOLS[version], **options)
        self._ours, self.client.pair = socket.socketpair()
        self._ours.settimeout(5)
        self.events: list[tuple[Any, ...]] = []
        for name in ("connect", "subscribe", "unsubscribe", "publish", "message", "disconnect"):
            setattr(self.client, f"on_{name}", self._recorder(name))

    def _recorder(self, name: str) -> Any:
        return lambda _client, _data, *rest: self.events.append((name, *rest))

    def connect(self, **options: Any) -> Packet:
        """Let paho connect and return its CONNECT."""
        self.client.connect("127.0.0.1", **options)
        return self.sent()

    def accept(self, **fields: Any) -> None:
        """Accept the connection."""
        self.give(ConnAck(**fields))

    def sent(self) -> Packet:
        """Return the one packet that paho has sent."""
        packets: list[Packet] = []
        while not packets:
            self.client.loop_write()
            packets = list(self.decoder.feed(self._ours.recv(1 << 20)))
        assert len(packets) == 1
        return packets[0]

    def give(self, packet: Packet) -> None:
        """Hand paho one of our packets."""
        self._ours.sendall(encode(packet, self.version))
        self.client.loop_read()

    def close(self) -> None:
        """Close both ends."""
        self._ours.close()
        self.client.pair.close()
