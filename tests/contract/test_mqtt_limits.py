"""What an MQTT 5 client says it can take (MQTT 5, 3.1.2.11.3, 3.1.2.11.4 and 4.9)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.raw_mqtt import RawMqtt, frame, text
from tests.contract.target import Device, Target
from tests.contract.test_persistent import show, status_is, submit

REQUESTS = "v1/devices/me/rpc/request/+"


@pytest.fixture
def client(target: Target) -> Iterator[RawMqtt]:
    """An MQTT 5 connection before its CONNECT."""
    if not target.is_ours:
        pytest.skip("ThingsBoard does not heed these limits")
    with RawMqtt(target.mqtt_host, target.mqtt_port, 5) as client:
        yield client


def connect(client: RawMqtt, device: Device, properties: bytes) -> None:
    """Connect with properties and subscribe commands."""
    head = text("MQTT") + bytes([5, 0x82, 0, 60]) + bytes([len(properties)]) + properties
    client.send(frame(0x10, head + text("") + text(device.token)))
    assert client.receive().body[1] == 0
    assert client.subscribe(REQUESTS) == [1]


def test_no_more_commands_are_under_way_than_the_client_takes(
    target: Target, device: Device, client: RawMqtt
):
    calls = [submit(target, device, way="oneway", params=index) for index in range(5)]
    connect(client, device, b"\x21" + struct.pack(">H", 2))
    first, second = client.message(), client.message()
    client.ping()  # nothing else is sent before it
    status_is(target, calls[1], "SENT", "TIMEOUT")
    assert show(target, calls[2])["status"] == "QUEUED"
    for packet_id in (first.packet_id, second.packet_id):
        client.puback(packet_id)
    for _ in range(3):
        client.puback(client.message().packet_id)
    for rpc_id in calls:
        status_is(target, rpc_id, "DELIVERED")


def test_command_that_is_too_large_for_the_client_is_refused(
    target: Target, device: Device, client: RawMqtt
):
    connect(client, device, b"\x27" + struct.pack(">I", 200))
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(target.rest.call, device, "small", params="x" * 50)
        message = client.message()
        identifier = message.topic.rpartition("/")[2]
        client.publish_acknowledged(f"v1/devices/me/rpc/response/{identifier}", "1")
        assert call.result().json() == 1
    answer = target.rest.call(device, "large", params="x" * 200)
    assert (answer.status_code, answer.json()["result"]) == (200, "INVALID_ARGUMENTS")
    rpc_id = submit(target, device, params="x" * 200)
    assert status_is(target, rpc_id, "FAILED")["response"]["result"] == "INVALID_ARGUMENTS"
    client.ping()
