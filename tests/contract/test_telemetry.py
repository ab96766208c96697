"""Telemetry and attributes over MQTT and REST (``reference/thingsboard-rpc.md`` 1.8 and 4.5)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.raw_mqtt import RawMqtt
from tests.contract.target import Device, Target, eventually

TELEMETRY = "v1/devices/me/telemetry"
ATTRIBUTES = "v1/devices/me/attributes"


@pytest.fixture
def client(target: Target, device: Device) -> Iterator[RawMqtt]:
    """A connected device."""
    with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
        assert client.connect(device.token)[1] == 0
        yield client


def latest(target: Target, device: Device, *keys: str, strict: bool = True) -> dict[str, Any]:
    """Return the newest values."""
    path = f"/api/plugins/telemetry/DEVICE/{device.id}/values/timeseries"
    query = {"keys": ",".join(keys), "useStrictDataTypes": str(strict).lower()}
    found = target.rest.get(path, params=query).raise_for_status().json()
    return {key: values[0]["value"] for key, values in found.items()}


def attributes(target: Target, device: Device, scope: str) -> dict[str, Any]:
    """Return the attributes of a scope."""
    path = f"/api/plugins/telemetry/DEVICE/{device.id}/values/attributes/{scope}"
    found = target.rest.get(path).raise_for_status().json()
    return {entry["key"]: entry["value"] for entry in found}


@pytest.mark.parametrize("topic", [TELEMETRY, "v2/t", "v2/t/j"])
def test_telemetry_of_every_type_is_shown(
    client: RawMqtt, target: Target, device: Device, topic: str
):
    values = {"text": "warm", "whole": 21, "real": 21.5, "flag": True, "json": {"a": [1]}}
    client.publish_acknowledged(topic, json.dumps(values | {"nothing": None}))
    eventually(lambda: latest(target, device, "text")["text"] == "warm")
    assert latest(target, device, *values, strict=True) == values
    assert latest(target, device, "whole", "flag", strict=False) == {"whole": "21", "flag": "true"}


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", 12), ("-3.5", -3.5), ("1e3", 1000.0), ("12a", "12a"), ("", ""), ("1_0", "1_0")],
)
def test_text_that_looks_like_a_number_becomes_one(
    client: RawMqtt, target: Target, device: Device, text: str, value: Any
):
    client.publish_acknowledged(TELEMETRY, json.dumps({"key": text, "end": 1}))
    eventually(lambda: latest(target, device, "end")["end"] == 1)
    assert latest(target, device, "key")["key"] == value


def test_telemetry_with_times_makes_a_history(client: RawMqtt, target: Target, device: Device):
    now_ms = int(time.time() * 1000)
    entries = [{"ts": now_ms - age, "values": {"t": age}} for age in (300, 200, 100)]
    client.publish_acknowledged(TELEMETRY, json.dumps(entries))
    eventually(lambda: latest(target, device, "t")["t"] == 100)
    path = f"/api/plugins/telemetry/DEVICE/{device.id}/values/timeseries"
    query: dict[str, Any] = {"keys": "t,u", "startTs": now_ms - 300, "endTs": now_ms - 100}
    for way in (path, f"{path}/history"):
        found = target.rest.get(way, params=query).json()
        assert found == {
            "t": [{"ts": now_ms - 200, "value": "200"}, {"ts": now_ms - 300, "value": "300"}]
        }
        found = target.rest.get(way, params=query | {"limit": 1, "orderBy": "ASC"}).json()
        assert found["t"] == [{"ts": now_ms - 300, "value": "300"}]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("AVG", [(1_500, "2.0"), (2_500, "10.0")]),
        ("MIN", [(1_500, "1"), (2_500, "10")]),
        ("MAX", [(1_500, "3"), (2_500, "10")]),
        ("SUM", [(1_500, "4"), (2_500, "10")]),
        ("COUNT", [(1_500, "2"), (2_500, "2")]),
    ],
)
def test_history_is_aggregated(
    client: RawMqtt, target: Target, device: Device, function: str, expected: list[Any]
):
    entries = [(1_000, 1), (1_999, 3), (2_100, 10), (2_200, "text"), (9_000, 99)]
    payload = [{"ts": ts, "values": {"t": value}} for ts, value in entries]
    client.publish_acknowledged(TELEMETRY, json.dumps(payload))
    eventually(lambda: latest(target, device, "t")["t"] == 99)
    path = f"/api/plugins/telemetry/DEVICE/{device.id}/values/timeseries"
    query = {"keys": "t,none", "startTs": 1_000, "endTs": 3_000, "interval": 1_000}
    found = target.rest.get(path, params=query | {"agg": function}).json()
    assert [(point["ts"], point["value"]) for point in found["t"]] == expected
    assert "none" not in found


@pytest.mark.parametrize("query", ["agg=MEDIAN", "agg=AVG&interval=x", "agg=MAX&interval=1"])
def test_wrong_aggregation(target: Target, device: Device, query: str):
    path = f"/api/plugins/telemetry/DEVICE/{device.id}/values/timeseries"
    times = "keys=t&startTs=0&endTs=1000000000000"
    assert target.rest.get(f"{path}?{times}&{query}").status_code == 400


@pytest.mark.parametrize(
    "payload", ["1", '"text"', "[1]", "null", '{"ts":"x","values":{}}', '{"ts":1,"values":2}', ""]
)
def test_telemetry_of_another_form_closes(client: RawMqtt, payload: str):
    client.publish(TELEMETRY, payload)
    assert client.is_closed()


@pytest.mark.parametrize("payload", ["[]", "1", "null", '{"":1}'])
def test_attributes_of_another_form_close(client: RawMqtt, payload: str):
    client.publish(ATTRIBUTES, payload)
    assert client.is_closed()


def test_device_reads_its_attributes_and_never_those_of_the_server(
    client: RawMqtt, target: Target, device: Device
):
    client.publish_acknowledged(ATTRIBUTES, '{"firmware":"1.2","cores":2}')
    for scope, value in (("SHARED_SCOPE", {"rate": 5}), ("SERVER_SCOPE", {"secret": 1})):
        assert target.rest.post(f"/api/plugins/telemetry/{device.id}/{scope}", value).is_success
    client.subscribe("v1/devices/me/attributes/response/+")
    for request, expected in [
        ({}, {"client": {"cores": 2, "firmware": 1.2}, "shared": {"rate": 5}}),
        ({"clientKeys": "cores,none", "sharedKeys": "rate"}, {"client": {"cores": 2}}),
        ({"sharedKeys": "secret"}, {}),
    ]:
        client.publish("v1/devices/me/attributes/request/7", json.dumps(request), qos=0)
        message = client.message()
        assert message.topic == "v1/devices/me/attributes/response/7"
        if request.get("sharedKeys") == "rate":
            expected = expected | {"shared": {"rate": 5}}
        assert json.loads(message.payload) == expected
        client.puback(message.packet_id)


def test_negative_attribute_request_is_not_answered(client: RawMqtt):
    client.subscribe("v1/devices/me/attributes/response/+")
    client.publish_acknowledged("v1/devices/me/attributes/request/-1", "{}")
    client.ping()


@pytest.mark.parametrize("topic", [ATTRIBUTES, "v2/a"])
def test_device_is_told_of_shared_attributes(
    client: RawMqtt, target: Target, device: Device, topic: str
):
    client.subscribe(topic)
    base = f"/api/plugins/telemetry/DEVICE/{device.id}/SHARED_SCOPE"
    target.rest.post(base, {"rate": 5, "mode": "eco"})
    message = client.message()
    assert (message.topic, json.loads(message.payload)) == (topic, {"rate": 5, "mode": "eco"})
    client.puback(message.packet_id)
    target.rest.delete(base, params={"keys": "rate,unknown"})
    assert json.loads(client.message().payload) == {"deleted": ["rate"]}
    assert attributes(target, device, "SHARED_SCOPE") == {"mode": "eco"}


def test_rest_refuses_unknown_scopes_and_entities(target: Target, device: Device):
    base = "/api/plugins/telemetry"
    assert target.rest.post(f"{base}/{device.id}/CLIENT_SCOPE", {"a": 1}).status_code == 400
    assert target.rest.get(f"{base}/ASSET/{device.id}/values/attributes").status_code == 400
    path = f"{base}/DEVICE/{device.id}/timeseries/ANY"
    assert target.rest.post(path, 5).status_code == 400


def test_rest_stores_telemetry(target: Target, device: Device):
    path = f"/api/plugins/telemetry/DEVICE/{device.id}/timeseries/ANY?scope=ANY"
    assert target.rest.post(path, {"t": 1}).status_code == 200
    assert latest(target, device, "t", "unknown") == {"t": 1, "unknown": None}
