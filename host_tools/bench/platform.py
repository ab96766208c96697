"""How fast the platform is, over its real sockets: ``python -m host_tools.bench.platform``.

The platform runs as ``wakecall up`` in a process of its own; callers and devices share another.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from host_tools.bench.wire import BenchDevice, HttpConnection

PASSWORD = "bench password"
DEFAULT_SECONDS = 3.0
MANY_DEVICES = 1_000


@dataclass(frozen=True)
class Server:
    """A platform that was started for the measurement."""

    host: str
    http_port: int
    mqtt_port: int
    start_s: float
    process_id: int

    def resident_bytes(self) -> int:
        """Return the memory that the platform's process holds."""
        statm = Path(f"/proc/{self.process_id}/statm").read_text()
        return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def running_platform() -> Iterator[Server]:
    """Run ``wakecall up`` on free ports in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "host_tools.cli.main", "up", "--no-profile"]
        command += ["--data", folder, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"]
        environment = os.environ | {"WAKECALL_ADMIN_PASSWORD": PASSWORD}
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            _, http, mqtt = process.stdout.readline().split()
            elapsed = time.perf_counter() - started
            ports = (urlsplit(http).port or 0, urlsplit(mqtt).port or 0)
            yield Server("127.0.0.1", *ports, elapsed, process.pid)
        finally:
            process.terminate()
            process.communicate()


@dataclass(frozen=True)
class Fleet:
    """Connected devices and the means to call them."""

    server: Server
    token: str
    device_ids: Sequence[str]

    def connection(self) -> HttpConnection:
        """Return a new connection with the login of the administrator."""
        return HttpConnection(self.server.host, self.server.http_port, self.token)


async def connect_fleet(server: Server, count: int, *, connect: bool = True) -> Fleet:
    """Create devices over REST and connect them over MQTT.

    Args:
        server: The platform.
        count: How many devices.
        connect: Off leaves them away.
    """
    login = HttpConnection(server.host, server.http_port, "")
    await login.open()
    body = {"username": "tenant@thingsboard.org", "password": PASSWORD}
    _, answer = await login.request("POST", "/api/auth/login", body)
    token = json.loads(answer)["token"]
    login.close()
    rest = HttpConnection(server.host, server.http_port, token)
    await rest.open()
    identifiers = []
    prefix = f"bench-{time.time_ns()}"
    for index in range(count):
        name = f"{prefix}-{index}"
        path = f"/api/device?accessToken={prefix[-12:]}-{index}"
        status, answer = await rest.request("POST", path, {"name": name})
        assert status == 200, answer
        identifiers.append(json.loads(answer)["id"]["id"])
        device = BenchDevice(f"{prefix[-12:]}-{index}")
        if connect:
            await _connect(device, server)
    rest.close()
    return Fleet(server, token, identifiers)


async def _connect(device: BenchDevice, server: Server) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: device, server.host, server.mqtt_port)
    await device.subscribed.wait()


@dataclass(frozen=True)
class Rate:
    """What a load of calls came to; times in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float

    def __str__(self) -> str:
        return f"{self.per_second:7.0f}/s  p50 {self.p50_ms:6.2f} ms  p99 {self.p99_ms:6.2f} ms"


async def measure_calls(fleet: Fleet, in_flight: int, seconds: float, body: object) -> Rate:
    """Call the devices in turn with ``in_flight`` callers."""
    latencies: list[float] = []
    deadline = time.perf_counter() + seconds

    async def caller(index: int) -> None:
        connection = fleet.connection()
        await connection.open()
        while (started := time.perf_counter()) < deadline:
            device_id = fleet.device_ids[index % len(fleet.device_ids)]
            index += in_flight
            status, answer = await connection.request("POST", f"/api/rpc/twoway/{device_id}", body)
            assert status == 200, (status, answer)
            latencies.append(time.perf_counter() - started)
        connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(caller(index) for index in range(in_flight)))
    elapsed = time.perf_counter() - began
    latencies.sort()
    return Rate(
        len(latencies) / elapsed,
        1_000 * latencies[len(latencies) // 2],
        1_000 * latencies[int(len(latencies) * 0.99)],
    )


CALL = {"method": "setGpio", "params": {"pin": 23, "value": 1}}


async def _calls(server: Server, seconds: float) -> None:
    for devices in (1, 16, 100):
        fleet = await connect_fleet(server, devices)
        for in_flight in (1, 16):
            rate = await measure_calls(fleet, in_flight, seconds, CALL)
            print(f"two-way, {devices:3} devices, {in_flight:2} in flight: {rate}")


async def _persistent_calls(server: Server, seconds: float) -> None:
    """Calls that are on disk before their caller is told of them; their devices are away."""
    fleet = await connect_fleet(server, 16, connect=False)
    body = CALL | {"persistent": True, "timeout": 3_600_000}
    for in_flight in (1, 16):
        rate = await measure_calls(fleet, in_flight, seconds, body)
        print(f"persistent to disk,       {in_flight:2} in flight: {rate}")


async def _memory(server: Server, _: float) -> None:
    idle = server.resident_bytes()
    await connect_fleet(server, MANY_DEVICES)
    connected = server.resident_bytes()
    print(f"memory idle {idle >> 20} MiB, with {MANY_DEVICES} devices {connected >> 20} MiB")


MEASUREMENTS: tuple[Callable[[Server, float], Awaitable[None]], ...] = (
    _calls,
    _persistent_calls,
    _memory,
)


def main() -> int:
    """Run every measurement and print what it shows."""
    for measurement in MEASUREMENTS:
        with running_platform() as server:
            print(f"ready after {server.start_s:.2f} s, {server.resident_bytes() >> 20} MiB")
            asyncio.run(_run(measurement, server))
    return 0


async def _run(measurement: Callable[[Server, float], Awaitable[None]], server: Server) -> None:
    await measurement(server, DEFAULT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
