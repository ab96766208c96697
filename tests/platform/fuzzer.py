"""Random and mutated MQTT streams, from a seed that is printed when a test fails."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator

from tests.contract.raw_mqtt import frame, text

TOPICS = [
    "v1/devices/me/telemetry",
    "v1/devices/me/attributes",
    "v1/devices/me/attributes/request/1",
    "v1/devices/me/rpc/request/1",
    "v1/devices/me/rpc/response/0",
    "v1/devices/me/claim",
    "v2/t",
    "v1/gateway/rpc",
    "/provision/request",
    "nothing",
]
PAYLOADS = [b"{}", b'{"method":"x","params":{}}', b"[]", b"not json", b"", b"\xff", b"[" * 2_000]


class Fuzzer:
    """Makes packets that are right, nearly right, and nonsense.

    Args:
        seed: The same seed makes the same packets.
        token: What a right CONNECT logs in with.
    """

    def __init__(self, seed: int, token: str) -> None:
        self._random = random.Random(seed)
        self._token = token

    def stream(self, count: int) -> bytes:
        """Return the packets of one connection."""
        random_ = self._random
        version = random_.choice([3, 4, 5])
        packets = [self._connect(version)] if random_.random() < 0.9 else []
        packets += [self._packet(version) for _ in range(count - len(packets))]
        return b"".join(self._mutated(packet) for packet in packets)

    def _connect(self, version: int) -> bytes:
        name = "MQIsdp" if version == 3 else "MQTT"
        user = self._random.choice([self._token, "wrong", "provision"])
        properties = b"\0" if version == 5 else b""
        body = text(name) + bytes([version, 0x82, 0, 60]) + properties + text("") + text(user)
        return frame(0x10, body)

    def _packet(self, version: int) -> bytes:
        random_ = self._random
        properties = b"\0" if version == 5 else b""
        identifier = random_.randrange(65_536).to_bytes(2, "big")
        match random_.randrange(6):
            case 0:
                qos = random_.randrange(3)
                topic = text(random_.choice(TOPICS)) + (identifier if qos else b"") + properties
                return frame(0x30 | qos << 1, topic + random_.choice(PAYLOADS))
            case 1:
                entry = text(random_.choice([*TOPICS, "#", "v1/devices/me/rpc/request/+"]))
                options = bytes([random_.randrange(4)])
                return frame(0x82, identifier + properties + entry + options)
            case 2:
                return frame(0xA2, identifier + properties + text("v1/devices/me/attributes"))
            case 3:
                return frame(random_.choice([0x40, 0x50, 0x62, 0x70]), identifier)
            case 4:
                return random_.choice([b"\xc0\x00", b"\xe0\x00", b"\xf0\x00"])
            case _:
                return random_.randbytes(random_.randrange(1, 40))

    def _mutated(self, packet: bytes) -> bytes:
        if self._random.random() < 0.7:
            return packet
        changed = bytearray(packet)
        for _ in range(self._random.randrange(1, 4)):
            if changed:
                changed[self._random.randrange(len(changed))] = self._random.randrange(256)
        if self._random.random() < 0.3:
            del changed[self._random.randrange(len(changed) + 1) :]
        return bytes(changed)


def pour(host: str, port: int, streams: Iterator[bytes]) -> None:
    """Send each stream over a connection of its own and read until the server closes or rests."""
    for stream in streams:
        with socket.create_connection((host, port), timeout=5) as connection:
            try:
                connection.sendall(stream)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass
            except ConnectionError:
                pass
