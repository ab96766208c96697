"""Clients that cost little, so that a measurement shows the platform and not its caller."""

from __future__ import annotations

import asyncio
import json

CONTENT_LENGTH = b"content-length:"


class HttpConnection:
    """A keep-alive connection that sends prepared requests one after the other."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self._host = host
        self._port = port
        self._token = token
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> None:
        """Connect."""
        self._streams = await asyncio.open_connection(self._host, self._port)

    async def request(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Send a request and return status and body."""
        assert self._streams is not None
        reader, writer = self._streams
        payload = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: {self._host}\r\n"
            f"x-authorization: Bearer {self._token}\r\ncontent-length: {len(payload)}\r\n\r\n"
        )
        writer.write(head.encode() + payload)
        answer = await reader.readuntil(b"\r\n\r\n")
        start = answer.lower().index(CONTENT_LENGTH) + len(CONTENT_LENGTH)
        length = int(answer[start : answer.index(b"\r\n", start)])
        return int(answer[9:12]), await reader.readexactly(length) if length else b""

    def close(self) -> None:
        """Disconnect."""
        if self._streams is not None:
            self._streams[1].close()


def _text(value: str) -> bytes:
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def _frame(first: int, body: bytes) -> bytes:
    digits = bytearray()
    length = len(body)
    while True:
        length, low = divmod(length, 128)
        digits.append(low | (128 if length else 0))
        if not length:
            return bytes([first]) + bytes(digits) + body


class BenchDevice(asyncio.Protocol):
    """A device that acknowledges and answers every command at once, with one write.

    Args:
        token: What it logs in with.
        answer: The payload of every answer.
    """

    def __init__(self, token: str, answer: bytes = b'{"ok":true}') -> None:
        self._token = token
        self._answer = answer
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None
        self._answer_id = 0
        self.commands = 0
        self.subscribed: asyncio.Event = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Log in and subscribe in one write."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        connect = _text("MQTT") + bytes([4, 0x82, 0, 0]) + _text("") + _text(self._token)
        subscribe = b"\0\1" + _text("v1/devices/me/rpc/request/+") + b"\1"
        transport.write(_frame(0x10, connect) + _frame(0x82, subscribe))

    def data_received(self, data: bytes) -> None:
        """Answer every complete command."""
        self._buffer += data
        answers = bytearray()
        while (packet := self._next()) is not None:
            first, body = packet
            if first >> 4 == 3:
                answers += self._reply(body)
            elif first >> 4 == 9:
                self.subscribed.set()
        if answers and self._transport is not None:
            self._transport.write(bytes(answers))

    def _next(self) -> tuple[int, bytes] | None:
        length = 0
        for index in range(1, min(len(self._buffer), 5)):
            byte = self._buffer[index]
            length |= (byte & 127) << 7 * (index - 1)
            if byte < 128:
                end = index + 1 + length
                if len(self._buffer) < end:
                    return None
                packet = self._buffer[0], self._buffer[index + 1 : end]
                self._buffer = self._buffer[end:]
                return packet
        return None

    def _reply(self, body: bytes) -> bytes:
        length = int.from_bytes(body[:2], "big")
        request_id = body[2 : 2 + length].rpartition(b"/")[2].decode()
        packet_id = body[2 + length : 4 + length]
        self.commands += 1
        self._answer_id = self._answer_id % 65_535 + 1
        topic = _text(f"v1/devices/me/rpc/response/{request_id}")
        answer = topic + self._answer_id.to_bytes(2, "big") + self._answer
        return _frame(0x40, packet_id) + _frame(0x32, answer)
