"""MQTT packets on their way in: bytes as they come, whole packets as they are complete. Pure.

A packet above the limit is never gathered: what tells which message it was is kept, the rest is
counted off, and the stream goes on behind it. Skipping less, or parsing the rest as packets, would
let a payload smuggle commands (reference/environment.md 4).
"""

from micropython import const

from wakecall.errors import LinkError

_LONGEST_LENGTH = const(4)
#: How much of a packet that is too large is kept: enough for topic and packet id.
BEGINNING = const(128)


class PacketReader:
    """Cuts a byte stream into packets.

    Args:
        limit: The largest packet body in bytes that is gathered whole.
    """

    def __init__(self, limit):
        self._limit = limit
        self._header = b""
        self._body = None
        self._filled = 0
        self._to_skip = 0
        self._length = 0

    def feed(self, data):
        """Return the packets that these bytes complete, each as ``(first_byte, body, length)``.

        Args:
            data: The next bytes of the stream.

        Returns:
            ``body`` is shorter than ``length`` for a packet above the limit: its beginning only.

        Raises:
            LinkError: The bytes are no MQTT packet.
        """
        packets = []
        start = 0
        while start < len(data):
            if self._to_skip:
                skipped = min(self._to_skip, len(data) - start)
                self._to_skip -= skipped
                start += skipped
            elif self._body is None:
                start = self._read_header(data, start)
            else:
                start = self._fill(data, start)
            if self._body is not None and self._filled == len(self._body):
                packets.append((self._header[0], self._body, self._length))
                self._to_skip = self._length - len(self._body)
                self._header = b""
                self._body = None
        return packets

    def _read_header(self, data, start):
        """Take a byte of the header; at its last one prepare the body of the announced length."""
        self._header += data[start : start + 1]
        count = len(self._header) - 1
        if count and not self._header[count] & 0x80:
            self._length = 0
            for index in range(count):
                self._length |= (self._header[index + 1] & 0x7F) << 7 * index
            self._body = self._room()
            self._filled = 0
        elif count == _LONGEST_LENGTH:
            raise LinkError("the server sent bytes that are no MQTT packet")
        return start + 1

    def _room(self):
        # One allocation of the right size: joining parts would leave the heap in splinters.
        if self._length <= self._limit:
            try:
                return bytearray(self._length)
            except MemoryError:
                pass
        return bytearray(min(self._length, BEGINNING))

    def _fill(self, data, start):
        end = min(start + len(self._body) - self._filled, len(data))
        filled = self._filled + end - start
        self._body[self._filled : filled] = data[start:end]
        self._filled = filled
        return end


def publish_parts(first_byte, body):
    """Return ``(topic, packet_id, payload)`` of a PUBLISH; the packet id is None for QoS 0.

    Raises:
        LinkError: It is cut short, or asks for QoS 2, which nobody here subscribes to.
    """
    qos = first_byte >> 1 & 3
    if qos > 1:
        raise LinkError("the server sent a PUBLISH with QoS %d" % qos)
    topic_end = 2 + (body[0] << 8 | body[1]) if len(body) >= 2 else 2
    payload_start = topic_end + 2 * qos
    if len(body) < payload_start:
        raise LinkError("the server sent a PUBLISH that is cut short")
    packet_id = body[topic_end] << 8 | body[topic_end + 1] if qos else None
    return bytes(body[2:topic_end]), packet_id, bytes(body[payload_start:])
