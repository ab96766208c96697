"""One device's MQTT connection to the server model, with the faults that a server can show.

The topics and the order of packets are those of ThingsBoard (reference/thingsboard-rpc.md 1).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from host_tools.mqtt import (
    Acknowledgement,
    ConnAck,
    Connect,
    Decoder,
    Disconnect,
    MqttError,
    Packet,
    PacketType,
    PingReq,
    PingResp,
    Publish,
    Reason,
    SubAck,
    Subscribe,
    Version,
    encode,
)
from host_tools.rpc import Command, Delivery, SessionKind
from host_tools.sim.virtual.clock import NS_PER_MS, Clock, Event
from host_tools.sim.virtual.network import End

if TYPE_CHECKING:
    from host_tools.sim.virtual.server import Device

_PREFIX = "v1/devices/me/"
_COMMANDS = f"{_PREFIX}rpc/request/"
_ANSWERS = f"{_PREFIX}rpc/response/"
_ATTRIBUTES_REQUEST = f"{_PREFIX}attributes/request/"
_ATTRIBUTES_RESPONSE = f"{_PREFIX}attributes/response/"
_PACKET_LIMIT_BYTES = 65_536
_PUBACK_TIMEOUT_MS = 10_000


@dataclass
class ServerFaults:
    """What a server does wrong; every field can be changed while it runs.

    Args:
        drop_pubacks: Acknowledge no PUBLISH of a device.
        suback_delay_ms: How late SUBACK is.
        duplicate_commands: Deliver each command twice.
        close_after_packets: Close a connection after so many packets of the device; 0 never does.
        refuse_logins: Refuse every CONNECT.
        is_mute: Take everything in and say nothing.
    """

    drop_pubacks: bool = False
    suback_delay_ms: int = 0
    duplicate_commands: bool = False
    close_after_packets: int = 0
    refuse_logins: bool = False
    is_mute: bool = False


class ServerSession:
    """A connection.

    Args:
        clock: The world's clock.
        end: The server's end of the connection.
        faults: What goes wrong.
        login: Returns the device of a token, or None.
        on_call: Answers a call of a device: method and params to any JSON value.
    """

    def __init__(
        self,
        clock: Clock,
        end: End,
        faults: ServerFaults,
        login: Callable[[str], Device | None],
        on_call: Callable[[str, Any], Any],
    ) -> None:
        self._clock = clock
        self._end = end
        self._faults = faults
        self._login = login
        self._on_call = on_call
        self._decoder = Decoder(_PACKET_LIMIT_BYTES)
        self._device: Device | None = None
        self._packet_id = 0
        self._packets = 0
        self._awaited: dict[int, tuple[int, Event]] = {}
        end.on_close = lambda _: self._leave()
        end.receive_with(self._received)

    def send(self, command: Command) -> None:
        """Publish a command with QoS 1 and watch for its PUBACK."""
        assert self._device is not None
        packet_id = self._next_packet_id()
        topic = f"{_COMMANDS}{command.request_id}"
        payload = f'{{"method":{json.dumps(command.method)},"params":{command.params}}}'.encode()
        self._write(Publish(topic, payload, 1, packet_id))
        if self._faults.duplicate_commands:
            self._write(Publish(topic, payload, 1, packet_id, duplicate=True))
        device = self._device

        def unacknowledged() -> None:
            self._awaited.pop(packet_id, None)
            device.report(command.request_id, Delivery.TIMEOUT)

        timer = self._clock.call_after(_PUBACK_TIMEOUT_MS * NS_PER_MS, unacknowledged)
        self._awaited[packet_id] = (command.request_id, timer)
        device.report(command.request_id, Delivery.SENT)

    def close(self, *, reset: bool = False) -> None:
        """End the connection from the server's side."""
        self._end.close(reset=reset)
        self._leave()

    def forget(self) -> None:
        """Stop watching: the server was restarted and knows nothing of this connection."""
        self._end.close(reset=True)
        for _, timer in self._awaited.values():
            timer.cancel()
        self._device = None

    def _received(self, content: bytes) -> None:
        try:
            for packet in self._decoder.feed(content):
                self._packets += 1
                self._handle(packet)
                if 0 < self._faults.close_after_packets <= self._packets:
                    self.close()
                    return
        except MqttError:
            self.close()

    def _handle(self, packet: Packet) -> None:
        match packet:
            case Connect():
                self._connect(packet)
            case Subscribe():
                self._subscribe(packet)
            case Publish():
                self._publish(packet)
            case Acknowledgement(PacketType.PUBACK, packet_id):
                awaited = self._awaited.pop(packet_id, None)
                if awaited is not None and self._device is not None:
                    awaited[1].cancel()
                    self._device.report(awaited[0], Delivery.DELIVERED)
            case PingReq():
                self._write(PingResp())
            case Disconnect():
                self.close()

    def _connect(self, packet: Connect) -> None:
        device = self._login(packet.user_name or "")
        if device is None or self._faults.refuse_logins:
            self._write(ConnAck(Reason.NOT_AUTHORIZED))
            self.close()
            return
        self._device = device
        device.take_over(self)
        self._write(ConnAck())

    def _subscribe(self, packet: Subscribe) -> None:
        granted = tuple(min(one.qos, 1) for one in packet.subscriptions)
        filters = [one.topic_filter for one in packet.subscriptions]

        def acknowledge() -> None:
            self._write(SubAck(packet.packet_id, granted))
            # ThingsBoard sends what waits behind the SUBACK (1.4).
            if self._device is not None and f"{_COMMANDS}+" in filters:
                self._device.subscribe(self, SessionKind.ASYNC)

        if self._faults.suback_delay_ms:
            self._clock.call_after(self._faults.suback_delay_ms * NS_PER_MS, acknowledge)
        else:
            acknowledge()

    def _publish(self, packet: Publish) -> None:
        if self._device is None:
            self.close()
            return
        if packet.packet_id is not None and not self._faults.drop_pubacks:
            self._write(Acknowledgement(PacketType.PUBACK, packet.packet_id))
        topic, payload = packet.topic, packet.payload
        if topic.startswith(_ANSWERS):
            self._device.answer(int(topic.removeprefix(_ANSWERS)), payload)
        elif topic.startswith(_COMMANDS):
            call = json.loads(payload)
            answer = json.dumps(self._on_call(call["method"], call.get("params")))
            self._tell(_ANSWERS + topic.removeprefix(_COMMANDS), answer.encode())
        elif topic.startswith(_ATTRIBUTES_REQUEST):
            number = topic.removeprefix(_ATTRIBUTES_REQUEST)
            self._tell(_ATTRIBUTES_RESPONSE + number, b"{}")
        else:
            self._device.published.append((topic.removeprefix(_PREFIX), payload))

    def _tell(self, topic: str, payload: bytes) -> None:
        self._write(Publish(topic, payload, 1, self._next_packet_id()))

    def _write(self, packet: Packet) -> None:
        if not self._faults.is_mute:
            self._end.send(encode(packet, Version.V3_1_1))

    def _next_packet_id(self) -> int:
        self._packet_id = self._packet_id % 65_535 + 1
        return self._packet_id

    def _leave(self) -> None:
        """The watches for PUBACKs run on, as ThingsBoard's do (1.6)."""
        if self._device is not None:
            self._device.leave(self)
