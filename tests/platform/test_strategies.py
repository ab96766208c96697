"""Submit strategies and the close-session option, over the wire (``thingsboard-rpc.md`` 5.5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tools.rpc import Limits, Strategy
from tests.contract.raw_mqtt import RawMqtt
from tests.contract.target import Target, own_platform
from tests.contract.test_persistent import show, status_is, submit
from tests.platform.test_up_command import Up

REQUESTS = "v1/devices/me/rpc/request/+"
RESPONSE = "v1/devices/me/rpc/response/"


@pytest.fixture
def sequential(tmp_path: Path, strategy: Strategy) -> Iterator[Target]:
    """A platform with a sequential strategy."""
    limits = Limits(strategy=strategy, response_timeout_ms=500)
    with own_platform(tmp_path, limits=limits) as target:
        yield target


@pytest.mark.parametrize("strategy", [Strategy.ON_ACK])
def test_row_65_second_command_comes_after_the_first_puback(sequential: Target):
    device = sequential.new_device()
    calls = [submit(sequential, device) for _ in range(2)]
    with RawMqtt(sequential.mqtt_host, sequential.mqtt_port) as client:
        client.connect(device.token)
        client.subscribe(REQUESTS)
        first = client.message()
        client.ping()
        assert show(sequential, calls[1])["status"] == "QUEUED"
        client.puback(first.packet_id)
        client.puback(client.message().packet_id)
        status_is(sequential, calls[1], "DELIVERED")


@pytest.mark.parametrize("strategy", [Strategy.ON_RESPONSE])
def test_row_66_second_command_comes_after_the_first_answer(sequential: Target):
    device = sequential.new_device()
    calls = [submit(sequential, device) for _ in range(2)]
    with RawMqtt(sequential.mqtt_host, sequential.mqtt_port) as client:
        client.connect(device.token)
        client.subscribe(REQUESTS)
        first = client.message()
        client.puback(first.packet_id)
        status_is(sequential, calls[0], "DELIVERED")
        client.ping()
        client.publish(RESPONSE + first.topic.rpartition("/")[2], "1", qos=0)
        assert client.message().topic != first.topic
        status_is(sequential, calls[0], "SUCCESSFUL")


@pytest.mark.parametrize("strategy", [Strategy.ON_RESPONSE])
def test_row_66_first_command_fails_when_no_answer_comes(sequential: Target):
    device = sequential.new_device()
    calls = [submit(sequential, device) for _ in range(2)]
    with RawMqtt(sequential.mqtt_host, sequential.mqtt_port) as client:
        client.connect(device.token)
        client.subscribe(REQUESTS)
        client.puback(client.message().packet_id)
        client.puback(client.message().packet_id)
        assert "error" in status_is(sequential, calls[0], "FAILED")["response"]


def test_silent_connection_is_replaced_and_the_call_delivered(tmp_path: Path):
    limits = Limits(close_sessions_on_timeout=True)
    with own_platform(tmp_path, limits=limits) as target:
        device = target.new_device()
        rpc_id = submit(target, device, retries=0)
        with RawMqtt(target.mqtt_host, target.mqtt_port, 5) as silent:
            silent.connect(device.token)
            silent.subscribe(REQUESTS)
            silent.message()
            packet = silent.receive()
            assert (packet.kind, packet.body[:1]) == (14, b"\x98")
            assert silent.is_closed()
        status_is(target, rpc_id, "QUEUED")
        with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
            client.connect(device.token)
            client.subscribe(REQUESTS)
            client.puback(client.message().packet_id)
            status_is(target, rpc_id, "DELIVERED")


def test_strategy_is_an_option_of_the_command(tmp_path: Path):
    up = Up(tmp_path, "--strategy", "on-ack", "--no-profile")
    try:
        target = up.ready()
        device = target.new_device()
        for _ in range(2):
            submit(target, device)
        with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
            client.connect(device.token)
            client.subscribe(REQUESTS)
            first = client.message()
            client.ping()
            client.puback(first.packet_id)
            assert client.message().topic != first.topic
    finally:
        up.end()
