"""The codec held against paho's bytes, in both directions and for every version."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from host_tools.mqtt import (
    Acknowledgement,
    ConnAck,
    Connect,
    Disconnect,
    PacketType,
    PingReq,
    PingResp,
    Publish,
    Reason,
    SubAck,
    Subscribe,
    Subscription,
    UnsubAck,
    Unsubscribe,
    Version,
    Will,
    encode,
)
from tests.mqtt.paho_peer import PahoPeer

ALL_VERSIONS = pytest.mark.parametrize("version", list(Version), ids=lambda v: v.name)
UTF8 = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
TOPICS = UTF8.map(lambda topic: topic.replace("+", "-").replace("#", "-") or "t")


@pytest.fixture
def peer(version: Version) -> Iterator[PahoPeer]:
    """A paho client that was accepted."""
    peer = PahoPeer(version, client_id="paho")
    peer.connect()
    peer.accept()
    yield peer
    peer.close()


@ALL_VERSIONS
@given(user=UTF8, password=UTF8, client_id=UTF8.filter(bool), keep_alive=st.integers(1, 65_535))
def test_connect(version: Version, user: str, password: str, client_id: str, keep_alive: int):
    peer = PahoPeer(version, client_id=client_id)
    peer.client.username_pw_set(user, password)
    peer.client.will_set("last/will", b"\0gone", qos=1, retain=True)
    connect = peer.connect(keepalive=keep_alive)
    assert connect == Connect(
        version,
        client_id,
        clean_start=True,
        keep_alive_s=keep_alive,
        user_name=user,
        password=password.encode(),
        will=Will("last/will", b"\0gone", qos=1, retain=True),
    )
    assert password == "" or repr(password.encode()) not in repr(connect)
    peer.close()


def test_connect_without_clean_session():
    peer = PahoPeer(Version.V3_1_1, client_id="x", clean_session=False)
    connect = peer.connect()
    assert isinstance(connect, Connect)
    assert not connect.clean_start


def test_connect_properties_of_mqtt_5():
    peer = PahoPeer(Version.V5, client_id="x")
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 7
    properties.ReceiveMaximum = 10
    properties.UserProperty = [("a", "1"), ("a", "2")]
    connect = peer.connect(properties=properties)
    assert isinstance(connect, Connect)
    assert connect.properties == {
        "session_expiry_interval": 7,
        "receive_maximum": 10,
        "user_property": [("a", "1"), ("a", "2")],
    }


@ALL_VERSIONS
@given(topic=TOPICS, payload=st.binary(max_size=300), qos=st.integers(0, 2), retain=st.booleans())
def test_publish_of_paho(version: Version, topic: str, payload: bytes, qos: int, retain: bool):
    peer = PahoPeer(version, client_id="x")
    peer.connect()
    peer.accept()
    info = peer.client.publish(topic, payload, qos, retain)
    identifier = info.mid if qos else None
    assert peer.sent() == Publish(topic, payload, qos, identifier, retain)
    peer.close()


@ALL_VERSIONS
@given(topic=TOPICS, payload=st.binary(max_size=300), qos=st.integers(0, 1))
def test_publish_of_ours(version: Version, topic: str, payload: bytes, qos: int):
    peer = PahoPeer(version, client_id="x")
    peer.connect()
    peer.accept()
    peer.give(Publish(topic, payload, qos, 7 if qos else None))
    name, message = peer.events[-1]
    assert (name, message.topic, message.payload, message.qos) == ("message", topic, payload, qos)
    if qos:
        assert peer.sent() == Acknowledgement(PacketType.PUBACK, 7)
    peer.close()


@pytest.mark.parametrize("version", [Version.V5])
def test_publish_properties(peer: PahoPeer):
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "application/json"
    properties.CorrelationData = b"\1\2"
    properties.MessageExpiryInterval = 5
    peer.client.publish("t", b"x", qos=0, properties=properties)
    packet = peer.sent()
    assert isinstance(packet, Publish)
    assert packet.properties == {
        "content_type": "application/json",
        "correlation_data": b"\1\2",
        "message_expiry_interval": 5,
    }
    peer.give(Publish("t", b"y", properties=packet.properties))
    message = peer.events[-1][1]
    assert message.properties.ContentType == "application/json"
    assert message.properties.CorrelationData == b"\1\2"


@ALL_VERSIONS
def test_subscribe_and_its_acknowledgement(peer: PahoPeer, version: Version):
    _, identifier = peer.client.subscribe([("a/+", 1), ("b/#", 2)])
    wanted = (Subscription("a/+", 1), Subscription("b/#", 2))
    assert peer.sent() == Subscribe(identifier, wanted)
    peer.give(SubAck(identifier, (1, Reason.TOPIC_FILTER_INVALID)))
    name, acknowledged, codes, _ = peer.events[-1]
    assert (name, acknowledged) == ("subscribe", identifier)
    assert [code.value for code in codes] == [1, 0x8F if version is Version.V5 else 0x80]


@pytest.mark.parametrize("version", [Version.V5])
def test_subscription_options(peer: PahoPeer):
    options = SubscribeOptions(qos=1, noLocal=True, retainAsPublished=True, retainHandling=2)
    _, identifier = peer.client.subscribe("a", options=options)
    assert peer.sent() == Subscribe(identifier, (Subscription("a", 1, True, True, 2),))


@ALL_VERSIONS
def test_unsubscribe_and_its_acknowledgement(peer: PahoPeer, version: Version):
    _, identifier = peer.client.unsubscribe(["a", "b"])
    assert peer.sent() == Unsubscribe(identifier, ("a", "b"))
    reasons = (Reason.SUCCESS, Reason.NO_SUBSCRIPTION_EXISTED)
    peer.give(UnsubAck(identifier, reasons if version is Version.V5 else ()))
    assert peer.events[-1][:2] == ("unsubscribe", identifier)


@ALL_VERSIONS
def test_puback_of_ours(peer: PahoPeer, version: Version):
    identifier = peer.client.publish("t", b"x", qos=1).mid
    peer.sent()
    peer.give(Acknowledgement(PacketType.PUBACK, identifier, Reason.PAYLOAD_FORMAT_INVALID))
    name, acknowledged, reason, _ = peer.events[-1]
    assert (name, acknowledged) == ("publish", identifier)
    assert reason.value == (0x99 if version is Version.V5 else 0)


@ALL_VERSIONS
def test_ping_and_disconnect(peer: PahoPeer, version: Version):
    peer.client._send_pingreq()
    peer.sent()
    peer.give(PingResp())
    if version is Version.V5:
        peer.give(Disconnect(Reason.SESSION_TAKEN_OVER))
        assert peer.events[-1][0] == "disconnect"
        assert peer.events[-1][2].value == 0x8E
    else:
        peer.client.disconnect()
        assert peer.sent() == Disconnect()


@ALL_VERSIONS
@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.BAD_USER_NAME_OR_PASSWORD, 5),
        (Reason.CLIENT_IDENTIFIER_NOT_VALID, 2),
        (Reason.SERVER_UNAVAILABLE, 3),
        (Reason.CONNECTION_RATE_EXCEEDED, 3),
        (Reason.NOT_AUTHORIZED, 5),
    ],
)
def test_refusals(version: Version, reason: Reason, code: int):
    peer = PahoPeer(version, client_id="x")
    peer.connect()
    peer.accept(reason=reason)
    told = next(event for event in peer.events if event[0] == "connect")[2]
    expected = {2: 0x85, 3: 0x88, 5: 0x87}[code] if version is not Version.V5 else reason
    assert told.value == expected
    peer.close()


def test_unsupported_protocol_is_return_code_1():
    # Not through paho: it would answer by connecting again with MQTT 3.1.
    packet = ConnAck(Reason.UNSUPPORTED_PROTOCOL_VERSION)
    assert encode(packet, Version.V3_1_1) == b"\x20\x02\x00\x01"


def test_packets_of_clients_are_not_encoded():
    with pytest.raises(TypeError):
        encode(PingReq(), Version.V5)
    with pytest.raises(ValueError, match="MQTT 5"):
        encode(Disconnect(), Version.V3_1_1)
