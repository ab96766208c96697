"""A bare MQTT client for tests: it sends exactly the bytes it is told and shows what comes back.

Written apart from ``host_tools.mqtt``, so that the platform's codec is not tested with itself.
"""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from types import TracebackType

TIMEOUT_S = 70.0 if os.environ.get("WAKECALL_CONTRACT_URL") else 10.0
"""A foreign server answers a call of a device after 60 s at the latest."""


@dataclass(frozen=True)
class Received:
    """A packet from the server."""

    kind: int
    flags: int
    body: bytes


@dataclass(frozen=True)
class Message:
    """A PUBLISH from the server."""

    topic: str
    payload: bytes
    qos: int
    packet_id: int | None


def text(value: str) -> bytes:
    """Encode a text with its length."""
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def frame(first: int, body: bytes) -> bytes:
    """Put a fixed header before a body."""
    length, digits = len(body), bytearray()
    while True:
        length, low = divmod(length, 128)
        digits.append(low | (128 if length else 0))
        if not length:
            return bytes([first]) + bytes(digits) + body


class RawMqtt:
    """One connection; a context manager."""

    def __init__(self, host: str, port: int, version: int = 4) -> None:
        self.version = version
        self._socket = socket.create_connection((host, port), timeout=TIMEOUT_S)
        self._next_id = 0

    def __enter__(self) -> RawMqtt:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._socket.sendall(data)

    def connect(
        self,
        user: str | None,
        password: str | None = None,
        client_id: str = "",
        clean: bool = True,
    ) -> tuple[int, int]:
        """Send CONNECT and return session-present and the return code."""
        flags = (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
        flags |= 2 if clean else 0
        name = "MQIsdp" if self.version == 3 else "MQTT"
        body = text(name) + bytes([self.version, flags, 0, 60]) + self._no_properties()
        body += text(client_id)
        body += b"".join(text(value) for value in (user, password) if value is not None)
        self.send(frame(0x10, body))
        answer = self.receive()
        assert answer.kind == 2, answer
        return answer.body[0], answer.body[1]

    def subscribe(self, *filters: str, qos: int = 1) -> list[int]:
        """Subscribe and return the codes."""
        identifier = self._identifier()
        entries = b"".join(text(name) + bytes([qos]) for name in filters)
        self.send(frame(0x82, identifier + self._no_properties() + entries))
        answer = self.receive()
        assert answer.kind == 9, answer
        assert answer.body[:2] == identifier
        return list(answer.body[2 + len(self._no_properties()) :])

    def unsubscribe(self, *filters: str) -> list[int]:
        """Unsubscribe and return the codes, of which older versions have none."""
        identifier = self._identifier()
        body = identifier + self._no_properties() + b"".join(text(name) for name in filters)
        self.send(frame(0xA2, body))
        answer = self.receive()
        assert answer.kind == 11, answer
        return list(answer.body[2 + len(self._no_properties()) :])

    def publish(self, topic: str, payload: bytes | str, qos: int = 1) -> bytes:
        """Send a PUBLISH and return its packet identifier (empty with QoS 0)."""
        identifier = self._identifier() if qos else b""
        data = payload.encode() if isinstance(payload, str) else payload
        self.send(frame(0x30 | qos << 1, text(topic) + identifier + self._no_properties() + data))
        return identifier

    def publish_acknowledged(self, topic: str, payload: bytes | str) -> int:
        """Publish with QoS 1 and return the reason of its PUBACK (0 before MQTT 5)."""
        identifier = self.publish(topic, payload)
        answer = self.receive()
        assert (answer.kind, answer.body[:2]) == (4, identifier), answer
        return answer.body[2] if len(answer.body) > 2 else 0

    def message(self) -> Message:
        """Wait for a PUBLISH of the server."""
        packet = self.receive()
        assert packet.kind == 3, packet
        qos = packet.flags >> 1 & 3
        length = int.from_bytes(packet.body[:2], "big")
        topic, rest = packet.body[2 : 2 + length].decode(), packet.body[2 + length :]
        packet_id = None
        if qos:
            packet_id, rest = int.from_bytes(rest[:2], "big"), rest[2:]
        if self.version == 5:
            assert rest[0] == 0, "the server sent properties"
            rest = rest[1:]
        return Message(topic, rest, qos, packet_id)

    def puback(self, packet_id: int | None) -> None:
        """Acknowledge a PUBLISH of the server."""
        assert packet_id is not None
        self.send(frame(0x40, packet_id.to_bytes(2, "big")))

    def ping(self) -> None:
        """Check that the connection lives."""
        self.send(b"\xc0\x00")
        assert self.receive().kind == 13

    def disconnect(self) -> None:
        """Send DISCONNECT."""
        self.send(b"\xe0\x00")

    def receive(self) -> Received:
        """Wait for the next packet; raises EOFError when the server closes."""
        first = self._take(1)[0]
        length = shift = 0
        while True:
            digit = self._take(1)[0]
            length |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                break
        return Received(first >> 4, first & 15, self._take(length))

    def is_closed(self) -> bool:
        """Wait until the server closes; anything else that it sends is a failure."""
        try:
            packet = self.receive()
        except (EOFError, ConnectionError):
            return True
        raise AssertionError(f"the server sent {packet} instead of closing")

    def _take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                part = self._socket.recv(count - len(data))
            except ConnectionError:
                part = b""
            if not part:
                raise EOFError("the server closed the connection")
            data += part
        return data

    def _identifier(self) -> bytes:
        self._next_id += 1
        return self._next_id.to_bytes(2, "big")

    def _no_properties(self) -> bytes:
        return b"\0" if self.version == 5 else b""
