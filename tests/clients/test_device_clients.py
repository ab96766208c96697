"""ThingsBoard's own device client, over MQTT 5 and over HTTP, unmodified, against the platform."""

from __future__ import annotations

import time

import pytest

from host_tools.client import Scope
from tests.clients.script import ClientScript
from tests.contract.target import eventually
from tests.platform.test_provisioning import CREATE, KEY, allow

MQTT_5 = 5


@pytest.fixture
def token(running, device):
    return running.client.device_token(device.id)


@pytest.fixture
def shared(running, device):
    """Set a shared attribute of the device as its owner does."""

    def set_attribute(**values):
        url = f"/api/plugins/telemetry/{device.id}/SHARED_SCOPE"
        assert running.target.rest.post(url, values).status_code == 200

    set_attribute(target=21)
    return set_attribute


@pytest.fixture
def mqtt_device(running, token, shared, home):
    server = running.platform.mqtt_server
    with ClientScript("tb-mqtt-client", "mqtt_device.py", home, token=token, **server) as script:
        yield script


def until_ready(script):
    """Return the reports of a device up to where it waits for commands."""
    reports = {}
    while "ready" not in reports:
        report = script.expect_any()
        reports[report["event"]] = report
    return reports


def test_over_mqtt_5_it_learns_the_limits_of_its_session(mqtt_device):
    reports = until_ready(mqtt_device)
    assert reports["connected"]["protocol"] == MQTT_5
    limits = reports["limits"]["content"]
    assert limits["maxPayloadSize"] == 65_536
    assert set(limits["rateLimits"]) == {"messages", "telemetryMessages", "telemetryDataPoints"}


def test_over_mqtt_5_its_telemetry_and_attributes_arrive(mqtt_device, running, device):
    reports = until_ready(mqtt_device)
    assert reports["sent"]["codes"] == [0, 0]
    telemetry = running.client.data.telemetry(device.id)
    assert (telemetry["temperature"].value, telemetry["open"].value) == (20.5, False)
    humidity = telemetry["humidity"]
    assert (humidity.value, humidity.ts_ms) == (40, 1_700_000_000_000)
    attributes = running.client.data.attributes(device.id, Scope.CLIENT)
    assert attributes["firmware"].value == "build 7"
    assert running.client.data.understands_identity(device.id)


def test_over_mqtt_5_it_reads_attributes_and_is_told_of_changes(mqtt_device, shared):
    reports = until_ready(mqtt_device)
    content = reports["attributes"]["content"]
    assert content == {"client": {"firmware": "build 7"}, "shared": {"target": 21}}
    shared(target=22)
    assert mqtt_device.expect("attribute update")["content"] == {"target": 22}


def test_over_mqtt_5_calls_go_both_ways(mqtt_device, running, device):
    reports = until_ready(mqtt_device)
    now_ms = time.time() * 1000
    assert reports["answer of the server"]["content"] == pytest.approx(now_ms, abs=60_000)
    for params in ({"pin": 23}, [1], "text", None):
        assert running.client.call(device.id, "setGpio", params) == {"done": "setGpio"}
        command = mqtt_device.expect("command")
        assert command["content"] == {"method": "setGpio", "params": params}


def test_over_mqtt_5_it_gets_the_calls_that_were_kept_for_it(running, device, token, shared, home):
    rpc_id = running.client.submit(device.id, "water", {"s": 5}, lifetime_ms=60_000)
    server = running.platform.mqtt_server
    with ClientScript("tb-mqtt-client", "mqtt_device.py", home, token=token, **server) as script:
        command = next(r for r in iter(script.expect_any, None) if r["event"] == "command")
        assert command["content"] == {"method": "water", "params": {"s": 5}}
        call = eventually(lambda: answered(running, rpc_id), "the answer of the kept call")
        assert call.response == {"done": "water"}


def answered(running, rpc_id):
    call = running.client.persistent.get(rpc_id)
    return call if call.is_final else None


def test_over_http_it_connects_sends_asks_and_is_called(running, device, token, shared, home):
    url = running.login["url"]
    with ClientScript("tb-mqtt-client", "http_device.py", home, url=url, token=token) as script:
        reports = until_ready(script)
        assert reports["connected"]["connected"]
        content = reports["attributes"]["content"]
        assert content == {"client": {"firmware": "build 7"}, "shared": {"target": 21}}
        assert reports["answer of the server"]["content"] == pytest.approx(
            time.time() * 1000, abs=60_000
        )
        assert running.client.data.telemetry(device.id)["temperature"].value == 20.5
        # The client cannot answer a command with id 0 (thingsboard issue 10575): that one first.
        running.client.submit(device.id, "first", lifetime_ms=60_000, one_way=True)
        assert script.expect("command")["content"]["id"] == 0
        answer = running.client.call(device.id, "setGpio", {"pin": 23})
        assert answer == {"method": "done", "params": {"did": "setGpio"}}
        shared(target=22)
        assert script.expect("command")["content"]["method"] == "setGpio"
        assert script.expect("attribute update")["content"] == {"target": 22}


def test_devices_make_themselves_with_the_helpers_for_it(running, home):
    allow(running.target, CREATE)
    script = ClientScript(
        "tb-mqtt-client",
        "provision.py",
        home,
        **running.platform.mqtt_server,
        url=running.login["url"],
        key=KEY["provisionDeviceKey"],
        secret=KEY["provisionDeviceSecret"],
    )
    with script:
        reports = script.all_reports()
    for name, token in (
        ("made over mqtt", reports["mqtt"]["credentials"]["credentialsValue"]),
        ("made over http", reports["http"]["token"]),
    ):
        device = running.client.device_by_name(name)
        assert running.client.device_token(device.id) == token
    assert reports["http"]["connected"]
    assert reports["mqtt with a wrong secret"]["credentials"] is None
    assert reports["refused over http"]["answer"]["status"] == "NOT_FOUND"
    assert "never made" not in [device.name for device in running.client.devices()]
