"""Provisioning and claiming, over MQTT and HTTP (``reference/thingsboard-rpc.md`` 1.8 and 1.9)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.raw_mqtt import RawMqtt
from tests.contract.target import Device, Rest, Target, own_platform
from tests.platform.test_roles import new_customer, new_user

KEY = {"provisionDeviceKey": "the-key", "provisionDeviceSecret": "the-secret"}
CREATE, CHECK = "ALLOW_CREATE_NEW_DEVICES", "CHECK_PRE_PROVISIONED_DEVICES"
TRANSPORTS = pytest.mark.parametrize("transport", ["mqtt", "http"])


def allow(target: Target, kind: str, **transport: Any) -> None:
    """Change the device profile."""
    profile_id = target.rest.get("/api/deviceProfileInfo/default").json()["id"]["id"]
    profile = target.rest.get(f"/api/deviceProfile/{profile_id}").json()
    profile["provisionType"] = kind
    profile["provisionDeviceKey"] = KEY["provisionDeviceKey"]
    provision = profile["profileData"]["provisionConfiguration"]
    provision["provisionDeviceSecret"] = KEY["provisionDeviceSecret"]
    profile["profileData"]["transportConfiguration"] |= transport
    assert target.rest.post("/api/deviceProfile", profile).status_code == 200


def provision(target: Target, transport: str, request: dict[str, Any]) -> dict[str, Any]:
    """Send a provision request and return the answer."""
    if transport == "http":
        response = httpx.post(f"{target.url}/api/v1/provision", json=request)
        assert response.status_code == 200
        return dict(response.json())
    with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
        assert client.connect("provision")[1] == 0
        assert client.subscribe("/provision/response", qos=0) == [0]
        client.publish("/provision/request", json.dumps(request), qos=0)
        message = client.message()
        assert message.topic == "/provision/response"
        return dict(json.loads(message.payload))


def may_connect(
    target: Target, user: str | None, password: str | None = None, **options: Any
) -> bool:
    """Tell whether a device is let in."""
    with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
        return client.connect(user, password, **options)[1] == 0


@TRANSPORTS
def test_row_82_wrong_secret_is_not_found(target: Target, transport: str):
    allow(target, CREATE)
    wrong = KEY | {"deviceName": "new", "provisionDeviceSecret": "wrong"}
    expected = {"status": "NOT_FOUND", "errorMsg": "Provision data was not found!"}
    assert provision(target, transport, wrong) == expected
    assert provision(target, transport, {"deviceName": "new"}) == expected


@TRANSPORTS
def test_nothing_is_provisioned_by_default(target: Target, transport: str):
    assert provision(target, transport, KEY | {"deviceName": "new"})["status"] == "NOT_FOUND"


@TRANSPORTS
def test_new_device_gets_a_token_and_connects(target: Target, transport: str):
    allow(target, CREATE)
    answer = provision(target, transport, KEY | {"deviceName": "new"})
    assert (answer["status"], answer["credentialsType"]) == ("SUCCESS", "ACCESS_TOKEN")
    assert may_connect(target, answer["credentialsValue"])
    again = provision(target, transport, KEY | {"deviceName": "new"})
    assert again == {"status": "FAILURE", "errorMsg": "Failed to provision device!"}


def test_device_may_bring_its_token_or_no_name(target: Target):
    allow(target, CREATE)
    answer = provision(target, "mqtt", KEY | {"token": "my-own-token"})
    assert answer["credentialsValue"] == "my-own-token"
    assert may_connect(target, "my-own-token")


def test_device_with_basic_credentials(target: Target):
    allow(target, CREATE)
    request = {"credentialsType": "MQTT_BASIC", "username": "u", "password": "p", "clientId": "c"}
    answer = provision(target, "mqtt", KEY | request)
    value = {"clientId": "c", "userName": "u", "password": "p"}
    assert answer["credentialsValue"] == value
    assert may_connect(target, "u", "p", client_id="c")
    assert not may_connect(target, "u", "wrong", client_id="c")
    assert not may_connect(target, "u", "p", client_id="other")


@pytest.mark.parametrize(
    ("value", "good", "bad"),
    [
        ({"clientId": "c"}, (None, None, "c"), (None, None, "d")),
        ({"userName": "u"}, ("u", None, "any"), ("v", None, "any")),
        ({"userName": "u", "password": "p"}, ("u", "p", "any"), ("u", "q", "any")),
    ],
)
def test_basic_credentials_may_leave_things_open(
    target: Target, device: Device, value: dict[str, str], good: Any, bad: Any
):
    credentials = target.rest.get(f"/api/device/{device.id}/credentials").json()
    credentials |= {"credentialsType": "MQTT_BASIC", "credentialsValue": json.dumps(value)}
    assert target.rest.post("/api/device/credentials", credentials).status_code == 200
    for (user, password, client_id), expected in ((good, True), (bad, False)):
        assert may_connect(target, user, password, client_id=client_id) is expected


def test_prepared_device_is_provisioned_once(target: Target, device: Device):
    allow(target, CHECK)
    answer = provision(target, "mqtt", KEY | {"deviceName": device.name})
    assert answer["credentialsValue"] == device.token
    path = f"/api/plugins/telemetry/DEVICE/{device.id}/values/attributes/SERVER_SCOPE"
    assert target.rest.get(path).json()[0]["value"] == "provisioned"
    assert provision(target, "mqtt", KEY | {"deviceName": device.name})["status"] == "FAILURE"
    assert provision(target, "mqtt", KEY | {"deviceName": "unknown"})["status"] == "FAILURE"


def test_profile_survives_a_restart(tmp_path: Path):
    with own_platform(tmp_path) as target:
        allow(target, CREATE)
    with own_platform(tmp_path) as target:
        assert provision(target, "http", KEY | {"deviceName": "new"})["status"] == "SUCCESS"


@pytest.mark.parametrize("version", [4, 5])
def test_provision_session_can_do_nothing_else(target: Target, version: int):
    with RawMqtt(target.mqtt_host, target.mqtt_port, version) as client:
        client.connect(None, client_id="provision")
        refused = 0x8F if version == 5 else 0x80
        assert client.subscribe("v1/devices/me/rpc/request/+", "/provision/response") == [
            refused,
            1,
        ]
        client.ping()
        reason = client.publish_acknowledged("v1/devices/me/telemetry", "{}")
        assert reason == (0x90 if version == 5 else 0)
        if version == 5:
            assert client.receive().kind == 14
        assert client.is_closed()


@pytest.mark.parametrize("payload", ["not json", "[]"])
def test_malformed_provision_request_closes(target: Target, payload: str):
    with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
        client.connect("provision")
        client.publish("/provision/request", payload, qos=0)
        assert client.is_closed()


def test_row_14_profile_switch_acknowledges_malformed_payloads(target: Target, device: Device):
    allow(target, "DISABLED", sendAckOnValidationException=True)
    with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
        client.connect(device.token)
        client.publish_acknowledged("v1/devices/me/telemetry", "not json{")
        client.ping()
        client.publish("v1/devices/me/telemetry", "not json{", qos=0)
        assert client.is_closed()


def offer(target: Target, device: Device, transport: str, payload: str) -> None:
    """Let a device offer itself."""
    if transport == "http":
        path = f"{target.url}/api/v1/{device.token}/claim"
        assert httpx.post(path, content=payload).status_code == 200
        return
    with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
        client.connect(device.token)
        client.publish_acknowledged("v1/devices/me/claim", payload)


@pytest.fixture
def customer(target: Target) -> Rest:
    """The user of a customer."""
    customer_id = new_customer(target, "Claimers")
    new_user(target, customer_id, "user@claim.example", "password")
    rest = Rest(target.url)
    rest.login("user@claim.example", "password")
    return rest


@TRANSPORTS
def test_customer_claims_a_device_by_its_secret(
    target: Target, device: Device, customer: Rest, transport: str
):
    path = f"/api/customer/device/{device.name}/claim"
    assert customer.post(path, {"secretKey": "open"}).json() == "FAILURE"
    offer(target, device, transport, '{"secretKey":"open","durationMs":60000}')
    refused = customer.post(path, {"secretKey": "wrong"})
    assert (refused.status_code, refused.json()) == (400, "FAILURE")
    assert customer.get(f"/api/device/{device.id}").status_code == 403
    claimed = customer.post(path, {"secretKey": "open"}).json()
    assert (claimed["response"], claimed["device"]["name"]) == ("SUCCESS", device.name)
    assert customer.get(f"/api/device/{device.id}").status_code == 200
    assert customer.post(path, {"secretKey": "open"}).json() == "CLAIMED"
    assert customer.delete(path).json() == {"response": "SUCCESS"}
    assert customer.get(f"/api/device/{device.id}").status_code == 403


def test_claim_without_a_secret_and_after_its_time(target: Target, device: Device, customer: Rest):
    path = f"/api/customer/device/{device.name}/claim"
    offer(target, device, "mqtt", '{"durationMs":1}')
    assert customer.post(path, {}).json() == "FAILURE"
    offer(target, device, "mqtt", "")
    assert customer.post(path, {}).json()["response"] == "SUCCESS"


@pytest.mark.parametrize("payload", ["[]", "not json", '{"secretKey":1}', '{"durationMs":"x"}'])
def test_malformed_claim_closes(target: Target, device: Device, payload: str):
    with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
        client.connect(device.token)
        client.publish("v1/devices/me/claim", payload)
        assert client.is_closed()
