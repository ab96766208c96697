"""Rows 52 to 71 of ``reference/thingsboard-rpc.md`` 10.4: persistent calls."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.paho_device import PahoDevice
from tests.contract.raw_mqtt import RawMqtt
from tests.contract.target import Device, Target, eventually
from tests.contract.test_rest import check_error

REQUESTS = "v1/devices/me/rpc/request/+"
RESPONSE = "v1/devices/me/rpc/response/"
WAYS = pytest.mark.parametrize("way", ["oneway", "twoway"])


def submit(target: Target, device: Device, method: str = "any", **fields: Any) -> str:
    """Submit a persistent call that lives for a minute and return its id."""
    chosen = {"persistent": True, "timeout": 60_000} | fields
    response = target.rest.call(device, method, **chosen)
    assert response.status_code == 200, response.text
    assert set(response.json()) == {"rpcId"}
    return str(response.json()["rpcId"])


def show(target: Target, rpc_id: str) -> Any:
    """Return a call as the API shows it."""
    return target.rest.get(f"/api/rpc/persistent/{rpc_id}").raise_for_status().json()


def status_is(target: Target, rpc_id: str, *statuses: str) -> Any:
    """Wait until a call has one of some statuses and return it."""
    return eventually(
        lambda: (row := show(target, rpc_id))["status"] in statuses and row, f"status {statuses}"
    )


@pytest.fixture
def client(target: Target, device: Device) -> Iterator[RawMqtt]:
    """A connected device that has not subscribed yet."""
    with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
        assert client.connect(device.token)[1] == 0
        yield client


@WAYS
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_row_52_persistent_call_returns_its_id_at_once(
    target: Target, device: Device, way: str, version: str
):
    started = time.monotonic()
    rpc_id = submit(target, device, way=way, version=version)
    assert time.monotonic() - started < target.min_timeout_s
    assert show(target, rpc_id)["status"] == "QUEUED"


def test_row_53_queued_call_is_shown_with_its_params_as_text(target: Target, device: Device):
    fields = {"params": {"pin": 1}, "retries": 2, "additionalInfo": {"who": "me"}}
    rpc_id = submit(target, device, "setGpio", **fields)
    row = show(target, rpc_id)
    assert row["id"] == {"entityType": "RPC", "id": rpc_id}
    assert row["deviceId"] == {"entityType": "DEVICE", "id": device.id}
    assert row["status"] == "QUEUED"
    assert row["response"] is None
    assert row["additionalInfo"] == {"who": "me"}
    request = row["request"]
    assert request["body"] == {"method": "setGpio", "params": '{"pin":1}'}
    assert (request["oneway"], request["persisted"], request["retries"]) == (False, True, 2)
    assert row["expirationTime"] - row["createdTime"] == pytest.approx(60_000, abs=2_000)


def test_row_54_states_of_a_call_that_is_answered(target: Target, device: Device, client: RawMqtt):
    rpc_id = submit(target, device, params=[1])
    client.subscribe(REQUESTS)
    message = client.message()
    assert json.loads(message.payload) == {"method": "any", "params": [1]}
    status_is(target, rpc_id, "SENT")
    client.puback(message.packet_id)
    status_is(target, rpc_id, "DELIVERED")
    client.publish_acknowledged(RESPONSE + message.topic.rpartition("/")[2], '{"on":true}')
    assert status_is(target, rpc_id, "SUCCESSFUL")["response"] == {"on": True}


def test_row_55_qos_0_subscription_counts_as_delivered(
    target: Target, device: Device, client: RawMqtt
):
    rpc_id = submit(target, device)
    client.subscribe(REQUESTS, qos=0)
    client.message()
    status_is(target, rpc_id, "DELIVERED")


def test_row_56_no_puback_is_timeout_and_the_next_connection_gets_it_again(
    target: Target, device: Device, client: RawMqtt
):
    rpc_id = submit(target, device)
    client.subscribe(REQUESTS)
    first = client.message()
    status_is(target, rpc_id, "TIMEOUT")
    with RawMqtt(target.mqtt_host, target.mqtt_port) as again:
        again.connect(device.token)
        again.subscribe(REQUESTS)
        second = again.message()
        assert (second.topic, second.payload) == (first.topic, first.payload)
        again.puback(second.packet_id)
        status_is(target, rpc_id, "DELIVERED")


def test_row_57_no_retries_fail_at_the_first_missing_puback(
    target: Target, device: Device, client: RawMqtt
):
    rpc_id = submit(target, device, retries=0)
    client.subscribe(REQUESTS)
    client.message()
    assert "error" in status_is(target, rpc_id, "FAILED")["response"]


def test_row_58_absent_retries_fail_at_the_sixth_missing_puback(
    target: Target, device: Device, client: RawMqtt
):
    rpc_id = submit(target, device, timeout=600_000)
    topics = set()
    for expected in [*["TIMEOUT"] * 5, "FAILED"]:
        client.subscribe(REQUESTS)
        topics.add(client.message().topic)
        time.sleep(target.puback_timeout_s * 1.2)  # the PUBACK watch is what is measured
        status_is(target, rpc_id, expected)
    assert len(topics) == 1


def test_row_59_expired_call_ignores_a_late_answer(target: Target, device: Device, client: RawMqtt):
    rpc_id = submit(target, device, timeout=1)
    client.subscribe(REQUESTS)
    message = client.message()
    client.puback(message.packet_id)
    status_is(target, rpc_id, "EXPIRED")
    client.publish_acknowledged(RESPONSE + message.topic.rpartition("/")[2], "1")
    assert show(target, rpc_id)["status"] == "EXPIRED"


@WAYS
def test_rows_60_and_61_resubscription_repeats_two_way_calls_only(
    target: Target, device: Device, client: RawMqtt, way: str
):
    rpc_id = submit(target, device, way=way)
    client.subscribe(REQUESTS)
    first = client.message()
    client.puback(first.packet_id)
    status_is(target, rpc_id, "DELIVERED")
    client.subscribe(REQUESTS)
    if way == "twoway":
        assert client.message().topic == first.topic
    else:
        client.ping()


def test_row_62_one_way_call_that_is_answered_first(
    target: Target, device: Device, client: RawMqtt
):
    client.subscribe(REQUESTS)
    rpc_id = submit(target, device, way="oneway")
    message = client.message()
    client.publish_acknowledged(RESPONSE + message.topic.rpartition("/")[2], "1")
    status_is(target, rpc_id, "SUCCESSFUL")


def test_row_63_answer_that_is_not_json(target: Target, device: Device):
    with PahoDevice(target, device, lambda _: b"not json"):
        rpc_id = submit(target, device)
        row = status_is(target, rpc_id, "SUCCESSFUL")
        assert row["response"] == {"error": "not json"}


def test_row_64_queued_calls_arrive_in_order(target: Target, device: Device):
    for index in range(10):
        submit(target, device, params=index)
    with PahoDevice(target, device) as board:
        eventually(lambda: len(board.commands) == 10)
        assert [command.params for command in board.commands] == list(range(10))


def test_row_68_deleted_call_is_never_delivered(target: Target, device: Device, client: RawMqtt):
    rpc_id = submit(target, device)
    path = f"/api/rpc/persistent/{rpc_id}"
    response = target.rest.delete(path)
    assert (response.status_code, response.content) == (200, b"")
    check_error(target.rest.get(path), 404, 32)
    check_error(target.rest.delete(path), 404, 32)
    client.subscribe(REQUESTS)
    client.ping()


def test_row_70_list_is_paged_sorted_and_filtered(target: Target, device: Device):
    made = [submit(target, device, params=index) for index in range(5)]
    base = f"/api/rpc/persistent/device/{device.id}"
    query = {"sortProperty": "createdTime", "sortOrder": "DESC", "pageSize": 2}
    shown: list[str] = []
    for page in range(3):
        answer = target.rest.get(base, params=query | {"page": page}).json()
        shown += [row["id"]["id"] for row in answer["data"]]
        assert (answer["totalPages"], answer["totalElements"]) == (3, 5)
        assert answer["hasNext"] == (page < 2)
    assert sorted(shown) == sorted(made)
    for status, count in (("QUEUED", 5), ("EXPIRED", 0)):
        answer = target.rest.get(base, params={"pageSize": 9, "page": 0, "rpcStatus": status})
        assert answer.json()["totalElements"] == count


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("pageSize=1&page=0&rpcStatus=DELETED", 500, 2),
        ("pageSize=1&page=0&rpcStatus=LOST", 400, 31),
        ("pageSize=1", 500, 2),
        ("page=0", 500, 2),
        ("pageSize=x&page=0", 400, 31),
        ("pageSize=1&page=0&sortProperty=method", 400, 31),
        ("pageSize=1&page=0&sortOrder=UP", 400, 31),
    ],
)
def test_row_70_wrong_list_parameters(
    target: Target, device: Device, query: str, status: int, code: int
):
    path = f"/api/rpc/persistent/device/{device.id}?{query}"
    check_error(target.rest.get(path), status, code)


@pytest.mark.parametrize(("version", "status"), [("v1", 408), ("v2", 504)])
def test_call_that_has_expired_already_is_stored_and_told(
    target: Target, device: Device, version: str, status: int
):
    past = {"expirationTime": int(time.time() * 1000) - 1000}
    response = target.rest.call(device, "any", version=version, persistent=True, **past)
    assert (response.status_code, response.content) == (status, b"")
    path = f"/api/rpc/persistent/device/{device.id}?pageSize=9&page=0"
    (row,) = eventually(lambda: target.rest.get(path).json()["data"])
    status_is(target, row["id"]["id"], "EXPIRED")


def test_request_uuid_becomes_the_id(target: Target, device: Device):
    wanted = str(uuid.uuid4())
    assert submit(target, device, requestUUID=wanted) == wanted
    check_error(target.rest.call(device, "any", persistent=True, requestUUID="x"), 400, 31)


@pytest.mark.parametrize("rpc_id", ["abc", "00000000-0000-4000-8000-000000000000"])
def test_unknown_call(target: Target, rpc_id: str):
    expected = (400, 31) if rpc_id == "abc" else (404, 32)
    check_error(target.rest.get(f"/api/rpc/persistent/{rpc_id}"), *expected)
