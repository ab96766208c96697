"""Bytes of a client to packets: incremental, strict, and bounded in memory.

The decoder cuts the stream into frames and hands each body to ``host_tools.mqtt.bodies``. The
length is judged before the body is kept, so that an announced giant is refused, not collected.
"""

from __future__ import annotations

from collections.abc import Iterator

from host_tools.mqtt import bodies
from host_tools.mqtt.errors import MqttError, malformed, protocol_error
from host_tools.mqtt.packets import Connect, Packet, PacketType, Reason, Version


class Decoder:
    """Decodes what one client sends over one connection.

    Args:
        max_packet_bytes: The largest remaining length that is accepted.
    """

    def __init__(self, max_packet_bytes: int) -> None:
        self._max_packet_bytes = max_packet_bytes
        self._buffer = bytearray()
        self.version: Version | None = None
        """The version of the CONNECT that was decoded; None before it."""

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Yield the packets that ``data`` completes, lazily and in order.

        At most one incomplete packet stays in memory. Raises MqttError at the first packet that
        is wrong, after those before it were yielded; the decoder must not be fed again then.
        """
        self._buffer += data
        while (frame := self._next_frame()) is not None:
            yield self._decode(*frame)

    def _next_frame(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if self.version is None and buffer and buffer[0] >> 4 != PacketType.CONNECT:
            raise protocol_error("the first packet is not CONNECT")
        length = 0
        for index in range(1, 5):
            if index >= len(buffer):
                return None
            byte = buffer[index]
            length |= (byte & 0x7F) << 7 * (index - 1)
            if byte < 0x80:
                break
        else:
            raise malformed("remaining length is longer than four bytes")
        if byte == 0 and index > 1:
            raise malformed("remaining length is not in its shortest form")
        if length > self._max_packet_bytes:
            message = f"a packet of {length} bytes; the limit is {self._max_packet_bytes}"
            raise MqttError(Reason.PACKET_TOO_LARGE, message)
        end = index + 1 + length
        if len(buffer) < end:
            return None
        first = buffer[0]
        body = bytes(buffer[index + 1 : end])
        del buffer[:end]
        return first, body

    def _decode(self, first: int, body: bytes) -> Packet:
        kind, flags = first >> 4, first & 0x0F
        if self.version is None:
            connect: Connect = bodies.connect(flags, body)
            self.version = connect.version
            return connect
        if kind == PacketType.CONNECT:
            raise protocol_error("a second CONNECT")
        return bodies.decode(kind, flags, body, self.version)
