"""Kept calls and data of devices, as servers of several versions tell of them."""

from __future__ import annotations

import pytest

from host_tools.client import Scope, Value
from host_tools.errors import ExitCode, WakecallError
from host_tools.rpc.model import Status
from tests.scripted_server import Reply

TWO_WAY = "POST /api/rpc/twoway/d1"
CALL = "GET /api/rpc/persistent/r1"
DESCRIBED = {
    "id": {"entityType": "RPC", "id": "r1"},
    "createdTime": 11,
    "expirationTime": 22,
    "tenantId": {"entityType": "TENANT", "id": "t1"},
    "deviceId": {"entityType": "DEVICE", "id": "d1"},
    "request": {
        "oneway": False,
        "body": {"method": "setGpio", "params": '{"pin":23}'},
        "retries": 3,
    },
    "response": {"on": True},
    "status": "SUCCESSFUL",
    "additionalInfo": None,
}


def failure(request, *arguments, **options) -> WakecallError:
    with pytest.raises(WakecallError) as caught:
        request(*arguments, **options)
    return caught.value


def test_a_call_is_handed_over_with_its_life_time_by_the_servers_clock(client, server):
    server.reply(TWO_WAY, Reply(200, {"rpcId": "r1"}))
    params = {"pin": 1}
    assert client.submit("d1", "setGpio", params, lifetime_ms=60_000, retries=2) == "r1"
    assert server.requests[-1].json() == {
        "method": "setGpio",
        "params": {"pin": 1},
        "timeout": 60_000,
        "persistent": True,
        "retries": 2,
    }


def test_without_retries_the_server_decides(client, server):
    server.reply("POST /api/rpc/oneway/d1", Reply(200, {"rpcId": "r1"}))
    client.submit("d1", "ping", lifetime_ms=60_000, one_way=True)
    assert "retries" not in server.requests[-1].json()


@pytest.mark.parametrize("content", [b"", {"pin": 1}, [1]])
def test_a_server_that_calls_at_once_in_place_of_keeping_is_told(client, server, content):
    server.reply(TWO_WAY, Reply(200, content))
    error = failure(client.submit, "d1", "ping", lifetime_ms=60_000)
    assert "keeps no calls" in error.message
    assert "may have run" in error.hint


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(404, b"Device with requested id wasn't found!"), ExitCode.NOT_FOUND),
        (Reply(403, b"You don't have permission"), ExitCode.CREDENTIALS),
        (Reply(500, {"message": "null", "errorCode": 2}), ExitCode.FAILED),
    ],
)
def test_a_refused_call_is_told(client, server, reply, code):
    server.reply(TWO_WAY, reply)
    assert failure(client.submit, "d1", "ping", lifetime_ms=60_000).code == code


@pytest.mark.parametrize("params", ['{"pin":23}', {"pin": 23}])
def test_a_call_is_read_with_its_params_as_a_value(client, server, params):
    request = DESCRIBED["request"] | {"body": {"method": "setGpio", "params": params}}
    server.reply(CALL, Reply(200, DESCRIBED | {"request": request}))
    call = client.persistent.get("r1")
    assert (call.rpc_id, call.device_id, call.method) == ("r1", "d1", "setGpio")
    assert call.params == {"pin": 23}
    assert (call.status, call.response, call.retries) == (Status.SUCCESSFUL, {"on": True}, 3)
    assert (call.created_ms, call.expires_ms, call.one_way) == (11, 22, False)


def test_params_that_are_no_json_are_shown_as_text(client, server):
    request = DESCRIBED["request"] | {"body": {"method": "setGpio", "params": "on"}}
    server.reply(CALL, Reply(200, DESCRIBED | {"request": request}))
    assert client.persistent.get("r1").params == "on"


@pytest.mark.parametrize("missing", ["request", "status", "createdTime", "deviceId"])
def test_a_call_that_is_described_otherwise_is_told(client, server, missing):
    content = {key: value for key, value in DESCRIBED.items() if key != missing}
    server.reply(CALL, Reply(200, content))
    error = failure(client.persistent.get, "r1")
    assert "unknown way" in error.message


@pytest.mark.parametrize("request_name", ["get", "delete"])
def test_an_unknown_call_is_told(client, server, request_name):
    reply = Reply(404, {"message": "Rpc with id [r1] is not found", "errorCode": 32})
    server.reply(CALL, reply)
    server.reply("DELETE /api/rpc/persistent/r1", reply)
    error = failure(getattr(client.persistent, request_name), "r1")
    assert (error.code, error.message) == (ExitCode.NOT_FOUND, "the server knows no call r1")


def test_a_user_who_may_not_remove_a_call_is_told(client, server):
    refused = Reply(403, {"message": "no permission", "errorCode": 20})
    server.reply("DELETE /api/rpc/persistent/r1", refused)
    assert failure(client.persistent.delete, "r1").code == ExitCode.CREDENTIALS


VALUES = "GET /api/plugins/telemetry/DEVICE/d1/values"


def test_telemetry_is_read_with_its_types(client, server):
    content = {"t": [{"ts": 5, "value": 20.5}], "on": [{"ts": 6, "value": False}], "none": []}
    server.reply(f"{VALUES}/timeseries", Reply(200, content))
    assert client.data.telemetry("d1") == {"t": Value(20.5, 5), "on": Value(False, 6)}
    assert "useStrictDataTypes=true" in server.paths()[-1]


def test_attributes_are_read_by_scope(client, server):
    content = [{"key": "target", "value": 21, "lastUpdateTs": 7}]
    server.reply(f"{VALUES}/attributes/SHARED_SCOPE", Reply(200, content))
    assert client.data.attributes("d1", Scope.SHARED) == {"target": Value(21, 7)}


def test_data_of_a_device_that_is_gone_is_told(client, server):
    gone = Reply(404, {"message": "Device wasn't found", "errorCode": 32})
    server.reply(f"{VALUES}/timeseries", gone)
    assert failure(client.data.telemetry, "d1").code == ExitCode.NOT_FOUND


@pytest.mark.parametrize(
    ("agent", "understands"),
    [
        ({"identity": True}, True),
        ({"identity": False}, False),
        ({"identity": "true"}, False),
        ({}, False),
        ("wakecall", False),
        (None, False),
    ],
)
def test_a_device_understands_ids_only_when_its_agent_says_so(client, server, agent, understands):
    content = [] if agent is None else [{"key": "agent", "value": agent, "lastUpdateTs": 7}]
    server.reply(f"{VALUES}/attributes/CLIENT_SCOPE", Reply(200, content))
    assert client.data.understands_identity("d1") is understands
