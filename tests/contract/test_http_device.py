"""Rows 72 to 82 of ``reference/thingsboard-rpc.md`` 10.5: devices over HTTP."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.target import Device, Target, eventually
from tests.contract.test_persistent import status_is, submit
from tests.contract.test_telemetry import latest


class HttpDevice:
    """A device that polls."""

    def __init__(self, target: Target, device: Device, pool: ThreadPoolExecutor) -> None:
        self._base = f"{target.url}/api/v1/{device.token}"
        self._pool = pool

    def get(self, path: str, **query: Any) -> httpx.Response:
        return httpx.get(f"{self._base}{path}", params=query, timeout=40)

    def post(self, path: str, content: bytes | str) -> httpx.Response:
        return httpx.post(f"{self._base}{path}", content=content, timeout=70)

    def poll(self, timeout_ms: int = 2_000) -> httpx.Response:
        """Ask for a command and wait for the answer."""
        return self.get("/rpc", timeout=timeout_ms)

    def start_poll(self, timeout_ms: int = 2_000) -> Future[httpx.Response]:
        """Ask for a command; the request is under way when this returns."""
        future = self._pool.submit(self.poll, timeout_ms)
        time.sleep(0.2)  # no one tells when the server has taken the request
        return future


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for requests that wait."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def board(target: Target, device: Device, pool: ThreadPoolExecutor) -> HttpDevice:
    """The device of the test."""
    return HttpDevice(target, device, pool)


def test_row_72_poll_gets_a_call_and_answers_it(
    target: Target, device: Device, board: HttpDevice, pool: ThreadPoolExecutor
):
    poll = board.start_poll()
    call = pool.submit(target.rest.call, device, "setGpio", params={"pin": 1})
    command = poll.result().json()
    assert command == {"id": command["id"], "method": "setGpio", "params": {"pin": 1}}
    assert type(command["id"]) is int
    assert board.post(f"/rpc/{command['id']}", '{"on":true}').status_code == 200
    assert call.result().json() == {"on": True}


def test_row_73_poll_without_a_call_ends_in_an_empty_408(board: HttpDevice):
    started = time.monotonic()
    response = board.poll(300)
    assert (response.status_code, response.content) == (408, b"")
    assert 0.28 <= time.monotonic() - started < 2


def test_row_74_poll_beyond_the_limit_ends_in_503(target: Target, board: HttpDevice):
    response = board.get("/rpc")
    assert response.status_code == 503
    assert response.json()["status"] == 503


@pytest.mark.parametrize("path", ["/rpc", "/attributes", "/attributes/updates"])
def test_row_75_unknown_token_is_an_empty_401(target: Target, path: str):
    response = httpx.get(f"{target.url}/api/v1/no-such-token{path}")
    assert (response.status_code, response.content) == (401, b"")


def test_row_76_answer_to_an_unknown_command_is_taken(board: HttpDevice):
    assert board.post("/rpc/12345", "1").status_code == 200


@pytest.mark.parametrize("request_id", ["abc", "1.5", "99999999999"])
def test_row_77_answer_with_a_wrong_id(board: HttpDevice, request_id: str):
    assert board.post(f"/rpc/{request_id}", "1").status_code == 400


def test_row_78_two_pending_calls_take_two_polls(target: Target, device: Device, board: HttpDevice):
    calls = [submit(target, device, params=index) for index in range(2)]
    for index, rpc_id in enumerate(calls):
        command = board.poll().json()
        assert command["params"] == index
        assert board.poll().json() == command  # not answered: the same again
        board.post(f"/rpc/{command['id']}", str(index))
        assert status_is(target, rpc_id, "SUCCESSFUL")["response"] == index
    assert board.poll(100).status_code == 408


def test_row_79_persistent_call_is_delivered_by_a_poll(
    target: Target, device: Device, board: HttpDevice
):
    rpc_id = submit(target, device)
    assert board.poll().status_code == 200
    status_is(target, rpc_id, "DELIVERED")


def test_row_80_empty_telemetry_is_taken(board: HttpDevice):
    response = board.post("/telemetry", "{}")
    assert (response.status_code, response.content) == (200, b"")


def test_row_81_attributes_are_read(target: Target, device: Device, board: HttpDevice):
    assert board.get("/attributes").json() == {}
    assert board.post("/attributes", '{"a":1,"b":"x"}').status_code == 200
    target.rest.post(f"/api/plugins/telemetry/{device.id}/SHARED_SCOPE", {"rate": 5})
    everything = {"client": {"a": 1, "b": "x"}, "shared": {"rate": 5}}
    eventually(lambda: board.get("/attributes").json() == everything)
    assert board.get("/attributes", clientKeys="a,none").json() == {"client": {"a": 1}}
    assert board.get("/attributes", sharedKeys="none").json() == {}


def test_telemetry_is_stored(target: Target, device: Device, board: HttpDevice):
    assert board.post("/telemetry", '[{"ts":1,"values":{"t":21}}]').status_code == 200
    eventually(lambda: latest(target, device, "t") == {"t": 21})


@pytest.mark.parametrize("path", ["/telemetry", "/attributes", "/rpc"])
@pytest.mark.parametrize("body", [b"not json{", b"", b"7", b"\xff"])
def test_malformed_payload_is_500(board: HttpDevice, path: str, body: bytes):
    assert board.post(path, body).status_code == 500


def test_payload_above_the_limit_is_413(board: HttpDevice):
    assert board.post("/rpc/1", b"x" * 65_537).status_code == 413


@pytest.mark.parametrize("timeout", ["abc", "1e3"])
def test_timeout_that_is_no_number(board: HttpDevice, timeout: str):
    assert board.get("/rpc", timeout=timeout).status_code == 400


def test_wrong_method_is_405(target: Target, device: Device):
    assert httpx.put(f"{target.url}/api/v1/{device.token}/telemetry").status_code == 405


def test_attribute_update_ends_a_poll(
    target: Target, device: Device, board: HttpDevice, pool: ThreadPoolExecutor
):
    poll = pool.submit(board.get, "/attributes/updates", timeout=5_000)
    base = f"/api/plugins/telemetry/DEVICE/{device.id}/SHARED_SCOPE"
    numbers = iter(range(1_000))
    eventually(lambda: target.rest.post(base, {"rate": next(numbers)}) and poll.done())
    assert set(poll.result().json()) == {"rate"}
    assert board.get("/attributes/updates", timeout=100).status_code == 408


def test_call_of_the_device_is_answered(board: HttpDevice):
    response = board.post("/rpc", '{"method":"getCurrentTime","params":{}}')
    assert abs(response.json() - time.time() * 1000) < 5_000


def test_call_that_nobody_answers_times_out(board: HttpDevice):
    response = board.post("/rpc", '{"method":"nobodyKnows","params":{}}')
    assert response.json() == {"error": "timeout"} or response.status_code in (408, 503)


def test_deleted_device_ends_its_poll(target: Target, pool: ThreadPoolExecutor):
    device = target.new_device()
    poll = HttpDevice(target, device, pool).start_poll()
    target.rest.delete(f"/api/device/{device.id}")
    assert poll.result().status_code == 403


def test_call_goes_on_when_the_polling_device_hangs_up(
    target: Target, device: Device, board: HttpDevice
):
    if target.strict:
        pytest.skip("ThingsBoard loses a one-way call in a poll whose device has gone (2)")
    address = urlsplit(target.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        path = f"/api/v1/{device.token}/rpc?timeout=20000"
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        time.sleep(0.2)  # no one tells when the server has taken the request
    time.sleep(0.1)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(target.rest.call, device, "notLost", way="oneway")
        assert board.poll().json()["method"] == "notLost"
        assert call.result().status_code == 200


def test_one_way_call_between_two_polls_waits_for_the_second(
    target: Target, device: Device, board: HttpDevice
):
    if target.strict:
        pytest.skip("ThingsBoard loses it in the subscription of the first poll (2)")
    assert board.poll(100).status_code == 408
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(target.rest.call, device, "notLost", way="oneway")
        assert board.poll().json()["method"] == "notLost"
        assert call.result().status_code == 200


def test_two_polls_at_once_get_a_call_once(target: Target, device: Device, board: HttpDevice):
    first, second = board.start_poll(), board.start_poll()
    rpc_id = submit(target, device, way="oneway")
    answers = sorted([first.result().status_code, second.result().status_code])
    assert answers in ([200, 408], [200, 200])
    if target.is_ours:
        assert answers == [200, 408]
    status_is(target, rpc_id, "DELIVERED")


def test_json_of_a_command_is_passed_on_unchanged(
    target: Target, device: Device, board: HttpDevice, pool: ThreadPoolExecutor
):
    params = {"text": "\u00fc \U0001f600", "list": [1, 2.5, None, True]}
    submit(target, device, params=params)
    assert json.loads(board.poll().content)["params"] == params
