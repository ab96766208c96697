"""Rows 1 to 17 of ``reference/thingsboard-rpc.md`` 10.1: MQTT sessions."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.contract.raw_mqtt import RawMqtt
from tests.contract.target import Device, Target

REQUESTS = "v1/devices/me/rpc/request/+"
TELEMETRY = "v1/devices/me/telemetry"
VERSIONS = pytest.mark.parametrize("version", [3, 4, 5], ids=["3.1", "3.1.1", "5"])

Dial = Callable[..., RawMqtt]


@pytest.fixture
def dial(target: Target) -> Dial:
    """Opens MQTT connections that end with the test."""

    def open_connection(version: int = 4) -> RawMqtt:
        return RawMqtt(target.mqtt_host, target.mqtt_port, version)

    return open_connection


@VERSIONS
@pytest.mark.parametrize("password", [None, "anything"])
def test_row_1_token_as_user_name_is_accepted(
    dial: Dial, device: Device, version: int, password: str | None
):
    with dial(version) as client:
        assert client.connect(device.token, password, client_id="any")[1] == 0


@pytest.mark.parametrize(("version", "code"), [(3, 5), (4, 5), (5, 0x86)])
def test_row_2_unknown_token_is_refused_and_closed(dial: Dial, version: int, code: int):
    with dial(version) as client:
        assert client.connect("no-such-token") == (0, code)
        assert client.is_closed()


@pytest.mark.parametrize(("version", "code"), [(4, 2), (5, 0x85)])
def test_row_3_client_id_of_no_device_is_rejected(dial: Dial, version: int, code: int):
    with dial(version) as client:
        assert client.connect(None, client_id="nobody") == (0, code)
        assert client.is_closed()


@VERSIONS
def test_row_4_unclean_session_is_called_present_and_remembers_nothing(
    target: Target, dial: Dial, device: Device, version: int
):
    present = 0 if version == 3 else 1
    with dial(version) as client:
        assert client.connect(device.token, clean=False) == (present, 0)
        assert client.subscribe(REQUESTS) == [1]
    with dial(version) as client:
        assert client.connect(device.token, clean=False) == (present, 0)
        status = target.rest.call(device, "ping", version="v1", way="oneway", timeout=1).status_code
        assert status == 409


def test_row_6_second_connection_closes_the_first(dial: Dial, device: Device):
    with dial(4) as first, dial(4) as second:
        first.connect(device.token)
        second.connect(device.token)
        assert first.is_closed()
        second.ping()


def test_row_6_mqtt_5_is_told_that_its_session_was_taken_over(dial: Dial, device: Device):
    with dial(5) as first, dial(5) as second:
        first.connect(device.token)
        second.connect(device.token)
        packet = first.receive()
        assert (packet.kind, packet.body[:1]) == (14, b"\x8e")


def test_row_7_new_token_closes_the_connection(target: Target, dial: Dial, device: Device):
    with dial() as client:
        client.connect(device.token)
        path = f"/api/device/{device.id}/credentials"
        credentials = target.rest.get(path).json()
        credentials["credentialsId"] = f"{device.token[:10]}changed"
        assert target.rest.post("/api/device/credentials", credentials).status_code == 200
        assert client.is_closed()
    with dial() as client:
        assert client.connect(credentials["credentialsId"])[1] == 0


@VERSIONS
def test_row_8_qos_2_subscription_is_granted_qos_1(dial: Dial, device: Device, version: int):
    with dial(version) as client:
        client.connect(device.token)
        assert client.subscribe(REQUESTS, qos=2) == [1]
        assert client.subscribe(REQUESTS, qos=0) == [0]


@pytest.mark.parametrize(("version", "code"), [(4, 0x80), (5, 0x8F)])
@pytest.mark.parametrize(
    "topic_filter", ["#", "+", "v1/devices/me/rpc/request/#", "/v1/devices/me/rpc/request/+"]
)
def test_row_9_other_filters_fail_and_the_connection_lives(
    dial: Dial, device: Device, version: int, code: int, topic_filter: str
):
    with dial(version) as client:
        client.connect(device.token)
        assert client.subscribe(topic_filter) == [code]
        client.ping()


def test_row_10_every_filter_gets_its_own_code_in_order(dial: Dial, device: Device):
    with dial() as client:
        client.connect(device.token)
        assert client.subscribe(REQUESTS, "#", "v2/a", qos=1) == [1, 0x80, 1]


@pytest.mark.parametrize(("version", "reason"), [(4, 0), (5, 0x90)])
@pytest.mark.parametrize("topic", ["v1/devices/me/foo", "/v1/devices/me/telemetry"])
def test_row_11_unknown_topic_is_acknowledged(
    dial: Dial, device: Device, version: int, reason: int, topic: str
):
    with dial(version) as client:
        client.connect(device.token)
        assert client.publish_acknowledged(topic, "{}") == reason
        client.ping()


@pytest.mark.parametrize("qos", [0, 1])
def test_row_12_malformed_telemetry_closes_without_puback(dial: Dial, device: Device, qos: int):
    with dial() as client:
        client.connect(device.token)
        client.publish(TELEMETRY, "not json{", qos=qos)
        assert client.is_closed()


def test_row_13_malformed_telemetry_over_mqtt_5_is_refused_by_puback(dial: Dial, device: Device):
    with dial(5) as client:
        client.connect(device.token)
        assert client.publish_acknowledged(TELEMETRY, "not json{") == 0x99
        client.ping()
        client.publish(TELEMETRY, "not json{", qos=0)
        packet = client.receive()
        assert (packet.kind, packet.body[:1]) == (14, b"\x99")


def test_row_15_packet_above_the_limit_closes(dial: Dial, device: Device):
    with dial() as client:
        client.connect(device.token)
        client.publish(TELEMETRY, json.dumps({"key": "x" * 65_536}))
        assert client.is_closed()


@VERSIONS
def test_row_16_ping_is_answered(dial: Dial, device: Device, version: int):
    with dial(version) as client:
        client.connect(device.token)
        client.ping()


def test_row_17_session_limits_are_told(dial: Dial, device: Device):
    with dial() as client:
        client.connect(device.token)
        client.subscribe("v1/devices/me/rpc/response/+")
        call = {"method": "getSessionLimits", "params": {"timeout": 5000}}
        client.publish("v1/devices/me/rpc/request/1", json.dumps(call), qos=0)
        message = client.message()
        assert message.topic == "v1/devices/me/rpc/response/1"
        limits = json.loads(message.payload)
        assert limits["maxPayloadSize"] == 65_536
        assert limits["maxInflightMessages"] == 100
        assert set(limits["rateLimits"]) >= {"messages", "telemetryMessages"}
