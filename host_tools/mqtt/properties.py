"""MQTT 5 properties: one table of codes, types and the packets that may carry each (2.2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from host_tools.mqtt import wire
from host_tools.mqtt.errors import malformed, protocol_error
from host_tools.mqtt.packets import PacketType, Properties, PropertyValue
from host_tools.mqtt.wire import Reader


class Kind(Enum):
    """The data type of a property."""

    BYTE = "byte"
    TWO_BYTES = "two bytes"
    FOUR_BYTES = "four bytes"
    VARIABLE = "variable byte integer"
    BINARY = "binary"
    TEXT = "text"
    PAIR = "pair of texts"


WIDTHS = {Kind.BYTE: 1, Kind.TWO_BYTES: 2, Kind.FOUR_BYTES: 4}

WILL = 0
"""Stands for the will of a CONNECT, whose properties have rules of their own."""

USER_PROPERTY = "user_property"
SUBSCRIPTION_IDENTIFIER = "subscription_identifier"

_C, _P = PacketType.CONNECT, PacketType.PUBLISH
_EVERYWHERE = frozenset({WILL, *PacketType} - {PacketType.PINGREQ, PacketType.PINGRESP})
_ANSWERS = _EVERYWHERE - {WILL, _C, _P, PacketType.SUBSCRIBE, PacketType.UNSUBSCRIBE}


@dataclass(frozen=True, slots=True)
class Property:
    """One row of the table."""

    code: int
    name: str
    kind: Kind
    carriers: frozenset[int]


def _row(code: int, name: str, kind: Kind, *carriers: int) -> Property:
    return Property(code, name, kind, frozenset(carriers))


_A, _D, _K = PacketType.CONNACK, PacketType.DISCONNECT, PacketType.AUTH
TABLE = (
    _row(0x01, "payload_format_indicator", Kind.BYTE, _P, WILL),
    _row(0x02, "message_expiry_interval", Kind.FOUR_BYTES, _P, WILL),
    _row(0x03, "content_type", Kind.TEXT, _P, WILL),
    _row(0x08, "response_topic", Kind.TEXT, _P, WILL),
    _row(0x09, "correlation_data", Kind.BINARY, _P, WILL),
    _row(0x0B, SUBSCRIPTION_IDENTIFIER, Kind.VARIABLE, _P, PacketType.SUBSCRIBE),
    _row(0x11, "session_expiry_interval", Kind.FOUR_BYTES, _C, _A, _D),
    _row(0x12, "assigned_client_identifier", Kind.TEXT, _A),
    _row(0x13, "server_keep_alive", Kind.TWO_BYTES, _A),
    _row(0x15, "authentication_method", Kind.TEXT, _C, _A, _K),
    _row(0x16, "authentication_data", Kind.BINARY, _C, _A, _K),
    _row(0x17, "request_problem_information", Kind.BYTE, _C),
    _row(0x18, "will_delay_interval", Kind.FOUR_BYTES, WILL),
    _row(0x19, "request_response_information", Kind.BYTE, _C),
    _row(0x1A, "response_information", Kind.TEXT, _A),
    _row(0x1C, "server_reference", Kind.TEXT, _A, _D),
    Property(0x1F, "reason_string", Kind.TEXT, _ANSWERS),
    _row(0x21, "receive_maximum", Kind.TWO_BYTES, _C, _A),
    _row(0x22, "topic_alias_maximum", Kind.TWO_BYTES, _C, _A),
    _row(0x23, "topic_alias", Kind.TWO_BYTES, _P),
    _row(0x24, "maximum_qos", Kind.BYTE, _A),
    _row(0x25, "retain_available", Kind.BYTE, _A),
    Property(0x26, USER_PROPERTY, Kind.PAIR, _EVERYWHERE),
    _row(0x27, "maximum_packet_size", Kind.FOUR_BYTES, _C, _A),
    _row(0x28, "wildcard_subscription_available", Kind.BYTE, _A),
    _row(0x29, "subscription_identifier_available", Kind.BYTE, _A),
    _row(0x2A, "shared_subscription_available", Kind.BYTE, _A),
)
BY_CODE = {row.code: row for row in TABLE}
BY_NAME = {row.name: row for row in TABLE}

NEVER_ZERO = {"receive_maximum", "maximum_packet_size", "topic_alias", SUBSCRIPTION_IDENTIFIER}


def read(reader: Reader, carrier: int) -> Properties:
    """Read the properties of a packet that a client sent.

    Args:
        reader: Stands at the property length.
        carrier: The packet type, or ``WILL``.

    Raises MqttError for an unknown property, one that the packet may not carry, and one that
    comes twice; only the user property may repeat (MQTT 5, 2.2.2.2).
    """
    section = Reader(reader.take(reader.variable_integer()))
    properties: Properties = {}
    pairs: list[tuple[str, str]] = []
    while section.remaining:
        row = BY_CODE.get(section.variable_integer())
        if row is None or carrier not in row.carriers:
            raise malformed("a property does not belong to its packet")
        if row.kind is Kind.PAIR:
            pairs.append((section.text(), section.text()))
            continue
        if row.name in properties:
            raise protocol_error(f"property {row.name} comes twice")
        properties[row.name] = _value(section, row)
    if pairs:
        properties[USER_PROPERTY] = pairs
    return properties


def _value(section: Reader, row: Property) -> int | str | bytes:
    if row.kind is Kind.TEXT:
        return section.text()
    if row.kind is Kind.BINARY:
        return section.binary()
    if row.kind is Kind.VARIABLE:
        number = section.variable_integer()
    else:
        number = section.integer(WIDTHS[row.kind])
    if row.kind is Kind.BYTE and number > 1:
        raise protocol_error(f"property {row.name} is {number}, not 0 or 1")
    if number == 0 and row.name in NEVER_ZERO:
        raise protocol_error(f"property {row.name} is 0")
    return number


def write(properties: Properties) -> bytes:
    """Encode properties with their length; an unknown name is a KeyError."""
    body = b"".join(_field(BY_NAME[name], value) for name, value in properties.items())
    return wire.variable_integer(len(body)) + body


def _field(row: Property, value: PropertyValue) -> bytes:
    code = bytes([row.code])
    if isinstance(value, list):
        return b"".join(code + _single(row, item) for item in value)
    return code + _single(row, value)


def _single(row: Property, value: int | str | bytes | tuple[str, str]) -> bytes:
    if isinstance(value, tuple):
        return wire.text(value[0]) + wire.text(value[1])
    if isinstance(value, str):
        return wire.text(value)
    if isinstance(value, bytes):
        return wire.binary(value)
    if row.kind is Kind.VARIABLE:
        return wire.variable_integer(value)
    return value.to_bytes(WIDTHS[row.kind], "big")
