"""The audit log: every call with who, what and how it ended."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.contract.paho_device import PahoDevice
from tests.contract.target import Device, Target, own_platform
from tests.contract.test_persistent import submit


def entries(target: Target, path: str = "", **query: Any) -> list[dict[str, Any]]:
    """Read the log, oldest entry first."""
    chosen = {"pageSize": 100, "page": 0, "sortProperty": "createdTime", "sortOrder": "ASC"} | query
    answer = target.rest.get(f"/api/audit/logs{path}", params=chosen)
    return list(answer.raise_for_status().json()["data"])


def test_calls_are_recorded_with_their_outcome(target: Target, device: Device):
    with PahoDevice(target, device):
        target.rest.call(device, "setGpio", params={"pin": 1})
        target.rest.call(device, "beep", way="oneway")
    target.rest.call(device, "away", version="v1", timeout=1)
    rpc_id = submit(target, device, "kept")
    shown = {entry["actionData"]["method"]: entry for entry in entries(target)}
    assert list(shown) == ["setGpio", "beep", "away", "kept"]
    first = shown["setGpio"]
    assert first["userName"] == target.user
    assert (first["entityName"], first["entityId"]["id"]) == (device.name, device.id)
    assert first["actionData"]["params"] == '{"pin":1}'
    assert first["actionData"]["outcome"] == "200 answered"
    assert shown["beep"]["actionData"]["oneWay"] is True
    assert shown["away"]["actionStatus"] == "FAILURE"
    assert shown["away"]["actionData"]["outcome"] == "409 not connected"
    assert shown["kept"]["actionData"]["rpcId"] == rpc_id


def test_secrets_of_a_changed_configuration_are_not_recorded(target: Target, device: Device):
    params = {"config": {"keepalive_s": 30}, "secrets": {"wifi_key": "not for the log"}}
    submit(target, device, "setConfig", params=params)
    [entry] = entries(target, f"/entity/DEVICE/{device.id}")
    assert "not for the log" not in str(entry)
    assert "keepalive_s" in entry["actionData"]["params"]


def test_log_is_read_by_device_user_time_and_text(target: Target, device: Device):
    other = target.new_device()
    submit(target, device, "openDoor")
    submit(target, other, "closeDoor")
    user = target.rest.get("/api/auth/user").json()["id"]["id"]
    assert len(entries(target, f"/entity/DEVICE/{device.id}")) == 1
    assert len(entries(target, f"/user/{user}")) == 2
    assert len(entries(target, textSearch="OPEN")) == 1
    now_ms = int(time.time() * 1000)
    assert entries(target, startTime=now_ms + 60_000) == []
    assert len(entries(target, endTime=now_ms + 60_000)) == 2


def test_log_outlives_the_device_and_a_restart(tmp_path: Path):
    with own_platform(tmp_path) as target:
        device = target.new_device()
        submit(target, device, "last")
        target.rest.delete(f"/api/device/{device.id}")
    with own_platform(tmp_path) as target:
        assert [entry["entityName"] for entry in entries(target)] == [device.name]


def test_old_entries_are_removed(tmp_path: Path):
    with own_platform(tmp_path) as target:
        submit(target, target.new_device(), "old")

    def in_a_year() -> int:
        return time.time_ns() // 1_000_000 + 365 * 86_400_000

    with own_platform(tmp_path, now_ms=in_a_year) as target:
        assert entries(target) == []


@pytest.mark.parametrize("path", ["/entity/ASSET/x", "/entity/DEVICE/x", "/user/x"])
def test_wrong_paths(target: Target, path: str):
    query = {"pageSize": 1, "page": 0}
    assert target.rest.get(f"/api/audit/logs{path}", params=query).status_code == 400
