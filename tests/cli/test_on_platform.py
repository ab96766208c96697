"""The commands together, on the real platform, with a board on paho, also while it restarts."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from host_tools.client import Client, Device
from host_tools.errors import ExitCode
from host_tools.local_platform import LocalPlatform
from tests.contract import target as contract
from tests.contract.paho_device import PahoDevice

DEADLINE_S = 30.0


class Bench:
    """A platform with one device, and the command with the credentials for it."""

    def __init__(self, platform: LocalPlatform, client: Client, device: Device) -> None:
        self.platform, self.client, self.device = platform, client, device
        self.token = client.device_token(device.id)
        self.environment = os.environ | {
            "WAKECALL_URL": platform.profile.url,
            "WAKECALL_USER": platform.profile.user,
            "WAKECALL_PASSWORD": platform.profile.password,
        }

    def board(self) -> PahoDevice:
        """Return a board that answers with its params; a context manager."""
        profile, server = self.platform.profile, self.platform.mqtt_server
        target = contract.Target(
            profile.url, str(server["host"]), int(server["port"]), profile.user, profile.password
        )
        known = contract.Device(self.device.id, self.device.name, self.token)
        return PahoDevice(target, known)

    def report(self, what: str, values: dict[str, Any]) -> None:
        """Send telemetry or attributes as the device does."""
        url = f"{self.platform.profile.url}/api/v1/{self.token}/{what}"
        httpx.post(url, json=values).raise_for_status()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        command = [sys.executable, "-m", "host_tools.cli.main", *words]
        return subprocess.run(
            command, capture_output=True, text=True, env=self.environment, timeout=DEADLINE_S
        )


class Running:
    """The command in the background; its lines are read as they come."""

    def __init__(self, bench: Bench, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "host_tools.cli.main", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=bench.environment,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def until(self, part: str) -> list[str]:
        """Return the lines up to the first one with this part."""
        lines: list[str] = []
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"no {part!r} in {lines}"
            lines.append(line)
            if part in line:
                return lines

    def end(self) -> int:
        """Wait for its end and return its exit status."""
        return self.process.wait(DEADLINE_S)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with LocalPlatform(tmp_path / "data") as platform, Client(platform.profile) as client:
        yield Bench(platform, client, client.create_device("pump"))


def test_a_device_is_made_shown_listed_and_removed(bench):
    assert bench.run("device", "add", "oven", "--label", "hot").returncode == 0
    bench.report("telemetry", {"temperature": 20.5})
    bench.report("attributes", {"color": "red"})
    shown = json.loads(bench.run("device", "show", "pump", "--json").stdout)
    assert shown["telemetry"]["temperature"]["value"] == 20.5
    assert shown["attributes"]["client"]["color"]["value"] == "red"
    listed = bench.run("device", "list", "--json").stdout.splitlines()
    assert [json.loads(line)["name"] for line in listed] == ["oven", "pump"]
    assert bench.run("device", "token", "pump").stdout.strip() == bench.token
    assert bench.run("device", "rm", "oven").returncode == 0
    assert bench.run("device", "show", "oven").returncode == ExitCode.NOT_FOUND


def test_a_call_for_a_board_that_sleeps_is_followed_until_it_wakes_and_answers(bench):
    bench.report("attributes", {"agent": {"identity": True}})
    words = ("call", "pump", "water", "seconds=5", "--persistent", "--expires", "8h", "--wait")
    with Running(bench, *words) as call:
        call.until("QUEUED")
        with bench.board() as board:
            answer = json.loads(call.until('"echo"')[-1])
            assert call.end() == 0
        [command] = board.commands
    assert command.params["seconds"] == 5
    assert len(command.params["_id"]) == 16
    assert answer == {"echo": command.params}


def test_a_kept_call_is_listed_shown_and_removed_before_the_board_wakes(bench):
    kept = bench.run("call", "pump", "water", "--persistent", "--oneway", "--retries", "2")
    rpc_id = kept.stdout.strip()
    [line] = bench.run("rpc", "list", "pump", "--status", "QUEUED", "--json").stdout.splitlines()
    assert json.loads(line)["rpcId"] == rpc_id
    shown = json.loads(bench.run("rpc", "show", rpc_id, "--json").stdout)
    assert (shown["method"], shown["oneway"], shown["retries"]) == ("water", True, 2)
    assert bench.run("rpc", "rm", rpc_id).returncode == 0
    assert bench.run("rpc", "show", rpc_id).returncode == ExitCode.NOT_FOUND
    with bench.board() as board:
        assert bench.run("call", "pump", "ping").returncode == 0
        assert [command.method for command in board.commands] == ["ping"]


def test_a_call_that_nobody_takes_expires(bench):
    done = bench.run("call", "pump", "water", "--persistent", "--expires", "5s", "--wait")
    assert (done.returncode, done.stdout) == (ExitCode.TIMEOUT, "")
    assert done.stderr.splitlines()[1].endswith("EXPIRED")
    assert "expired before pump answered" in done.stderr


def test_a_second_try_carries_the_same_id(bench):
    with bench.board() as board:
        for _ in range(2):
            done = bench.run("call", "pump", "water", "--persistent", "--id", "order-66", "--wait")
            assert done.returncode == 0, done.stderr
        assert [command.params["_id"] for command in board.commands] == ["order-66"] * 2


def test_a_call_is_followed_over_a_restart_of_the_server(bench):
    with Running(bench, "call", "pump", "water", "--persistent", "--wait") as call:
        call.until("QUEUED")
        bench.platform.kill()
        call.until("trying on")
        bench.platform.start()
        with bench.board():
            call.until('"echo"')
            assert call.end() == 0


def test_watch_shows_what_there_is_and_then_what_changes(bench):
    bench.report("telemetry", {"temperature": 20.5})
    kept = bench.run("call", "pump", "water", "--persistent").stdout.strip()
    with Running(bench, "watch", "pump", "--every", "100ms", "--json") as watch:
        first = [json.loads(line) for line in watch.until(kept)]
        assert (first[0]["event"], first[0]["key"], first[0]["value"]) == (
            "telemetry",
            "temperature",
            20.5,
        )
        assert (first[-1]["event"], first[-1]["status"]) == ("call", "QUEUED")
        bench.report("telemetry", {"temperature": 21})
        assert json.loads(watch.until("telemetry")[-1])["value"] == 21
        bench.report("attributes", {"color": "red"})
        change = json.loads(watch.until("color")[-1])
        assert (change["event"], change["scope"], change["value"]) == ("attribute", "client", "red")
        with bench.board():
            change = json.loads(watch.until("SUCCESSFUL")[-1])
            assert (change["rpcId"], change["response"]) == (kept, {"echo": {}})
        assert bench.run("rpc", "rm", kept).returncode == 0
        assert json.loads(watch.until("removed")[-1])["rpcId"] == kept
        watch.process.send_signal(signal.SIGINT)
        assert watch.end() == ExitCode.INTERRUPTED


def test_watch_ends_by_itself_after_the_time_that_was_asked_for(bench):
    bench.report("telemetry", {"temperature": 20.5})
    done = bench.run("watch", "pump", "--for", "300ms", "--every", "100ms")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split("  ", 1)[1] for line in done.stdout.splitlines()] == [
        "telemetry  temperature = 20.5"
    ]


def test_watch_goes_on_over_a_restart_of_the_server_and_ends_with_the_device(bench):
    with Running(bench, "watch", "pump", "--every", "100ms") as watch:
        bench.report("telemetry", {"temperature": 1})
        watch.until("temperature = 1")
        bench.platform.kill()
        watch.until("trying on")
        bench.platform.start()
        bench.report("telemetry", {"temperature": 2})
        watch.until("temperature = 2")
        bench.client.delete_device(bench.device.id)
        watch.until("the server knows no device 'pump'")
        assert watch.end() == ExitCode.NOT_FOUND


@pytest.fixture
def customer(bench: Bench) -> contract.Rest:
    """A customer's user, as whom the command runs; return the tenant's REST API."""
    profile = bench.platform.profile
    rest = contract.Rest(profile.url)
    rest.login(profile.user, profile.password)
    owner = rest.post("/api/customer", {"title": "Smith"}).json()["id"]
    user = {"email": "user@smith.example", "authority": "CUSTOMER_USER", "customerId": owner}
    user_id = rest.post("/api/user", user).raise_for_status().json()["id"]["id"]
    link = rest.get(f"/api/user/{user_id}/activationLink").text
    activation = {"activateToken": link.rpartition("=")[2], "password": "of the customer"}
    rest.client.post("/api/noauth/activate", json=activation).raise_for_status()
    rest.post(f"/api/customer/{owner['id']}/device/{bench.device.id}").raise_for_status()
    bench.environment |= {
        "WAKECALL_USER": "user@smith.example",
        "WAKECALL_PASSWORD": "of the customer",
    }
    return rest


def test_a_customers_user_sees_and_calls_his_devices_and_no_others(bench, customer):
    bench.client.create_device("oven of another")
    listed = bench.run("device", "list", "--json").stdout.splitlines()
    assert [json.loads(line)["name"] for line in listed] == ["pump"]
    with bench.board():
        done = bench.run("call", "pump", "ping", "pin=23")
        assert json.loads(done.stdout) == {"echo": {"pin": 23}}
        done = bench.run("call", "pump", "ping", "--persistent", "--wait")
        assert json.loads(done.stdout) == {"echo": {}}
    assert bench.run("call", "oven of another", "ping").returncode == ExitCode.NOT_FOUND
    assert bench.run("device", "add", "oven").returncode == ExitCode.CREDENTIALS
    [call] = bench.run("rpc", "list", "pump", "--json").stdout.splitlines()
    rpc_id = json.loads(call)["rpcId"]
    assert bench.run("rpc", "rm", rpc_id).returncode == ExitCode.CREDENTIALS


def test_another_address_of_the_server_can_be_given(bench):
    url = bench.environment.pop("WAKECALL_URL")
    done = bench.run("device", "list", "--url", url, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "pump"
    done = bench.run("device", "list", "--url", "ftp://x")
    assert done.returncode == ExitCode.USAGE
