"""The session of one device over MQTT: what each packet means (``thingsboard-rpc.md`` 1).

The session is told of packets and answers through its link; it knows nothing of sockets.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

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
from host_tools.platform.actor import DeviceActor
from host_tools.platform.mqtt import login, topics
from host_tools.platform.mqtt.acks import Acks
from host_tools.platform.mqtt.downlink import Downlink
from host_tools.platform.mqtt.uplink import MalformedPayloadError, Uplink
from host_tools.platform.services import Services
from host_tools.rpc import Command, Delivery, SessionKind

log = logging.getLogger(__name__)


class Link(Protocol):
    """The way back to the client."""

    def write(self, packet: Packet) -> None:
        """Send a packet."""

    def close(self) -> None:
        """Close the connection after what was written."""

    def pause_reading(self, paused: bool) -> None:
        """Stop to read from the client, or go on."""


class DeviceSession:
    """One connection's session, from its first packet to its end.

    Args:
        services: The platform's parts that a session works with.
        link: The way back to the client.
    """

    def __init__(self, services: Services, link: Link) -> None:
        self._services = services
        self._settings = services.settings
        self._link = link
        self._version = Version.V3_1_1
        self._actor: DeviceActor | None = None
        self._uplink: Uplink | None = None
        self._downlink = Downlink(services.settings, link.write, self._report)
        self._acks = Acks(self._puback, self._not_stored, link.pause_reading)
        self._last_activity_s = 0.0
        self._idle_timer: asyncio.TimerHandle | None = None
        self._closed = False

    def begin(self) -> None:
        """Start to wait for CONNECT."""
        self._last_activity_s = self._loop_time()
        self._watch(self._settings.login_timeout_ms)

    def receive(self, packet: Packet) -> None:
        """Take the next packet of the client."""
        if self._closed:
            return
        self._last_activity_s = self._loop_time()
        match packet:
            case Publish():
                self._publish(packet)
            case Acknowledgement(PacketType.PUBACK, packet_id):
                self._downlink.acknowledge(packet_id)
            case Acknowledgement():
                pass  # of a QoS 2 exchange, which there is none of
            case PingReq():
                self._link.write(PingResp())
            case Connect():
                self._connect(packet)
            case Subscribe():
                self._subscribe(packet)
            case Unsubscribe():
                self._unsubscribe(packet)
            case Disconnect():
                self._end(None)
            case _:
                self._end(Reason.PROTOCOL_ERROR)

    def broken(self, error: MqttError) -> None:
        """End the session of a client that broke the protocol."""
        log.info("closed a connection: %s", error.message)
        if error.reason is Reason.UNSUPPORTED_PROTOCOL_VERSION and self._actor is None:
            self._link.write(ConnAck(error.reason))
            self._end(None)
        else:
            self._end(error.reason)

    def lost(self) -> None:
        """Clean up after the connection; a watch for a PUBACK runs on (1.6)."""
        self._leave()

    def send(self, command: Command) -> Delivery | None:
        """Publish a command."""
        return self._downlink.send(command)

    def close(self, reason: Reason) -> None:
        """End the session from the server's side."""
        self._end(reason)

    def forget(self) -> None:
        """Let no PUBACK be missed any more."""
        self._downlink.forget()

    def _connect(self, packet: Connect) -> None:
        self._version = packet.version
        self._downlink.limit(packet)
        outcome = login.decide(packet, self._services.devices.credentials_by_key)
        if isinstance(outcome, Reason):
            self._link.write(ConnAck(outcome))
            self._end(None)
            return
        # The server keeps nothing, yet says so (1.1); clients that believe it are to be found.
        self._link.write(ConnAck(session_present=not packet.clean_start))
        self._actor = self._services.actor(outcome)
        self._uplink = Uplink(self._services, self._actor, self._downlink.publish)
        self._actor.connect(self)
        self._services.data.listen(outcome, self._downlink.push_attributes)
        self._watch(self._settings.inactivity_timeout_ms)

    def _subscribe(self, packet: Subscribe) -> None:
        codes = tuple(self._downlink.subscribe(entry) for entry in packet.subscriptions)
        self._link.write(SubAck(packet.packet_id, codes))
        filters = [entry.topic_filter for entry in packet.subscriptions]
        if self._actor is not None and any(map(topics.rpc_family, filters)):
            self._actor.subscribe(self, SessionKind.ASYNC)

    def _unsubscribe(self, packet: Unsubscribe) -> None:
        known = [self._downlink.unsubscribe(name) for name in packet.topic_filters]
        codes = [Reason.SUCCESS if one else Reason.NO_SUBSCRIPTION_EXISTED for one in known]
        if not self._downlink.takes_commands and self._actor is not None:
            self._actor.unsubscribe(self)
        self._link.write(UnsubAck(packet.packet_id, tuple(codes)))

    def _publish(self, packet: Publish) -> None:
        assert self._uplink is not None
        route = topics.route(packet.topic)
        if route is None:
            self._acks.add(packet.packet_id, Reason.TOPIC_NAME_INVALID)
            return
        if route.subject is topics.Subject.GATEWAY:
            return  # a plain device is no gateway: ignored, without PUBACK (1.4)
        try:
            stored = self._uplink.take(route, packet.payload)
        except MalformedPayloadError as error:
            log.info("device %s: %s", self._uplink.device_id, error)
            self._refuse_payload(packet, closes=error.closes)
        else:
            self._acks.add(packet.packet_id, Reason.SUCCESS, stored)

    def _puback(self, packet_id: int, reason: int) -> None:
        # QoS 2 is answered like QoS 1, as ThingsBoard does (1.2).
        self._link.write(Acknowledgement(PacketType.PUBACK, packet_id, reason))

    def _not_stored(self) -> None:
        log.error("closed a connection: its message could not be stored")
        self._end(Reason.IMPLEMENTATION_SPECIFIC_ERROR)

    def _refuse_payload(self, packet: Publish, *, closes: bool) -> None:
        goes_on = (
            self._version is Version.V5 or self._services.profiles.profile.acknowledge_malformed
        )
        if goes_on and packet.packet_id is not None and not closes:
            self._acks.add(packet.packet_id, Reason.PAYLOAD_FORMAT_INVALID)
        else:
            self._end(Reason.PAYLOAD_FORMAT_INVALID)

    def _report(self, request_id: int, delivery: Delivery) -> None:
        if self._actor is not None:
            self._actor.report(request_id, delivery)

    def _end(self, reason: Reason | None) -> None:
        """Close in order; no watch survives, so no TIMEOUT is reported (1.6)."""
        if self._closed:
            return
        self._closed = True
        self._downlink.forget()
        if reason is not None and self._version is Version.V5:
            self._link.write(Disconnect(reason))
        self._leave()
        self._link.close()

    def _leave(self) -> None:
        self._closed = True
        self._acks.clear()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._actor is not None:
            self._actor.disconnect(self)
            self._services.data.unlisten(self._actor.device_id, self._downlink.push_attributes)

    def _watch(self, limit_ms: int) -> None:
        """Close the session once nothing was received for ``limit_ms``."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        idle_s = self._loop_time() - self._last_activity_s
        left_s = limit_ms / 1_000 - idle_s
        if left_s <= 0:
            self._end(Reason.MAXIMUM_CONNECT_TIME)
        else:
            loop = asyncio.get_running_loop()
            self._idle_timer = loop.call_later(left_s, self._watch, limit_ms)

    @staticmethod
    def _loop_time() -> float:
        return asyncio.get_running_loop().time()
