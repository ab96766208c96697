"""What the decoder accepts, what it refuses, and that it never keeps more than it may."""

from __future__ import annotations

import contextlib
import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.mqtt import (
    Acknowledgement,
    Connect,
    Decoder,
    Disconnect,
    MqttError,
    Packet,
    PacketType,
    PingReq,
    Publish,
    Reason,
    Subscribe,
    Subscription,
    Version,
)

LIMIT = 1_000


def text(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def connect_bytes(
    level: int = 4, flags: int = 2, name: bytes = b"MQTT", rest: bytes = b""
) -> bytes:
    properties = b"\0" if level == 5 else b""
    body = text(name) + bytes([level, flags, 0, 60]) + properties + text(b"") + rest
    return bytes([0x10, len(body)]) + body


def connected(version: Version = Version.V3_1_1) -> Decoder:
    """A decoder that has seen CONNECT."""
    decoder = Decoder(LIMIT)
    name = b"MQIsdp" if version is Version.V3_1 else b"MQTT"
    assert len(list(decoder.feed(connect_bytes(version, name=name)))) == 1
    return decoder


STREAM = (
    connect_bytes()
    + b"\xc0\x00"
    + b"\x82\x06\x00\x01\x00\x01a\x01"
    + b"\x32\x06\x00\x01t\x00\x02x"
    + b"\x40\x02\x00\x03"
    + b"\x30\xc8\x01\x00\x01t"
    + b"y" * 197
    + b"\xe0\x00"
)
PACKETS: list[Packet] = [
    Connect(Version.V3_1_1, "", keep_alive_s=60),
    PingReq(),
    Subscribe(1, (Subscription("a", 1),)),
    Publish("t", b"x", 1, 2),
    Acknowledgement(PacketType.PUBACK, 3),
    Publish("t", b"y" * 197),
    Disconnect(),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_packets_are_the_same_however_the_stream_is_cut(cuts: list[int]):
    decoder = Decoder(LIMIT)
    places = [0, *sorted(cuts), len(STREAM)]
    parts = [STREAM[start:end] for start, end in itertools.pairwise(places)]
    assert [packet for part in parts for packet in decoder.feed(part)] == PACKETS


def test_packets_before_a_wrong_one_are_delivered():
    decoder = connected()
    packets = decoder.feed(b"\xc0\x00\xc0\x00\xff\x00")
    assert next(packets) == next(packets) == PingReq()
    with pytest.raises(MqttError):
        next(packets)


def test_giant_is_refused_before_it_is_collected():
    decoder = connected()
    with pytest.raises(MqttError) as refused:
        list(decoder.feed(b"\x30\xff\xff\xff\x7f"))
    assert refused.value.reason is Reason.PACKET_TOO_LARGE


def test_packet_of_exactly_the_limit_is_accepted():
    decoder = connected()
    body = b"\x00\x01t" + b"x" * (LIMIT - 3)
    (packet,) = decoder.feed(b"\x30\xe8\x07" + body)
    assert packet == Publish("t", b"x" * (LIMIT - 3))
    with pytest.raises(MqttError):
        list(decoder.feed(b"\x30\xe9\x07"))


WRONG_FOR_ALL = {
    "remaining length of five bytes": b"\x30\xff\xff\xff\xff\x01",
    "remaining length not shortest": b"\xc0\x80\x00",
    "packet type 0": b"\x00\x00",
    "server's packet type": b"\xd0\x00",
    "second CONNECT": connect_bytes(),
    "PINGREQ with flags": b"\xc1\x00",
    "PINGREQ with a body": b"\xc0\x01x",
    "SUBSCRIBE with wrong flags": b"\x80\x06\x00\x01\x00\x01a\x01",
    "SUBSCRIBE with packet id 0": b"\x82\x06\x00\x00\x00\x01a\x01",
    "SUBSCRIBE without filter": b"\x82\x02\x00\x01",
    "SUBSCRIBE with an empty filter": b"\x82\x05\x00\x01\x00\x00\x01",
    "SUBSCRIBE without QoS": b"\x82\x05\x00\x01\x00\x01a",
    "SUBSCRIBE with QoS 3": b"\x82\x06\x00\x01\x00\x01a\x03",
    "UNSUBSCRIBE without filter": b"\xa2\x02\x00\x01",
    "PUBLISH with QoS 3": b"\x36\x05\x00\x01t\x00\x01",
    "PUBLISH duplicate with QoS 0": b"\x38\x03\x00\x01t",
    "PUBLISH with an empty topic": b"\x30\x02\x00\x00",
    "PUBLISH with a wildcard": b"\x30\x03\x00\x01#",
    "PUBLISH with a topic that is not UTF-8": b"\x30\x03\x00\x01\xff",
    "PUBLISH with a surrogate": b"\x30\x05\x00\x03\xed\xa0\x80",
    "PUBLISH with U+0000": b"\x30\x03\x00\x01\x00",
    "PUBLISH with a topic longer than the packet": b"\x30\x03\x00\x09t",
    "PUBLISH with QoS 1 and no packet id": b"\x32\x03\x00\x01t",
    "PUBLISH with packet id 0": b"\x32\x05\x00\x01t\x00\x00",
    "PUBACK of one byte": b"\x40\x01\x00",
    "PUBACK with flags": b"\x42\x02\x00\x01",
    "PUBREL without its flag": b"\x60\x02\x00\x01",
}


@pytest.mark.parametrize("version", [Version.V3_1, Version.V3_1_1], ids=lambda v: v.name)
@pytest.mark.parametrize("data", WRONG_FOR_ALL.values(), ids=WRONG_FOR_ALL.keys())
def test_wrong_packet_is_refused(version: Version, data: bytes):
    with pytest.raises(MqttError):
        list(connected(version).feed(data))


WRONG_FOR_OLD = {
    "AUTH": b"\xf0\x00",
    "PUBACK with a reason": b"\x40\x03\x00\x01\x00",
    "DISCONNECT with a reason": b"\xe0\x01\x00",
    "SUBSCRIBE with options": b"\x82\x06\x00\x01\x00\x01a\x05",
}


@pytest.mark.parametrize("data", WRONG_FOR_OLD.values(), ids=WRONG_FOR_OLD.keys())
def test_what_only_mqtt_5_has_is_refused_before_it(data: bytes):
    with pytest.raises(MqttError):
        list(connected().feed(data))


WRONG_FOR_5 = {
    "unknown property": (b"\x30\x06\x00\x01t\x02\x7f\x00", Reason.MALFORMED_PACKET),
    "property of another packet": (b"\x30\x06\x00\x01t\x02\x24\x01", Reason.MALFORMED_PACKET),
    "property twice": (b"\x30\x08\x00\x01t\x04\x01\x01\x01\x01", Reason.PROTOCOL_ERROR),
    "properties longer than the packet": (b"\x30\x04\x00\x01t\x05", Reason.MALFORMED_PACKET),
    "property value cut": (b"\x30\x05\x00\x01t\x01\x01", Reason.MALFORMED_PACKET),
    "boolean of 2": (b"\x30\x06\x00\x01t\x02\x01\x02", Reason.PROTOCOL_ERROR),
    "topic alias": (b"\x30\x07\x00\x01t\x03\x23\x00\x01", Reason.TOPIC_ALIAS_INVALID),
    "topic alias and no topic": (b"\x30\x06\x00\x00\x03\x23\x00\x01", Reason.TOPIC_ALIAS_INVALID),
    "subscription identifier": (b"\x30\x06\x00\x01t\x02\x0b\x01", Reason.PROTOCOL_ERROR),
    "retain handling 3": (b"\x82\x07\x00\x01\x00\x00\x01a\x31", Reason.MALFORMED_PACKET),
    "reserved option": (b"\x82\x07\x00\x01\x00\x00\x01a\x41", Reason.MALFORMED_PACKET),
    "bytes after a DISCONNECT": (b"\xe0\x03\x00\x00x", Reason.MALFORMED_PACKET),
    "property length not shortest": (b"\x30\x05\x00\x01t\x80\x00", Reason.MALFORMED_PACKET),
}


@pytest.mark.parametrize(("data", "reason"), WRONG_FOR_5.values(), ids=WRONG_FOR_5.keys())
def test_wrong_packet_of_mqtt_5_is_refused_with_its_reason(data: bytes, reason: Reason):
    with pytest.raises(MqttError) as refused:
        list(connected(Version.V5).feed(data))
    assert refused.value.reason is reason


WRONG_CONNECTS = {
    "another packet first": (b"\xc0\x00", Reason.PROTOCOL_ERROR),
    "HTTP": (b"GET / HTTP/1.1\r\n\r\n", Reason.PROTOCOL_ERROR),
    "flags in the first byte": (b"\x11" + connect_bytes()[1:], Reason.MALFORMED_PACKET),
    "another protocol": (connect_bytes(name=b"AMQP"), Reason.MALFORMED_PACKET),
    "level 6": (connect_bytes(level=6), Reason.UNSUPPORTED_PROTOCOL_VERSION),
    "level 3 with the new name": (connect_bytes(level=3), Reason.UNSUPPORTED_PROTOCOL_VERSION),
    "reserved flag": (connect_bytes(flags=3), Reason.MALFORMED_PACKET),
    "will QoS without will": (connect_bytes(flags=0x0A), Reason.MALFORMED_PACKET),
    "will retain without will": (connect_bytes(flags=0x22), Reason.MALFORMED_PACKET),
    "will QoS 3": (connect_bytes(flags=0x1E, rest=text(b"t") + text(b"")), Reason.MALFORMED_PACKET),
    "password without user": (connect_bytes(flags=0x42, rest=text(b"p")), Reason.MALFORMED_PACKET),
    "user name missing": (connect_bytes(flags=0x82), Reason.MALFORMED_PACKET),
    "bytes at the end": (connect_bytes(rest=b"x"), Reason.MALFORMED_PACKET),
    "will with a wildcard": (
        connect_bytes(flags=0x06, rest=text(b"#") + text(b"")),
        Reason.MALFORMED_PACKET,
    ),
}


@pytest.mark.parametrize(("data", "reason"), WRONG_CONNECTS.values(), ids=WRONG_CONNECTS.keys())
def test_wrong_connect_is_refused_with_its_reason(data: bytes, reason: Reason):
    with pytest.raises(MqttError) as refused:
        list(Decoder(LIMIT).feed(data))
    assert refused.value.reason is reason


def test_mqtt_5_may_send_a_password_without_a_user_name():
    (connect,) = Decoder(LIMIT).feed(connect_bytes(level=5, flags=0x42, rest=text(b"p")))
    assert isinstance(connect, Connect)
    assert (connect.user_name, connect.password) == (None, b"p")


MUTATIONS = st.tuples(st.integers(0, len(STREAM) - 1), st.integers(0, 255))


@given(st.lists(MUTATIONS, min_size=1, max_size=8), st.sampled_from(list(Version)))
def test_mutated_streams_end_in_nothing_but_an_mqtt_error(
    mutations: list[tuple[int, int]], version: Version
):
    stream = bytearray(STREAM)
    for place, value in mutations:
        stream[place] = value
    with contextlib.suppress(MqttError):
        list(Decoder(LIMIT).feed(bytes(stream)))
    with contextlib.suppress(MqttError):
        list(connected(version).feed(bytes(stream)))


@given(st.lists(st.binary(max_size=400), max_size=20), st.sampled_from(list(Version)))
def test_no_stream_makes_the_decoder_keep_more_than_a_packet(chunks: list[bytes], version: Version):
    decoder = connected(version)
    with contextlib.suppress(MqttError):
        for chunk in chunks:
            list(decoder.feed(chunk))
            assert len(decoder._buffer) <= LIMIT + 5
