"""MQTT packets on their way in: bytes as they come, whole packets as they are complete. Pure.

A packet above the limit is never gathered: what tells which message it was is kept, the rest is
counted off, and the stream goes on behind it. Skipping less, or parsing the rest as packets, would
let a payload smuggle commands (reference/environment.md 4).
"""

from micropython import const

from wakecall.errors import LinkError

_PUBLISH = const(0x30)
_LONGEST_LENGTH = const(4)
#: As much of a topic as is ever looked at; none of ours is as long.
_TOPIC_LIMIT = const(64)


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
        self._length = 0
        #: Bytes to leave out before the next that are taken.
        self._to_skip = 0
        #: Where the packet id of a PUBLISH begins that is not gathered; None before it is known.
        self._id_at = None

    def feed(self, data):
        """Return the packets that these bytes complete, each as ``(first_byte, body, length)``.

        Args:
            data: The next bytes of the stream.

        Returns:
            ``body`` is shorter than ``length`` for a PUBLISH above the limit: as much of its topic
            as tells whether it is a command, and its packet id.

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
                continue
            if self._body is None:
                start = self._read_header(data, start)
            else:
                start = self._fill(data, start)
            if self._body is not None and self._filled == len(self._body) and self._is_enough():
                packets.append((self._header[0], self._body, self._length))
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
        if self._header[0] & 0xF0 != _PUBLISH:
            raise LinkError("the server sent a packet of %d bytes" % self._length)
        self._id_at = None
        return bytearray(2)

    def _fill(self, data, start):
        end = min(start + len(self._body) - self._filled, len(data))
        filled = self._filled + end - start
        self._body[self._filled : filled] = data[start:end]
        self._filled = filled
        return end

    def _is_enough(self):
        """Return whether nothing more of the packet is taken; else make room for the next part.

        Of a PUBLISH that is not gathered these are: the length of its topic, the topic's beginning,
        and the packet id behind the topic.
        """
        body = self._body
        if len(body) == self._length:
            return True
        if self._id_at is None:
            topic_length = body[0] << 8 | body[1]
            self._id_at = 2 + topic_length
            if self._id_at + 2 > self._length:
                raise LinkError("the server sent a PUBLISH that is cut short")
            kept = min(topic_length, _TOPIC_LIMIT)
            body[0] = 0
            body[1] = kept
            body.extend(bytes(kept))
            if kept:
                return False
        if len(body) == 2 + body[1]:
            self._to_skip = self._id_at - len(body)
            body.extend(b"\x00\x00")
            return False
        self._to_skip = self._length - self._id_at - 2
        return True


def publish_parts(first_byte, body):
    """Return ``(topic, packet_id, payload)`` of a PUBLISH; the packet id is None for QoS 0.

    Of a longer topic only the beginning is returned. The payload is what is left of the body, so
    that a large one needs no room twice.

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
    topic = bytes(body[2 : min(topic_end, 2 + _TOPIC_LIMIT)])
    body[:payload_start] = b""
    return topic, packet_id, body
