"""The body of each packet that a client may send (MQTT 3.1.1 and 5, chapter 3)."""

from __future__ import annotations

from collections.abc import Callable

from host_tools.mqtt import properties
from host_tools.mqtt.errors import MqttError, malformed, protocol_error
from host_tools.mqtt.packets import (
    Acknowledgement,
    Auth,
    Connect,
    Disconnect,
    Packet,
    PacketType,
    PingReq,
    Properties,
    Publish,
    Reason,
    Subscribe,
    Subscription,
    Unsubscribe,
    Version,
    Will,
)
from host_tools.mqtt.wire import Reader

_PROTOCOL_NAMES = {Version.V3_1: "MQIsdp", Version.V3_1_1: "MQTT", Version.V5: "MQTT"}
_FLAGS: dict[int, int] = {
    PacketType.PUBREL: 2,
    PacketType.SUBSCRIBE: 2,
    PacketType.UNSUBSCRIBE: 2,
}


def decode(kind: int, flags: int, body: bytes, version: Version) -> Packet:
    """Decode any packet but CONNECT.

    Args:
        kind: The upper half of the first byte.
        flags: Its lower half.
        body: What follows the remaining length.
        version: The version of the connection.

    Raises MqttError for what the protocol forbids to a client.
    """
    if kind == PacketType.PUBLISH:
        return _publish(flags, body, version)
    if flags != _FLAGS.get(kind, 0):
        raise malformed("reserved flags in the first byte are set")
    decoder = _BODIES.get(kind)
    if decoder is None or (kind == PacketType.AUTH and version is not Version.V5):
        raise protocol_error(f"a client does not send packet type {kind}")
    return decoder(Reader(body), version)


def _properties(reader: Reader, version: Version, carrier: int) -> Properties:
    return properties.read(reader, carrier) if version is Version.V5 else {}


def connect(flags: int, body: bytes) -> Connect:
    """Decode CONNECT; raises MqttError, also for a protocol that is not served."""
    if flags:
        raise malformed("reserved flags in the first byte are set")
    reader = Reader(body)
    version = _version(reader.text(), reader.byte())
    connect_flags = reader.byte()
    _check_connect_flags(connect_flags, version)
    keep_alive_s = reader.integer(2)
    values = _properties(reader, version, PacketType.CONNECT)
    client_id = reader.text()
    will = _will(reader, connect_flags, version) if connect_flags & 0x04 else None
    user_name = reader.text() if connect_flags & 0x80 else None
    password = reader.binary() if connect_flags & 0x40 else None
    reader.end()
    clean_start = bool(connect_flags & 0x02)
    return Connect(version, client_id, clean_start, keep_alive_s, user_name, password, will, values)


def _version(name: str, level: int) -> Version:
    # The top bit of the level marks a bridge in some clients; no device is one.
    if name not in _PROTOCOL_NAMES.values():
        raise malformed("the protocol name is not MQTT")
    if level not in list(Version) or _PROTOCOL_NAMES[Version(level)] != name:
        raise MqttError(Reason.UNSUPPORTED_PROTOCOL_VERSION, f"protocol level {level}")
    return Version(level)


def _check_connect_flags(flags: int, version: Version) -> None:
    if flags & 0x01:
        raise malformed("the reserved flag of CONNECT is set")
    if not flags & 0x04 and flags & 0x38:
        raise malformed("CONNECT has will options but no will")
    if flags & 0x18 == 0x18:
        raise malformed("the will has QoS 3")
    if version is not Version.V5 and flags & 0x40 and not flags & 0x80:
        raise malformed("CONNECT has a password but no user name")


def _will(reader: Reader, connect_flags: int, version: Version) -> Will:
    values = _properties(reader, version, properties.WILL)
    topic = _topic(reader.text())
    payload = reader.binary()
    qos, retain = connect_flags >> 3 & 3, bool(connect_flags & 0x20)
    return Will(topic, payload, qos, retain, values)


def _topic(topic: str) -> str:
    if not topic:
        raise malformed("an empty topic name")
    if "+" in topic or "#" in topic:
        raise malformed("a topic name holds a wildcard")
    return topic


def _publish(flags: int, body: bytes, version: Version) -> Publish:
    qos = flags >> 1 & 3
    if qos == 3:
        raise malformed("QoS 3")
    if flags & 0x08 and not qos:
        raise malformed("a duplicate with QoS 0")
    reader = Reader(body)
    topic = reader.text()
    identifier = reader.packet_id() if qos else None
    values = _properties(reader, version, PacketType.PUBLISH)
    if "topic_alias" in values:
        # No alias is ever allowed: our CONNACK announces no topic alias maximum.
        raise MqttError(Reason.TOPIC_ALIAS_INVALID, "a topic alias, but none is allowed")
    if properties.SUBSCRIPTION_IDENTIFIER in values:
        raise protocol_error("a client's PUBLISH has a subscription identifier")
    _topic(topic)
    retain, duplicate = bool(flags & 0x01), bool(flags & 0x08)
    return Publish(topic, reader.rest(), qos, identifier, retain, duplicate, values)


def _acknowledgement(kind: PacketType) -> Callable[[Reader, Version], Packet]:
    def decode_one(reader: Reader, version: Version) -> Packet:
        identifier = reader.packet_id()
        reason, values = _reason(reader, version, kind)
        return Acknowledgement(kind, identifier, reason, values)

    return decode_one


def _reason(reader: Reader, version: Version, kind: PacketType) -> tuple[int, Properties]:
    """Read the optional reason and properties that end some MQTT 5 packets."""
    if version is not Version.V5:
        reader.end()
    if not reader.remaining:
        return Reason.SUCCESS, {}
    reason = reader.byte()
    values = properties.read(reader, kind) if reader.remaining else {}
    reader.end()
    return reason, values


def _subscribe(reader: Reader, version: Version) -> Packet:
    identifier = reader.packet_id()
    values = _properties(reader, version, PacketType.SUBSCRIBE)
    subscriptions = []
    while reader.remaining:
        topic_filter = _filter(reader.text())
        subscriptions.append(_subscription(topic_filter, reader.byte(), version))
    if not subscriptions:
        raise protocol_error("SUBSCRIBE without a topic filter")
    return Subscribe(identifier, tuple(subscriptions), values)


def _subscription(topic_filter: str, options: int, version: Version) -> Subscription:
    qos, retain_handling = options & 3, options >> 4 & 3
    reserved = 0xC0 if version is Version.V5 else 0xFC
    if qos == 3 or retain_handling == 3 or options & reserved:
        raise malformed("wrong subscription options")
    return Subscription(
        topic_filter, qos, bool(options & 0x04), bool(options & 0x08), retain_handling
    )


def _filter(topic_filter: str) -> str:
    if not topic_filter:
        raise malformed("an empty topic filter")
    return topic_filter


def _unsubscribe(reader: Reader, version: Version) -> Packet:
    identifier = reader.packet_id()
    values = _properties(reader, version, PacketType.UNSUBSCRIBE)
    filters = []
    while reader.remaining:
        filters.append(_filter(reader.text()))
    if not filters:
        raise protocol_error("UNSUBSCRIBE without a topic filter")
    return Unsubscribe(identifier, tuple(filters), values)


def _ping(reader: Reader, _: Version) -> Packet:
    reader.end()
    return PingReq()


def _disconnect(reader: Reader, version: Version) -> Packet:
    return Disconnect(*_reason(reader, version, PacketType.DISCONNECT))


def _auth(reader: Reader, version: Version) -> Packet:
    return Auth(*_reason(reader, version, PacketType.AUTH))


_BODIES: dict[int, Callable[[Reader, Version], Packet]] = {
    PacketType.PUBACK: _acknowledgement(PacketType.PUBACK),
    PacketType.PUBREC: _acknowledgement(PacketType.PUBREC),
    PacketType.PUBREL: _acknowledgement(PacketType.PUBREL),
    PacketType.PUBCOMP: _acknowledgement(PacketType.PUBCOMP),
    PacketType.SUBSCRIBE: _subscribe,
    PacketType.UNSUBSCRIBE: _unsubscribe,
    PacketType.PINGREQ: _ping,
    PacketType.DISCONNECT: _disconnect,
    PacketType.AUTH: _auth,
}
