"""Packets of a server to bytes, for the protocol version that its client speaks."""

from __future__ import annotations

from host_tools.mqtt import properties, wire
from host_tools.mqtt.packets import (
    Acknowledgement,
    Auth,
    ConnAck,
    Disconnect,
    Packet,
    PacketType,
    PingResp,
    Properties,
    Publish,
    Reason,
    SubAck,
    UnsubAck,
    Version,
)

FAILURE = 0x80
"""The only SUBACK failure code that versions before 5 have."""

_RETURN_CODES = {
    Reason.SUCCESS: 0,
    Reason.UNSUPPORTED_PROTOCOL_VERSION: 1,
    Reason.CLIENT_IDENTIFIER_NOT_VALID: 2,
    Reason.SERVER_UNAVAILABLE: 3,
    Reason.CONNECTION_RATE_EXCEEDED: 3,
    Reason.QUOTA_EXCEEDED: 3,
}
_NOT_AUTHORIZED = 5


def encode(packet: Packet, version: Version) -> bytes:
    """Encode a packet that a server sends.

    Args:
        packet: PUBLISH, an acknowledgement, CONNACK, SUBACK, UNSUBACK, PINGRESP, DISCONNECT
            or AUTH; the last two exist in MQTT 5 only.
        version: What the client asked for in its CONNECT.

    Raises ValueError for a packet that a server never sends in this version, TypeError for one
    that only clients send.
    """
    match packet:
        case Publish():
            return _publish(packet, version)
        case Acknowledgement():
            return _acknowledgement(packet, version)
        case SubAck():
            return _suback(packet, version)
        case ConnAck():
            return _connack(packet, version)
        case PingResp():
            return bytes([PacketType.PINGRESP << 4, 0])
        case UnsubAck():
            return _unsuback(packet, version)
        case Disconnect() | Auth():
            return _reason_only(packet, version)
        case _:
            raise TypeError(f"a server does not send {type(packet).__name__}")


def _frame(kind: PacketType, flags: int, body: bytes) -> bytes:
    return bytes([kind << 4 | flags]) + wire.variable_integer(len(body)) + body


def _properties(values: Properties, version: Version) -> bytes:
    return properties.write(values) if version is Version.V5 else b""


def _publish(packet: Publish, version: Version) -> bytes:
    flags = packet.duplicate << 3 | packet.qos << 1 | packet.retain
    if packet.qos and not packet.packet_id:
        raise ValueError("a PUBLISH above QoS 0 needs a packet identifier")
    identifier = packet.packet_id.to_bytes(2, "big") if packet.qos and packet.packet_id else b""
    head = wire.text(packet.topic) + identifier + _properties(packet.properties, version)
    return _frame(PacketType.PUBLISH, flags, head + packet.payload)


def _acknowledgement(packet: Acknowledgement, version: Version) -> bytes:
    body = packet.packet_id.to_bytes(2, "big")
    if version is Version.V5 and (packet.reason or packet.properties):
        body += bytes([packet.reason]) + properties.write(packet.properties)
    return _frame(packet.kind, 2 if packet.kind is PacketType.PUBREL else 0, body)


def _connack(packet: ConnAck, version: Version) -> bytes:
    code = int(packet.reason)
    if version is not Version.V5:
        code = _RETURN_CODES.get(packet.reason, _NOT_AUTHORIZED)
    # MQTT 3.1 has no session-present flag: its byte is reserved.
    present = packet.session_present and version is not Version.V3_1
    body = bytes([present, code]) + _properties(packet.properties, version)
    return _frame(PacketType.CONNACK, 0, body)


def _suback(packet: SubAck, version: Version) -> bytes:
    codes = packet.reasons
    if version is not Version.V5:
        codes = tuple(min(code, FAILURE) for code in codes)
    identifier = packet.packet_id.to_bytes(2, "big")
    body = identifier + _properties(packet.properties, version) + bytes(codes)
    return _frame(PacketType.SUBACK, 0, body)


def _unsuback(packet: UnsubAck, version: Version) -> bytes:
    body = packet.packet_id.to_bytes(2, "big")
    if version is Version.V5:
        body += properties.write(packet.properties) + bytes(packet.reasons)
    return _frame(PacketType.UNSUBACK, 0, body)


def _reason_only(packet: Disconnect | Auth, version: Version) -> bytes:
    if version is not Version.V5:
        raise ValueError(f"a server sends {type(packet).__name__} in MQTT 5 only")
    kind = PacketType.DISCONNECT if isinstance(packet, Disconnect) else PacketType.AUTH
    body = b""
    if packet.reason or packet.properties:
        body = bytes([packet.reason]) + properties.write(packet.properties)
    return _frame(kind, 0, body)
