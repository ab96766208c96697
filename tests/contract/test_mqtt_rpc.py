"""Rows 18 to 31 of ``reference/thingsboard-rpc.md`` 10.2: server-side RPC over MQTT."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.contract.paho_device import PahoDevice
from tests.contract.raw_mqtt import RawMqtt
from tests.contract.target import Device, Target

REQUESTS = "v1/devices/me/rpc/request/+"
RESPONSE = "v1/devices/me/rpc/response/"


@pytest.fixture
def client(target: Target, device: Device) -> Iterator[RawMqtt]:
    """A connected device that has not subscribed yet."""
    with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
        assert client.connect(device.token)[1] == 0
        yield client


class Caller:
    """Makes calls that wait, while the test plays the device."""

    def __init__(self, target: Target, device: Device, pool: ThreadPoolExecutor) -> None:
        self._target = target
        self._device = device
        self._pool = pool

    def start(self, method: str = "ping", **options: Any) -> Future[httpx.Response]:
        """Start a call."""
        return self._pool.submit(self._target.rest.call, self._device, method, **options)


@pytest.fixture
def caller(target: Target, device: Device) -> Iterator[Caller]:
    """Calls the device of the test."""
    with ThreadPoolExecutor(8) as pool:
        yield Caller(target, device, pool)


def test_row_18_request_has_exactly_method_and_params(client: RawMqtt, caller: Caller):
    client.subscribe(REQUESTS)
    call = caller.start("setGpio", params={"pin": "23"})
    message = client.message()
    base, _, identifier = message.topic.rpartition("/")
    assert base == "v1/devices/me/rpc/request"
    assert identifier.isdigit()
    assert json.loads(message.payload) == {"method": "setGpio", "params": {"pin": "23"}}
    assert message.qos == 1
    client.puback(message.packet_id)
    client.publish_acknowledged(RESPONSE + identifier, "{}")
    assert call.result().status_code == 200


@pytest.mark.parametrize("letter", ["", "j/"])
def test_row_19_short_topics_work(client: RawMqtt, caller: Caller, letter: str):
    assert client.subscribe(f"v2/r/req/{letter}+") == [1]
    call = caller.start()
    message = client.message()
    base, _, identifier = message.topic.rpartition("/")
    assert f"{base}/" == f"v2/r/req/{letter}"
    client.publish_acknowledged(f"v2/r/res/{letter}{identifier}", '"pong"')
    assert call.result().json() == "pong"


def test_row_19_the_family_subscribed_last_is_used(client: RawMqtt, caller: Caller):
    client.subscribe(REQUESTS)
    client.subscribe("v2/r/req/+")
    call = caller.start()
    message = client.message()
    assert message.topic.startswith("v2/r/req/")
    identifier = message.topic.rpartition("/")[2]
    client.publish_acknowledged(f"v2/r/res/{identifier}", "1")
    assert call.result().json() == 1


def test_row_20_and_21_ids_start_at_0_and_go_on_over_reconnects(target: Target, device: Device):
    seen = []
    for _ in range(2):
        with PahoDevice(target, device) as board:
            for _ in range(3):
                assert target.rest.call(device, "ping").status_code == 200
            seen += [int(command.request_id) for command in board.commands]
    first = seen[0]
    assert seen == list(range(first, first + 6))
    assert first == 0


PARAMS = [
    {"a": {"b": [1]}},
    {},
    [],
    [1, "two", None],
    'text with \u00fcml\u00e4uts, \U0001f600 and "quotes"',
    "",
    0,
    -(2**53),
    3.25,
    1e-7,
    True,
    False,
    None,
]


@pytest.mark.parametrize("params", [*PARAMS, "{}"], ids=repr)
def test_rows_22_and_23_params_arrive_unchanged(target: Target, device: Device, params: Any):
    with PahoDevice(target, device) as board:
        answer = target.rest.call(device, "echo", params=params)
        assert answer.json() == {"echo": params}
        assert type(board.commands[0].params) is type(params)


def test_row_22_absent_params_arrive_as_null(target: Target, device: Device):
    with PahoDevice(target, device):
        assert target.rest.call(device, "echo").json() == {"echo": None}


@pytest.mark.parametrize(
    "answer", [b'{"a":  1}', b"true", b"12", b'"x"', b"null", b"[1,2]", b"1.50"], ids=repr
)
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_row_24_answer_is_passed_on_byte_for_byte(
    target: Target, device: Device, answer: bytes, version: str
):
    with PahoDevice(target, device, lambda _: answer):
        response = target.rest.call(device, "any", version=version)
        assert (response.status_code, response.content) == (200, answer)


def test_row_25_answer_of_another_family_after_resubscribing(client: RawMqtt, caller: Caller):
    client.subscribe(REQUESTS)
    call = caller.start()
    identifier = client.message().topic.rpartition("/")[2]
    client.unsubscribe(REQUESTS)
    client.subscribe("v2/r/res/+")
    client.publish_acknowledged(f"v2/r/res/{identifier}", "7")
    assert call.result().json() == 7


@pytest.mark.parametrize(("version", "status"), [("v1", 408), ("v2", 504)])
def test_row_26_answer_with_a_wrong_id_is_ignored(
    client: RawMqtt, caller: Caller, version: str, status: int
):
    client.subscribe(REQUESTS)
    call = caller.start(version=version, timeout=1)
    identifier = int(client.message().topic.rpartition("/")[2])
    client.publish_acknowledged(f"{RESPONSE}{identifier + 1000}", "1")
    assert call.result().status_code == status


def test_row_27_second_answer_is_ignored(client: RawMqtt, caller: Caller):
    client.subscribe(REQUESTS)
    call = caller.start()
    identifier = client.message().topic.rpartition("/")[2]
    client.publish_acknowledged(RESPONSE + identifier, "1")
    client.publish_acknowledged(RESPONSE + identifier, "2")
    assert call.result().json() == 1
    client.ping()


@pytest.mark.parametrize("answer", [b"not json", b"\xff\xfe", b"{", b"NaN", b"[" * 30_000])
def test_row_28_answer_that_is_not_json_is_406(target: Target, device: Device, answer: bytes):
    with PahoDevice(target, device, lambda _: answer):
        response = target.rest.call(device, "any")
        assert (response.status_code, response.content) == (406, b"")


def test_row_29_empty_answer_is_an_empty_200(target: Target, device: Device):
    with PahoDevice(target, device, lambda _: b""):
        response = target.rest.call(device, "any")
        assert (response.status_code, response.content) == (200, b"")


def test_row_30_one_way_call_is_done_when_sent(target: Target, client: RawMqtt, caller: Caller):
    client.subscribe(REQUESTS)
    started = time.monotonic()
    response = caller.start(way="oneway", params=5).result()
    assert (response.status_code, response.content) == (200, b"")
    assert time.monotonic() - started < target.min_timeout_s
    assert json.loads(client.message().payload)["params"] == 5


def test_row_31_unsubscribed_device_is_offline(client: RawMqtt, caller: Caller):
    client.subscribe(REQUESTS)
    client.unsubscribe(REQUESTS)
    assert caller.start(version="v1", timeout=1).result().status_code == 409
    client.ping()


def test_qos_0_subscription_gets_qos_0_commands(client: RawMqtt, caller: Caller):
    client.subscribe(REQUESTS, qos=0)
    caller.start(way="oneway").result()
    assert client.message().qos == 0


def test_calls_in_flight_keep_their_order(target: Target, device: Device):
    with PahoDevice(target, device) as board, ThreadPoolExecutor(1) as pool:
        calls = [
            pool.submit(target.rest.call, device, "step", way="oneway", params=index)
            for index in range(50)
        ]
        assert all(call.result().status_code == 200 for call in calls)
        target.rest.call(device, "last")
        assert [command.params for command in board.commands[:50]] == list(range(50))


def test_row_83_client_side_call_that_nobody_answers_times_out(client: RawMqtt, target: Target):
    client.subscribe("v1/devices/me/rpc/response/+")
    started = time.monotonic()
    client.publish_acknowledged("v1/devices/me/rpc/request/42", '{"method":"nobodyKnowsThis"}')
    message = client.message()
    assert message.topic == "v1/devices/me/rpc/response/42"
    assert json.loads(message.payload) == {"error": "timeout"}
    assert time.monotonic() - started >= target.client_rpc_timeout_s * 0.9


def test_client_side_answer_needs_no_subscription_and_follows_the_family(client: RawMqtt):
    client.publish_acknowledged("v2/r/req/-3", '{"method":"getCurrentTime","params":{}}')
    message = client.message()
    assert (message.topic, message.qos) == ("v2/r/res/-3", 1)
    assert abs(json.loads(message.payload) - time.time() * 1000) < 5_000


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("v1/devices/me/rpc/request/1", "{}"),
        ("v1/devices/me/rpc/request/1", "not json"),
        ("v1/devices/me/rpc/request/abc", '{"method":"x"}'),
        ("v1/devices/me/rpc/request/2147483648", '{"method":"x"}'),
        ("v1/devices/me/rpc/response/abc", "{}"),
    ],
)
def test_wrong_rpc_publish_closes_the_connection(client: RawMqtt, topic: str, payload: str):
    client.publish(topic, payload)
    assert client.is_closed()
