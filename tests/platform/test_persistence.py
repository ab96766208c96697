"""What is better than ThingsBoard, and what ``strict`` makes the same (issue 3, point 3)."""

from __future__ import annotations

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.contract.paho_device import PahoDevice
from tests.contract.raw_mqtt import RawMqtt
from tests.contract.target import Device, Target, eventually, own_platform
from tests.contract.test_http_device import HttpDevice
from tests.contract.test_persistent import show, status_is, submit

REQUESTS = "v1/devices/me/rpc/request/+"
STRICT = pytest.mark.parametrize("strict", [False, True], ids=["ours", "strict"])


def take_command(target: Target, device: Device, *, acknowledge: bool) -> int:
    """Connect, take one command and return its id."""
    with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
        client.connect(device.token)
        client.subscribe(REQUESTS)
        message = client.message()
        if acknowledge:
            client.puback(message.packet_id)
            client.ping()
        return int(message.topic.rpartition("/")[2])


@STRICT
def test_row_67_queued_call_survives_a_restart(tmp_path: Path, strict: bool):
    with own_platform(tmp_path, strict=strict) as target:
        device = target.new_device()
        target.rest.call(device, "first", timeout=1)
        rpc_id = submit(target, device)
    with own_platform(tmp_path, strict=strict) as target:
        # ThingsBoard counts from 0 again; we keep the id that the row was given.
        assert take_command(target, device, acknowledge=True) == (0 if strict else 1)
        status_is(target, rpc_id, "DELIVERED")


@STRICT
@pytest.mark.parametrize("state", ["SENT", "DELIVERED", "TIMEOUT"])
def test_row_67_call_that_was_under_way_goes_on_unless_strict(
    tmp_path: Path, strict: bool, state: str
):
    puback_ms = 300 if state == "TIMEOUT" else 60_000
    with own_platform(tmp_path, strict=strict, puback_timeout_ms=puback_ms) as target:
        device = target.new_device()
        rpc_id = submit(target, device)
        with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
            client.connect(device.token)
            client.subscribe(REQUESTS)
            message = client.message()
            if state == "DELIVERED":
                client.puback(message.packet_id)
            status_is(target, rpc_id, state)
    with own_platform(tmp_path, strict=strict) as target:
        with PahoDevice(target, device) as board:
            target.rest.call(device, "last")
            methods = [command.method for command in board.commands]
            assert methods == (["last"] if strict else ["any", "last"])
        assert show(target, rpc_id)["status"] == (state if strict else "SUCCESSFUL")


def test_ids_go_on_after_a_restart(tmp_path: Path):
    seen: list[int] = []
    device = None
    for _ in range(3):
        with own_platform(tmp_path) as target:
            device = device or target.new_device()
            with PahoDevice(target, device) as board:
                target.rest.call(device, "one")
                target.rest.call(device, "two")
                seen += [int(command.request_id) for command in board.commands]
    assert seen == [0, 1, 2, 3, 4, 5]


def test_row_20_strict_ids_start_at_0_again(tmp_path: Path):
    seen: list[int] = []
    device = None
    for _ in range(2):
        with own_platform(tmp_path, strict=True) as target:
            device = device or target.new_device()
            with PahoDevice(target, device) as board:
                target.rest.call(device, "one")
                seen += [int(command.request_id) for command in board.commands]
    assert seen == [0, 0]


def test_late_answer_after_a_restart_meets_no_other_command(tmp_path: Path):
    with own_platform(tmp_path) as target:
        device = target.new_device()
        with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
            client.connect(device.token)
            client.subscribe(REQUESTS)
            target.rest.call(device, "lost", way="oneway")
            late = client.message().topic.rpartition("/")[2]
    with own_platform(tmp_path) as target:
        rpc_id = submit(target, device)
        with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
            client.connect(device.token)
            client.publish_acknowledged(f"v1/devices/me/rpc/response/{late}", '"stranger"')
            client.ping()
        assert show(target, rpc_id)["status"] == "QUEUED"


def test_expired_call_is_told_after_a_restart(tmp_path: Path):
    with own_platform(tmp_path) as target:
        device = target.new_device()
        rpc_id = submit(target, device, timeout=1)
    time.sleep(0.7)  # longer than the call lives
    with own_platform(tmp_path) as target:
        status_is(target, rpc_id, "EXPIRED")


def test_repeated_request_uuid_is_one_call(target: Target, device: Device):
    wanted = str(uuid.uuid4())
    for _ in range(3):
        assert submit(target, device, requestUUID=wanted, params=1) == wanted
    other = target.rest.call(device, "any", persistent=True, requestUUID=wanted, params=2)
    assert other.status_code == 400
    with PahoDevice(target, device) as board:
        target.rest.call(device, "last")
        assert [command.method for command in board.commands] == ["any", "last"]


def announce(target: Target, device: Device, agent: object) -> None:
    """Let the device tell of its abilities."""
    with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
        client.connect(device.token)
        client.publish_acknowledged("v1/devices/me/attributes", json.dumps({"agent": agent}))
        client.ping()


@pytest.mark.parametrize("params", [{"pin": 1}, [1], None])
def test_identity_is_added_for_an_agent_that_understands_it(
    target: Target, device: Device, params: object
):
    announce(target, device, {"identity": True})
    rpc_id = submit(target, device, params=params, identity=True)
    with PahoDevice(target, device) as board:
        (command,) = eventually(lambda: board.commands)
    row = show(target, rpc_id)
    expected = params if isinstance(params, dict) else {"_params": params}
    assert command.params == {**expected, "_id": rpc_id, "_exp": row["expirationTime"]}
    assert json.loads(row["request"]["body"]["params"]) == params


@pytest.mark.parametrize("agent", [None, "text", {"identity": False}])
def test_identity_is_not_added_for_other_devices(target: Target, device: Device, agent: object):
    announce(target, device, agent)
    submit(target, device, params={"pin": 1}, identity=True)
    with PahoDevice(target, device) as board:
        (command,) = eventually(lambda: board.commands)
    assert command.params == {"pin": 1}


def test_identity_is_not_added_unasked_nor_when_strict(
    tmp_path: Path, target: Target, device: Device
):
    announce(target, device, {"identity": True})
    submit(target, device, params={"pin": 1})
    with PahoDevice(target, device) as board:
        assert eventually(lambda: board.commands)[0].params == {"pin": 1}
    with own_platform(tmp_path / "strict", strict=True) as strict:
        other = strict.new_device()
        announce(strict, other, {"identity": True})
        submit(strict, other, params={"pin": 1}, identity=True)
        with PahoDevice(strict, other) as board:
            assert eventually(lambda: board.commands)[0].params == {"pin": 1}


def test_finished_calls_are_removed_when_their_time_has_come(tmp_path: Path):
    day_ms = 86_400_000
    with own_platform(tmp_path) as target:
        device = target.new_device()
        with PahoDevice(target, device):
            finished = submit(target, device)
            status_is(target, finished, "SUCCESSFUL")
        waiting = submit(target, device, timeout=10 * day_ms)

    def in_three_days() -> int:
        return time.time_ns() // 1_000_000 + 3 * day_ms

    with own_platform(tmp_path, rpc_days=2, now_ms=in_three_days) as target:
        path = f"/api/rpc/persistent/device/{device.id}?pageSize=9&page=0"
        rows = eventually(
            lambda: (rows := target.rest.get(path).json()["data"]) and len(rows) == 1 and rows
        )
        assert rows[0]["id"]["id"] == waiting


def test_strict_one_way_call_is_lost_in_a_poll_that_is_over(tmp_path: Path):
    with own_platform(tmp_path, strict=True) as target, ThreadPoolExecutor(1) as pool:
        device = target.new_device()
        board = HttpDevice(target, device, pool)
        assert board.poll(100).status_code == 408
        assert target.rest.call(device, "lost", way="oneway").status_code == 200
        assert board.poll(100).status_code == 408


@STRICT
def test_puback_that_a_broken_connection_owed_does_not_count_after_the_next(
    tmp_path: Path, strict: bool
):
    with own_platform(tmp_path, strict=strict) as target:
        device = target.new_device()
        rpc_id = submit(target, device, retries=0)
        with RawMqtt(target.mqtt_host, target.mqtt_port) as broken:
            broken.connect(device.token)
            broken.subscribe(REQUESTS)
            broken.message()
        with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
            client.connect(device.token)
            client.subscribe(REQUESTS)
            client.puback(client.message().packet_id)
            status_is(target, rpc_id, "DELIVERED")
            time.sleep(target.puback_timeout_s * 1.5)  # the watch of the first connection
            assert show(target, rpc_id)["status"] == ("FAILED" if strict else "DELIVERED")
