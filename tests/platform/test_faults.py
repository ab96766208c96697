"""Faults on demand: each one seen by a device, and none of them by default."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.paho_device import PahoDevice
from tests.contract.raw_mqtt import RawMqtt
from tests.contract.target import Device, Target, own_platform
from tests.contract.test_persistent import status_is, submit

REQUESTS = "v1/devices/me/rpc/request/+"


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    """A platform whose faults can be switched on."""
    with own_platform(tmp_path / "data", faults=True) as target:
        yield target


@pytest.fixture
def client(target: Target, device: Device) -> Iterator[RawMqtt]:
    """A connected device."""
    with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
        client.connect(device.token)
        yield client


def set_faults(target: Target, device_id: str, **faults: int | bool) -> None:
    """Set the faults of a device."""
    assert target.rest.post(f"/api/faults/{device_id}", faults).status_code == 200


@pytest.mark.parametrize("who", ["device", "*"])
def test_pubacks_are_dropped_as_often_as_asked(
    target: Target, device: Device, client: RawMqtt, who: str
):
    set_faults(target, device.id if who == "device" else who, drop_pubacks=2)
    for _ in range(2):
        client.publish("v1/devices/me/telemetry", "{}")
    assert client.publish_acknowledged("v1/devices/me/telemetry", "{}") == 0


def test_other_devices_do_not_suffer(target: Target, device: Device, client: RawMqtt):
    set_faults(target, target.new_device().id, drop_pubacks=100)
    client.publish_acknowledged("v1/devices/me/telemetry", "{}")


def test_suback_is_late(target: Target, device: Device, client: RawMqtt):
    set_faults(target, device.id, delay_suback_ms=300)
    started = time.monotonic()
    client.subscribe("v2/a")
    assert time.monotonic() - started >= 0.3


def test_connection_is_cut_after_some_packets(target: Target, device: Device):
    set_faults(target, device.id, close_after_packets=3)
    for _ in range(2):
        with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
            client.connect(device.token)
            client.ping()
            client.ping()
            client.send(b"\xc0\x00")
            assert client.is_closed()


def test_commands_come_twice(target: Target, device: Device, client: RawMqtt):
    set_faults(target, device.id, duplicate_commands=True)
    client.subscribe(REQUESTS)
    target.rest.call(device, "any", way="oneway")
    assert client.message() == client.message()


def test_subscriptions_are_granted_qos_0(target: Target, device: Device, client: RawMqtt):
    set_faults(target, device.id, downgrade_qos=True)
    assert client.subscribe(REQUESTS) == [0]


def test_restart_of_thingsboard_counts_from_0_again(
    target: Target, device: Device, client: RawMqtt
):
    with PahoDevice(target, device) as board:
        target.rest.call(device, "first")
        target.rest.call(device, "second")
        assert [command.request_id for command in board.commands] == ["0", "1"]
    rpc_id = submit(target, device)
    assert target.rest.post("/api/faults").status_code == 200
    with RawMqtt(target.mqtt_host, target.mqtt_port) as again:
        again.connect(device.token)
        again.subscribe(REQUESTS)
        message = again.message()
        assert message.topic == "v1/devices/me/rpc/request/0"
        again.publish_acknowledged("v1/devices/me/rpc/response/0", json.dumps(1))
        status_is(target, rpc_id, "SUCCESSFUL")


def test_faults_are_shown_and_switched_off(target: Target, device: Device, client: RawMqtt):
    set_faults(target, device.id, drop_pubacks=5, downgrade_qos=True)
    shown = target.rest.get("/api/faults").json()[device.id]
    assert (shown["drop_pubacks"], shown["downgrade_qos"]) == (5, True)
    target.rest.delete("/api/faults")
    assert target.rest.get("/api/faults").json() == {}
    client.publish_acknowledged("v1/devices/me/telemetry", "{}")


@pytest.mark.parametrize(
    "body",
    [{"lose_everything": 1}, {"drop_pubacks": -1}, {"drop_pubacks": True}, {"downgrade_qos": 1}],
)
def test_wrong_faults_are_refused(target: Target, device: Device, body: dict[str, int]):
    assert target.rest.post(f"/api/faults/{device.id}", body).status_code == 400


def test_there_are_no_faults_by_default(tmp_path: Path):
    with own_platform(tmp_path / "plain") as plain:
        assert plain.rest.post("/api/faults/*", {"drop_pubacks": 1}).status_code == 404
