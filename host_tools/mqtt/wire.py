"""The field types of MQTT: integers, text, binary data and the variable byte integer."""

from __future__ import annotations

from host_tools.mqtt.errors import malformed

MAX_VARIABLE_INTEGER = 268_435_455
"""The largest value that four bytes of seven bits hold (MQTT 5, 1.5.5)."""


class Reader:
    """Reads fields from the body of one packet and refuses to read past its end."""

    __slots__ = ("_body", "_position")

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._position = 0

    @property
    def remaining(self) -> int:
        """Bytes that were not read yet."""
        return len(self._body) - self._position

    def take(self, count: int) -> bytes:
        """Read exactly ``count`` bytes; raises MqttError when fewer are left."""
        end = self._position + count
        if end > len(self._body):
            raise malformed("a field is longer than its packet")
        taken = self._body[self._position : end]
        self._position = end
        return taken

    def rest(self) -> bytes:
        """Read all that is left."""
        return self.take(self.remaining)

    def byte(self) -> int:
        """Read one byte."""
        return self.take(1)[0]

    def integer(self, width: int) -> int:
        """Read a big-endian integer of ``width`` bytes."""
        return int.from_bytes(self.take(width), "big")

    def packet_id(self) -> int:
        """Read a packet identifier, which is never 0 (MQTT 5, 2.2.1)."""
        identifier = self.integer(2)
        if identifier == 0:
            raise malformed("packet identifier 0")
        return identifier

    def binary(self) -> bytes:
        """Read binary data with its two-byte length."""
        return self.take(self.integer(2))

    def text(self) -> str:
        """Read an UTF-8 string; U+0000 and surrogates are refused (MQTT 5, 1.5.4)."""
        try:
            text = self.binary().decode("utf-8")
        except UnicodeDecodeError as error:
            raise malformed("text is not UTF-8") from error
        if "\0" in text:
            raise malformed("text holds U+0000")
        return text

    def variable_integer(self) -> int:
        """Read a variable byte integer of at most four bytes, in its shortest form."""
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if byte == 0 and shift:
                    raise malformed("variable byte integer is not in its shortest form")
                return value
        raise malformed("variable byte integer is longer than four bytes")

    def end(self) -> None:
        """Check that the whole body was read."""
        if self.remaining:
            raise malformed(f"{self.remaining} bytes follow the end of a packet")


def variable_integer(value: int) -> bytes:
    """Encode a variable byte integer.

    Args:
        value: 0 to ``MAX_VARIABLE_INTEGER``; anything else is a ValueError.
    """
    if not 0 <= value <= MAX_VARIABLE_INTEGER:
        raise ValueError(f"{value} does not fit a variable byte integer")
    encoded = bytearray()
    while True:
        value, low = divmod(value, 0x80)
        encoded.append(low | 0x80 if value else low)
        if not value:
            return bytes(encoded)


def binary(data: bytes) -> bytes:
    """Encode binary data with its two-byte length; more than 65,535 bytes are a ValueError."""
    if len(data) > 0xFFFF:
        raise ValueError(f"{len(data)} bytes do not fit a length of two bytes")
    return len(data).to_bytes(2, "big") + data


def text(value: str) -> bytes:
    """Encode an UTF-8 string with its two-byte length."""
    return binary(value.encode("utf-8"))
