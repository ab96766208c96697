"""How fast the simulator is: ``python -m host_tools.bench.sim [CPYTHON MICROPYTHON]`` (boards).

Virtual time: how much of it passes in a second, asleep and busy, and how many crash points are run.
Real time: boards in one process, each called once a second over a platform of its own process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from host_tools.bench.platform import PASSWORD, Server, running_platform
from host_tools.bench.wire import HttpConnection
from host_tools.client import Client
from host_tools.profile import Profile
from host_tools.sim import SimulatedBoard, World, scenarios
from host_tools.sim.interpreters import Runtime
from host_tools.sim.virtual.crash_points import enumerate_cuts

DEFAULT_BOARDS: dict[Runtime, int] = {"cpython": 200, "micropython": 50}
SECONDS = 10
START_TIMEOUT_S = 120.0
USER = "tenant@thingsboard.org"
SLEEPER = "import machine\nmachine.deepsleep(3600 * 1000)\n"
BUSY_CALLS = 1_000
DAY_S = 24 * 3600


def measure_sleeping_board() -> None:
    """Thirty days of hourly wakes from deep sleep."""
    with tempfile.TemporaryDirectory() as folder, World() as world:
        (Path(folder) / "main.py").write_text(SLEEPER)
        world.board(firmware=Path(folder))
        world.is_tracing = False
        began = time.perf_counter()
        world.run(30 * DAY_S)
        elapsed = time.perf_counter() - began
    print(f"asleep, woken hourly: {30 * DAY_S / elapsed:12,.0f} virtual s per s")


def measure_idle_board() -> None:
    """A day on the server with nothing but keepalive."""
    with World() as world:
        world.board()
        world.is_tracing = False
        began = time.perf_counter()
        world.run(DAY_S)
        elapsed = time.perf_counter() - began
    print(f"connected, idle:      {DAY_S / elapsed:12,.0f} virtual s per s")


def measure_busy_board() -> None:
    """A call a second."""
    with World() as world:
        world.board()
        world.run(5)
        world.is_tracing = False
        began = time.perf_counter()
        for turn in range(BUSY_CALLS):
            world.server.call("setGpio", {"pin": 23, "value": turn % 2})
            world.run(1)
        elapsed = time.perf_counter() - began
    print(f"connected, a call/s:  {BUSY_CALLS / elapsed:12,.0f} virtual s per s")


def measure_crash_points() -> None:
    """The shipped scenario at every point."""
    began = time.perf_counter()
    count = sum(1 for _ in enumerate_cuts(scenarios.find("target"), seed=0))
    print(f"crash points:         {count / (time.perf_counter() - began):12,.0f} runs per s")


def measure_live_boards(runtime: Runtime, count: int) -> None:
    """Boards in real time, each called once a second."""
    before = _resident_bytes(os.getpid())
    with running_platform() as server, _live_boards(runtime, count, server) as boards:
        ids = [board.device_id for board in boards]
        token = boards[0].login_token
        late, latencies = asyncio.run(_call_each_second(server, token, ids))
        children = sum(_resident_bytes(board.simulated.child_pid or 0) for board in boards)
        host = _resident_bytes(os.getpid()) - before
    latencies.sort()
    p50, p99 = (latencies[int(len(latencies) * part)] for part in (0.5, 0.99))
    print(
        f"{count} {runtime} boards, a call/s each: {len(latencies)} calls, {late} late, "
        f"p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms; "
        f"{children / count / 2**20:.1f} MiB and {host / count / 2**10:.0f} KiB of ours per board"
    )


class _LiveBoard:
    def __init__(self, simulated: SimulatedBoard, device_id: str, login_token: str) -> None:
        self.simulated = simulated
        self.device_id = device_id
        self.login_token = login_token


@contextlib.contextmanager
def _live_boards(runtime: Runtime, count: int, server: Server) -> Iterator[list[_LiveBoard]]:
    url = f"http://{server.host}:{server.http_port}"
    login_token = asyncio.run(_login(server))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        client = stack.enter_context(Client(Profile(url, USER, PASSWORD)))
        boards = []
        for number in range(count):
            name = f"bench-{number}"
            device = client.create_device(name)
            settings = {"host": server.host, "port": server.mqtt_port, "tls": False}
            simulated = SimulatedBoard(
                folder=folder / name,
                configuration={"device": name, "server": settings, "wifi": {"ssid": "sim"}},
                secrets={"token": client.device_token(device.id), "wifi_key": "a key"},
                runtime=runtime,
            )
            stack.enter_context(simulated)
            boards.append(_LiveBoard(simulated, device.id, login_token))
        for board in boards:
            board.simulated.wait_for_line("connected", START_TIMEOUT_S)
        yield boards


async def _login(server: Server) -> str:
    connection = HttpConnection(server.host, server.http_port, "")
    await connection.open()
    body = {"username": USER, "password": PASSWORD}
    _, answer = await connection.request("POST", "/api/auth/login", body)
    connection.close()
    return str(json.loads(answer)["token"])


async def _call_each_second(server: Server, token: str, ids: list[str]) -> tuple[int, list[float]]:
    """Return how many calls took longer than their second, and how long each took."""
    latencies: list[float] = []

    async def caller(index: int, device_id: str) -> None:
        connection = HttpConnection(server.host, server.http_port, token)
        await connection.open()
        await asyncio.sleep(index / len(ids))
        for turn in range(SECONDS):
            began = time.perf_counter()
            body = {"method": "setGpio", "params": {"pin": 23, "value": turn % 2}}
            path = f"/api/rpc/twoway/{device_id}"
            status, answer = await connection.request("POST", path, body)
            assert status == 200, (status, answer)
            latencies.append(time.perf_counter() - began)
            await asyncio.sleep(max(0, 1 - latencies[-1]))
        connection.close()

    await asyncio.gather(*(caller(index, device_id) for index, device_id in enumerate(ids)))
    return sum(1 for latency in latencies if latency > 1), latencies


def _resident_bytes(process_id: int) -> int:
    statm = Path(f"/proc/{process_id}/statm").read_text()
    return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """Run every measurement and print what it shows."""
    boards = dict(DEFAULT_BOARDS)
    if len(sys.argv) == 3:
        boards = {"cpython": int(sys.argv[1]), "micropython": int(sys.argv[2])}
    measure_sleeping_board()
    measure_idle_board()
    measure_busy_board()
    measure_crash_points()
    for runtime, count in boards.items():
        measure_live_boards(runtime, count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
