"""A scripted MQTT server for one device: the test says, packet by packet, what it does.

It speaks with the project's own codec and does nothing by itself but what ``wait_for`` says, so
that a test can also leave an acknowledgement out, cut a connection anywhere, or fall silent.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable
from types import TracebackType

from host_tools.mqtt import (
    Acknowledgement,
    ConnAck,
    Connect,
    Decoder,
    Disconnect,
    Packet,
    PacketType,
    PingReq,
    PingResp,
    Publish,
    SubAck,
    Subscribe,
    Version,
    encode,
)

PATIENCE_S = 15.0
COMMANDS = "v1/devices/me/rpc/request/"
ANSWERS = "v1/devices/me/rpc/response/"
ATTRIBUTES = "v1/devices/me/attributes"
FENCE = "v1/devices/me/attributes/request/1"
FENCE_ANSWER = "v1/devices/me/attributes/response/1"
_LARGEST_PACKET_BYTES = 1 << 20


class Peer:
    """The server's listening socket, on a free loopback port; a context manager."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.visits: list[Visit] = []

    @property
    def server(self) -> dict[str, object]:
        """The ``server`` of a board's configuration."""
        return {"host": "127.0.0.1", "port": self.port}

    def accept(self, timeout_s: float = PATIENCE_S) -> Visit:
        """Wait until the device opens a connection."""
        self._listener.settimeout(timeout_s)
        visit = Visit(self._listener.accept()[0])
        self.visits.append(visit)
        return visit

    def welcome(self) -> Visit:
        """Wait for the device, let it log in and subscribe, answer its fence, hear who it is."""
        visit = self.accept()
        visit.log_in()
        visit.wait_for(lambda packet: isinstance(packet, Publish) and packet.topic == ATTRIBUTES)
        return visit

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for visit in self.visits:
            visit.reset()
        self._listener.close()


class Visit:
    """One connection of the device."""

    def __init__(self, connection: socket.socket) -> None:
        # Else each acknowledgement would hold up what follows it by 40 ms.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        self._decoder = Decoder(_LARGEST_PACKET_BYTES)
        self._pending: list[Packet] = []
        #: Everything that came, in order.
        self.received: list[Packet] = []
        #: Whether PUBLISH packets of the device are acknowledged.
        self.acknowledges = True

    @property
    def acknowledged(self) -> list[int]:
        """The packet ids of the device's PUBACKs so far, in order."""
        return [
            packet.packet_id
            for packet in self.received
            if isinstance(packet, Acknowledgement) and packet.kind is PacketType.PUBACK
        ]

    @property
    def topics(self) -> list[str]:
        """The topics that the device asked for so far, in order."""
        return [
            one.topic_filter
            for packet in self.received
            if isinstance(packet, Subscribe)
            for one in packet.subscriptions
        ]

    def log_in(self, session_present: bool = False) -> Connect:
        """Take CONNECT and every SUBSCRIBE up to that for commands."""
        connect = self.receive()
        assert isinstance(connect, Connect), connect
        self.send(ConnAck(session_present=session_present))
        while f"{COMMANDS}+" not in self.topics:
            self._do_the_usual(self.receive())
        return connect

    def receive(self, timeout_s: float = PATIENCE_S) -> Packet:
        """Wait for one packet and do nothing about it.

        Raises:
            EOFError: The device closed or reset the connection.
            TimeoutError: Nothing came.
        """
        deadline = time.monotonic() + timeout_s
        while not self._pending:
            self._connection.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self._connection.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                raise EOFError("the device closed the connection")
            self._pending += self._decoder.feed(data)
        packet = self._pending.pop(0)
        self.received.append(packet)
        return packet

    def wait_for(self, wanted: Callable[[Packet], bool], timeout_s: float = PATIENCE_S) -> Packet:
        """Do what a server usually does with each packet, until the wanted one was treated so."""
        deadline = time.monotonic() + timeout_s
        while True:
            packet = self.receive(deadline - time.monotonic())
            self._do_the_usual(packet)
            if wanted(packet):
                return packet

    def answer(self, request_id: int, timeout_s: float = PATIENCE_S) -> object:
        """Wait for the answer to a command and return it."""
        topic = f"{ANSWERS}{request_id}"
        packet = self.wait_for(
            lambda packet: isinstance(packet, Publish) and packet.topic == topic, timeout_s
        )
        assert isinstance(packet, Publish)
        return json.loads(packet.payload)

    def answers(self) -> list[tuple[int, object]]:
        """Return the answers that came so far, each with its request id."""
        return [
            (int(packet.topic.removeprefix(ANSWERS)), json.loads(packet.payload))
            for packet in self.received
            if isinstance(packet, Publish) and packet.topic.startswith(ANSWERS)
        ]

    def send(self, packet: Packet) -> None:
        """Send a packet."""
        self.send_bytes(encode(packet, Version.V3_1_1))

    def send_bytes(self, data: bytes) -> None:
        """Send bytes, which need be no packet."""
        self._connection.settimeout(PATIENCE_S)
        self._connection.sendall(data)

    def command(
        self,
        request_id: int | str,
        method: str,
        params: object = None,
        *,
        packet_id: int = 1,
        qos: int = 1,
        duplicate: bool = False,
    ) -> None:
        """Send a command."""
        self.send(command(request_id, method, params, packet_id, qos, duplicate))

    def call(self, request_id: int, method: str, params: object = None) -> object:
        """Send a command and return its answer."""
        self.command(request_id, method, params)
        return self.answer(request_id)

    def closes(self, timeout_s: float) -> float:
        """Answer nothing; return the seconds until the device closes, which it has to do."""
        began = time.monotonic()
        try:
            while True:
                self.receive(timeout_s - (time.monotonic() - began))
        except EOFError:
            return time.monotonic() - began

    def close(self) -> None:
        """End the connection in order."""
        self._connection.close()

    def reset(self) -> None:
        """End the connection by a TCP reset."""
        if self._connection.fileno() >= 0:
            linger = struct.pack("ii", 1, 0)
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._connection.close()

    def _do_the_usual(self, packet: Packet) -> None:
        match packet:
            case Subscribe():
                self.send(SubAck(packet.packet_id, (1,) * len(packet.subscriptions)))
            case PingReq():
                self.send(PingResp())
            case Publish():
                if packet.packet_id is not None and self.acknowledges:
                    self.send(Acknowledgement(PacketType.PUBACK, packet.packet_id))
                if packet.topic == FENCE:
                    self.send(Publish(FENCE_ANSWER, b'{"client":{}}'))
            case Disconnect() | Acknowledgement():
                pass
            case _:
                raise AssertionError(f"the device sent {packet}")


def command(
    request_id: int | str,
    method: str,
    params: object = None,
    packet_id: int = 1,
    qos: int = 1,
    duplicate: bool = False,
) -> Publish:
    """Return a command as the packet that a server sends."""
    payload = json.dumps({"method": method, "params": params}).encode()
    topic = f"{COMMANDS}{request_id}"
    return Publish(topic, payload, qos, packet_id if qos else None, duplicate=duplicate)
