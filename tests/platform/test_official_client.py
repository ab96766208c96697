"""ThingsBoard's own REST client, unmodified, against the platform."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tb_rest_client.models import Device as ClientDevice
from tb_rest_client.rest import ApiException
from tb_rest_client.rest_client import RestClient

from tests.contract.paho_device import Command, PahoDevice
from tests.contract.target import Device, Target


@pytest.fixture
def client(target: Target) -> Iterator[RestClient]:
    """The official client, logged in."""
    with RestClient(base_url=target.url) as client:
        client.login(target.user, target.password)
        yield client


@pytest.fixture
def device(client: RestClient) -> Device:
    """A device that the official client created."""
    made = client.save_device(ClientDevice(name="official", type="default"))
    credentials = client.get_device_credentials_by_device_id(made.id.id)
    return Device(str(made.id.id), made.name, credentials.credentials_id)


def test_client_knows_who_it_is(client: RestClient, target: Target):
    assert client.get_user().email == target.user


def test_client_calls_both_ways_over_v1_and_v2(client: RestClient, target: Target, device: Device):
    def answer(command: Command) -> object:
        return {"pin": command.params["pin"], "value": command.params["value"], "changed": True}

    body = {"method": "setGpio", "params": {"pin": 23, "value": 1}, "timeout": 5000}
    with PahoDevice(target, device, answer) as board:
        expected = {"pin": 23, "value": 1, "changed": True}
        assert client.handle_two_way_device_rpc_request(device.id, body) == expected
        assert client.handle_two_way_device_rpc_request_v1(device.id, body) == expected
        assert client.handle_one_way_device_rpc_request(device.id, body) is None
        assert client.handle_one_way_device_rpc_request_v1(device.id, body) is None
        assert [command.method for command in board.commands][:2] == ["setGpio", "setGpio"]


def test_client_finds_and_removes_its_device(client: RestClient, device: Device):
    assert str(client.get_tenant_device(device.name).id.id) == device.id
    client.delete_device(device.id)
    with pytest.raises(ApiException) as refused:
        client.get_device_by_id(device.id)
    assert refused.value.status == 404
