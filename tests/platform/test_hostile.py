"""Bad input of every kind: nothing crashes, nothing leaks, and nobody else notices."""

from __future__ import annotations

import gc
import json
import logging
import resource
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.contract.paho_device import PahoDevice
from tests.contract.raw_mqtt import RawMqtt, frame, text
from tests.contract.target import Device, Target, eventually, own_platform
from tests.contract.test_persistent import submit
from tests.contract.test_rest import check_error
from tests.platform.fuzzer import Fuzzer, pour
from tests.platform.test_up_command import Start, Up

PACKETS_PER_STREAM = 10


@pytest.fixture
def start(tmp_path: Path):
    """Starts platforms that share a folder and end with the test."""
    started: list[Up] = []

    def start_one(*options: str) -> Up:
        started.append(Up(tmp_path, *options))
        return started[-1]

    yield start_one
    for up in started:
        up.process.kill()
        up.process.communicate()


def resident_kib(process_id: int) -> int:
    """Return the memory that a process holds."""
    status = Path(f"/proc/{process_id}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


@pytest.mark.parametrize(
    "packets", [4_000, pytest.param(100_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_random_packets_harm_nobody(start: Start, packets: int):
    up = start("--no-profile")
    target = up.ready()
    victim, good = target.new_device(), target.new_device()
    seed = 20261121
    fuzzer = Fuzzer(seed, victim.token)

    def streams(count: int):
        for _ in range(count // PACKETS_PER_STREAM):
            yield fuzzer.stream(PACKETS_PER_STREAM)

    with PahoDevice(target, good) as board:
        pour(target.mqtt_host, target.mqtt_port, streams(packets // 4))
        before_kib = resident_kib(up.process.pid)
        pour(target.mqtt_host, target.mqtt_port, streams(packets * 3 // 4))
        grown_kib = resident_kib(up.process.pid) - before_kib
        assert target.rest.call(good, "echo", params=1).json() == {"echo": 1}
        assert len(board.commands) == 1
    assert grown_kib < 20_000, f"memory grew by {grown_kib} KiB (seed {seed})"
    status, _, errors = up.end()
    assert (status, errors) == (0, ""), f"seed {seed}"


@pytest.mark.parametrize(
    "count", [300, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
def test_connects_without_login_are_closed_and_cost_no_one(start: Start, count: int):
    up = start("--no-profile")
    target = up.ready()
    device = target.new_device()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    idle: list[socket.socket] = []
    try:
        with PahoDevice(target, device):
            address = (target.mqtt_host, target.mqtt_port)
            idle.extend(socket.create_connection(address, timeout=10) for _ in range(count))
            assert target.rest.call(device, "echo", params=1).json() == {"echo": 1}
    finally:
        for connection in idle:
            connection.close()
        gc.collect()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert up.end()[0] == 0


def test_connection_without_login_is_closed_in_time(tmp_path: Path):
    with own_platform(tmp_path, login_timeout_ms=200) as target:
        with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
            assert client.is_closed()
        with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
            client.send(b"\x10")  # the beginning of a CONNECT is no login
            assert client.is_closed()


def test_idle_session_is_closed_and_a_ping_keeps_it(tmp_path: Path):
    with own_platform(tmp_path, inactivity_timeout_ms=400) as target:
        device = target.new_device()
        with RawMqtt(target.mqtt_host, target.mqtt_port, 5) as client:
            client.connect(device.token)
            for _ in range(3):
                time.sleep(0.2)  # the silence is what is measured
                client.ping()
            packet = client.receive()
            assert (packet.kind, packet.body[:1]) == (14, b"\xa0")
            assert client.is_closed()


def test_device_that_does_not_read_is_dropped_and_others_go_on(target: Target):
    slow, good = target.new_device(), target.new_device()
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        stuck.connect((target.mqtt_host, target.mqtt_port))
        connect = text("MQTT") + bytes([4, 0x82, 0, 0]) + text("") + text(slow.token)
        subscribe = b"\0\1" + text("v1/devices/me/rpc/request/+") + b"\1"
        stuck.sendall(frame(0x10, connect) + frame(0x82, subscribe))

        def is_offline() -> bool:
            big = "x" * 60_000
            answer = target.rest.call(slow, "flood", way="oneway", params=big, timeout=1)
            return answer.status_code != 200

        eventually(is_offline, "the drop of a device that does not read")
    with PahoDevice(target, good):
        assert target.rest.call(good, "echo", params=1).json() == {"echo": 1}


def test_slow_packet_is_taken_byte_by_byte(target: Target, device: Device):
    body = text("MQTT") + bytes([4, 0x82, 0, 0]) + text("") + text(device.token)
    with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
        for byte in frame(0x10, body):
            client.send(bytes([byte]))
        assert client.receive().body == b"\0\0"


@pytest.mark.parametrize(
    "path", ["/api/rpc/twoway/{id}", "/api/device", "/api/v1/{token}/telemetry"]
)
def test_body_above_the_limit_is_413(tmp_path: Path, path: str):
    with own_platform(tmp_path, max_body_bytes=10_000) as target:
        device = target.new_device()
        url = path.format(id=device.id, token=device.token)
        body = json.dumps({"method": "x", "params": "x" * 10_000})
        check_error(target.rest.request("POST", url, content=body), 413, 31)
        assert target.rest.get("/api/auth/user").status_code == 200


@pytest.mark.parametrize("depth", [500, 100_000])
def test_deep_json_is_refused_or_passed_but_never_a_crash(
    target: Target, device: Device, depth: int
):
    deep = b"[" * depth + b"]" * depth
    body = b'{"method":"x","persistent":true,"params":' + deep + b"}"
    response = target.rest.request("POST", f"/api/rpc/oneway/{device.id}", content=body)
    assert response.status_code in (200, 400)


@pytest.mark.parametrize("number", [b"1e999", b"NaN", b"-Infinity", b'"\\ud800"'])
def test_json_that_cannot_be_passed_on_is_refused(target: Target, device: Device, number: bytes):
    body = b'{"method":"x","params":' + number + b"}"
    response = target.rest.request("POST", f"/api/rpc/oneway/{device.id}", content=body)
    check_error(response, 400, 31)


def test_caller_that_hangs_up_leaves_no_trace(
    target: Target, device: Device, caplog: pytest.LogCaptureFixture
):
    host, port = target.url.removeprefix("http://").split(":")
    with caplog.at_level(logging.WARNING):
        for request in (
            f"POST /api/rpc/twoway/{device.id} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n"
            f"x-authorization: Bearer {target.rest.token}\r\n\r\n{{",
            "POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{",
            "GET / HTTP/9.9\r\n\r\n",
            "nonsense\r\n\r\n",
        ):
            with socket.create_connection((host, int(port))) as connection:
                connection.sendall(request.encode())
        assert target.rest.get("/api/auth/user").status_code == 200
    assert "Traceback" not in caplog.text


def test_full_disk_is_told_and_loses_nothing_that_was_accepted(start: Start):
    up = start("--no-profile")
    target = up.ready()
    device = target.new_device()
    kept = [submit(target, device, params="first")]
    limit = 300_000
    resource.prlimit(up.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    refused = None
    for _ in range(200):
        response = target.rest.call(
            device, "any", persistent=True, timeout=600_000, params="x" * 20_000
        )
        if response.status_code != 200:
            refused = response
            break
        kept.append(response.json()["rpcId"])
    assert refused is not None
    check_error(refused, 500, 46)
    assert target.rest.get("/api/auth/user").status_code == 200
    up.process.kill()
    up.outcome()
    again = start("--no-profile").ready()
    for rpc_id in kept:
        assert again.rest.get(f"/api/rpc/persistent/{rpc_id}").status_code == 200


@pytest.mark.parametrize(
    "rounds", [3, pytest.param(25, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
def test_kill_loses_no_call_and_no_telemetry_that_was_accepted(start: Start, rounds: int):
    calls: list[str] = []
    points: list[int] = []
    device: Device | None = None
    for _ in range(rounds):
        up = start("--no-profile")
        target = up.ready()
        device = device or target.new_device()
        _work_until_killed(up, target, device, calls, points)
    assert device is not None
    target = start("--no-profile").ready()
    assert len(calls) > 10 * rounds
    assert points
    for rpc_id in calls:
        assert target.rest.get(f"/api/rpc/persistent/{rpc_id}").status_code == 200
    path = f"/api/plugins/telemetry/DEVICE/{device.id}/values/timeseries"
    query = {"keys": "n", "startTs": 0, "endTs": 10**15, "limit": 50_000}
    found = target.rest.get(path, params=query).json()["n"]
    assert {int(point["value"]) for point in found} >= set(points)


def _work_until_killed(
    up: Up, target: Target, device: Device, calls: list[str], points: list[int]
) -> None:
    def report() -> None:
        try:
            with RawMqtt(target.mqtt_host, target.mqtt_port) as client:
                client.connect(device.token)
                while True:
                    number = len(points) + 1
                    payload = {"ts": number, "values": {"n": number}}
                    client.publish_acknowledged("v1/devices/me/telemetry", json.dumps(payload))
                    points.append(number)
        except (EOFError, OSError):
            return

    reporter = threading.Thread(target=report)
    reporter.start()
    killer = threading.Timer(0.5, up.process.kill)
    killer.start()
    try:
        while True:
            fields = {"persistent": True, "timeout": 600_000}
            calls.append(target.rest.call(device, "any", **fields).json()["rpcId"])
    except httpx.HTTPError:
        pass  # killed, as it should be
    reporter.join(10)
    up.outcome()
