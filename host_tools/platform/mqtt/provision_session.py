"""The session of a client that has no credentials yet and may only ask for some (1.9)."""

from __future__ import annotations

import asyncio

from host_tools import json_text
from host_tools.json_text import Json
from host_tools.mqtt import (
    Acknowledgement,
    ConnAck,
    Connect,
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
    UnsubAck,
    Unsubscribe,
    Version,
)
from host_tools.platform.mqtt.session import Link
from host_tools.platform.mqtt.topics import PROVISION_REQUEST, PROVISION_RESPONSE
from host_tools.platform.provisioning import provision
from host_tools.platform.services import Services

PROVISION_NAME = "provision"
CLOSE_AFTER_S = 60
"""How long the connection stays, whatever happens in it (1.9)."""


def wants_to_provision(packet: Packet) -> bool:
    """Tell whether a CONNECT is for provisioning: by its user name or its client id."""
    return isinstance(packet, Connect) and PROVISION_NAME in (packet.user_name, packet.client_id)


class ProvisionSession:
    """One provisioning connection.

    Args:
        services: The platform's parts.
        link: The way back to the client.
        connect: Its CONNECT, which is accepted.
    """

    def __init__(self, services: Services, link: Link, connect: Connect) -> None:
        self._services = services
        self._link = link
        self._version = connect.version
        self._qos = 1
        self._packet_id = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer = asyncio.get_running_loop().call_later(CLOSE_AFTER_S, self._end, None)
        link.write(ConnAck(session_present=not connect.clean_start))

    def receive(self, packet: Packet) -> None:
        """Take the next packet of the client."""
        match packet:
            case Publish():
                self._publish(packet)
            case Subscribe():
                self._link.write(SubAck(packet.packet_id, tuple(self._grant(packet))))
            case Unsubscribe():
                codes = (Reason.SUCCESS,) * len(packet.topic_filters)
                self._link.write(UnsubAck(packet.packet_id, codes))
            case PingReq():
                self._link.write(PingResp())
            case Acknowledgement():
                pass
            case Disconnect():
                self._end(None)
            case _:
                self._end(Reason.PROTOCOL_ERROR)

    def broken(self, error: MqttError) -> None:
        """End the session of a client that broke the protocol."""
        self._end(error.reason)

    def lost(self) -> None:
        """Clean up after the connection."""
        self._timer.cancel()

    def _grant(self, packet: Subscribe) -> list[int]:
        codes: list[int] = []
        for subscription in packet.subscriptions:
            if subscription.topic_filter == PROVISION_RESPONSE:
                self._qos = min(subscription.qos, 1)
                codes.append(self._qos)
            else:
                codes.append(Reason.TOPIC_FILTER_INVALID)
        return codes

    def _publish(self, packet: Publish) -> None:
        if packet.topic != PROVISION_REQUEST:
            self._acknowledge(packet, Reason.TOPIC_NAME_INVALID)
            self._end(Reason.TOPIC_NAME_INVALID)
            return
        try:
            request = json_text.parse(packet.payload)
        except ValueError:
            self._end(Reason.PAYLOAD_FORMAT_INVALID)
            return
        self._acknowledge(packet, Reason.SUCCESS)
        task = asyncio.get_running_loop().create_task(self._answer(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: Json) -> None:
        try:
            answer = await provision(self._services, request)
        except ValueError:
            self._end(Reason.PAYLOAD_FORMAT_INVALID)
            return
        self._packet_id = self._packet_id % 65_535 + 1
        payload = json_text.dump(answer).encode()
        identifier = self._packet_id if self._qos else None
        self._link.write(Publish(PROVISION_RESPONSE, payload, self._qos, identifier))

    def _acknowledge(self, packet: Publish, reason: Reason) -> None:
        if packet.packet_id is not None:
            self._link.write(Acknowledgement(PacketType.PUBACK, packet.packet_id, reason))

    def _end(self, reason: Reason | None) -> None:
        self._timer.cancel()
        if reason is not None and self._version is Version.V5:
            self._link.write(Disconnect(reason))
        self._link.close()
