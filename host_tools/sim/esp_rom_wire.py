"""The bytes between a flash tool and an ESP chip: SLIP frames, requests and responses.

Pure: bytes in, values out. Everything here is described in reference/host-tools.md 4.6.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

_END, _ESCAPE, _ESCAPED_END, _ESCAPED_ESCAPE = 0xC0, 0xDB, 0xDC, 0xDD
_HEADER = struct.Struct("<BBHI")
_REQUEST, _RESPONSE = 0, 1
_CHECKSUM_START = 0xEF


class Operation(IntEnum):
    """What a request asks for."""

    FLASH_BEGIN = 0x02
    FLASH_DATA = 0x03
    FLASH_END = 0x04
    MEM_BEGIN = 0x05
    MEM_END = 0x06
    MEM_DATA = 0x07
    SYNC = 0x08
    WRITE_REG = 0x09
    READ_REG = 0x0A
    SPI_SET_PARAMS = 0x0B
    SPI_ATTACH = 0x0D
    READ_FLASH_SLOW = 0x0E
    CHANGE_BAUDRATE = 0x0F
    FLASH_DEFL_BEGIN = 0x10
    FLASH_DEFL_DATA = 0x11
    FLASH_DEFL_END = 0x12
    SPI_FLASH_MD5 = 0x13
    GET_SECURITY_INFO = 0x14
    ERASE_FLASH = 0xD0
    ERASE_REGION = 0xD1
    READ_FLASH = 0xD2


class Status(IntEnum):
    """How a request ended, as the ROM says it; the stub's words are in ``STUB_STATUS``."""

    OK = 0x00
    BAD_MESSAGE = 0x05
    FAILED = 0x06
    CHECKSUM = 0x07
    FLASH_WRITE = 0x08
    DEFLATE = 0x0B
    TOO_MUCH_DATA = 0x10  # the stub only: the ROM has no word for it


STUB_STATUS = {
    Status.OK: 0x0000,
    Status.BAD_MESSAGE: 0xC000,  # bad data length
    Status.FAILED: 0xC600,  # not in flash mode
    Status.CHECKSUM: 0xC100,
    Status.FLASH_WRITE: 0xC400,
    Status.DEFLATE: 0xC700,
    Status.TOO_MUCH_DATA: 0xC900,
}
"""The same on the stub, as esptool reads them: two bytes, the high one first."""


@dataclass(frozen=True)
class Request:
    """One request; ``operation`` is a number because a tool may send one that does not exist."""

    operation: int
    data: bytes
    checksum: int

    @property
    def name(self) -> str:
        """The operation's name, or its number."""
        known = self.operation in Operation._value2member_map_
        return Operation(self.operation).name if known else f"{self.operation:#04x}"

    def words(self, count: int) -> tuple[int, ...]:
        """Return the first words of the data, little-endian.

        Args:
            count: How many.
        """
        return struct.unpack_from(f"<{count}I", self.data)


def parse_request(frame: bytes) -> Request:
    """Return the request in a frame.

    Args:
        frame: The frame's content.

    Raises:
        ValueError: It is none.
    """
    if len(frame) < _HEADER.size:
        raise ValueError(f"a frame of {len(frame)} bytes is no request")
    direction, operation, size, checksum = _HEADER.unpack_from(frame)
    data = frame[_HEADER.size :]
    if direction != _REQUEST or size != len(data):
        raise ValueError(f"no request: {frame[:16].hex(' ')}")
    return Request(operation, data, checksum)


def response(operation: int, value: int, data: bytes, status: bytes) -> bytes:
    """Return a response as a frame.

    Args:
        operation: That of the request.
        value: The word in the header, which READ_REG answers with.
        data: What comes before the status.
        status: Four bytes from the ROM, two from the stub.
    """
    body = data + status
    return slip_frame(_HEADER.pack(_RESPONSE, operation, len(body), value) + body)


def checksum(payload: bytes) -> int:
    """Return the check sum of a payload: all of its bytes, combined with exclusive or.

    Args:
        payload: The data without the four words before it.
    """
    total = _CHECKSUM_START
    for byte in payload:
        total ^= byte
    return total


def slip_frame(payload: bytes) -> bytes:
    """Return a SLIP frame.

    Args:
        payload: Its content.
    """
    escaped = payload.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
    return b"\xc0" + escaped + b"\xc0"


class SlipDecoder:
    """Cuts a stream of bytes into frames; what stands outside of frames is collected in ``strays``.

    A frame that never ends is dropped with the next ``reset``.
    """

    def __init__(self) -> None:
        self.strays = bytearray()
        self.reset()

    def reset(self) -> None:
        """Forget a frame that has begun."""
        self._frame: bytearray | None = None
        self._escaping = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take in bytes and return the frames that they complete.

        Args:
            data: As they came; a frame may come in pieces.
        """
        frames = []
        for byte in data:
            if self._frame is None:
                if byte == _END:
                    self._frame = bytearray()
                else:
                    self.strays.append(byte)
            elif byte == _END:
                if self._frame:
                    frames.append(bytes(self._frame))
                    self.reset()
            else:
                self._add(self._frame, byte)
        return frames

    def _add(self, frame: bytearray, byte: int) -> None:
        if self._escaping:
            self._escaping = False
            replaced = {_ESCAPED_END: _END, _ESCAPED_ESCAPE: _ESCAPE}.get(byte)
            if replaced is None:
                self.strays.append(byte)
            else:
                frame.append(replaced)
        elif byte == _ESCAPE:
            self._escaping = True
        else:
            frame.append(byte)
