"""``wakecall up`` as a user starts it: a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from host_tools.errors import ExitCode
from tests.contract.paho_device import PahoDevice
from tests.contract.target import ADMINISTRATOR, DEADLINE_S, PASSWORD, Target, eventually

COMMAND = [sys.executable, "-m", "host_tools.cli.main", "up"]
READY = re.compile(r"ready (http://127\.0\.0\.1:\d+) mqtt://127\.0\.0\.1:(\d+)\n")


class Up:
    """A running ``wakecall up``."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        password: str | None = PASSWORD,
        prefix: Sequence[str] = (),
    ) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "XDG_CONFIG_HOME": str(folder / "config"),
        }
        if password is not None:
            environment["WAKECALL_ADMIN_PASSWORD"] = password
        addresses = ["--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [*prefix, *COMMAND, "--data", str(folder / "data"), *addresses, *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> Target:
        """Wait for the ready line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = READY.fullmatch(line)
        assert found, (line, self.process.stderr and self.process.stderr.read())
        return Target(found[1], "127.0.0.1", int(found[2]), ADMINISTRATOR, PASSWORD)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal and return exit status, the rest of stdout, and stderr."""
        self.process.send_signal(number)
        return self.outcome()

    def outcome(self) -> tuple[int, str, str]:
        """Wait for the end."""
        out, err = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, out, err


Start = Callable[..., Up]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts platforms that share a folder and end with the test."""
    started: list[Up] = []

    def start_one(*options: str, **environment: Any) -> Up:
        started.append(Up(tmp_path, *options, **environment))
        return started[-1]

    yield start_one
    for up in started:
        up.process.kill()
        up.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_it_says_ready_once_and_ends_cleanly(start: Start, number: int):
    up = start()
    assert httpx.get(up.ready().url + "/healthz").status_code == 200
    assert up.end(number) == (0, "", "")


def test_it_ends_at_once_while_a_call_waits_and_a_device_is_connected(start: Start):
    up = start()
    target = up.ready()
    device = target.new_device()
    statuses: list[int] = []

    def call() -> None:
        statuses.append(target.rest.call(device, "wait").status_code)

    with PahoDevice(target, device, lambda _: None) as board:
        caller = threading.Thread(target=call)
        caller.start()
        eventually(lambda: board.commands)
        started = time.monotonic()
        assert up.end()[0] == 0
        assert time.monotonic() - started < 3
        caller.join(DEADLINE_S)
        assert statuses == [503]


def test_restart_keeps_devices_tokens_and_logins(start: Start):
    up = start()
    target = up.ready()
    device = target.new_device()
    up.end()
    again = start().ready()
    again.rest.token = target.rest.token
    assert again.token_of(device.id) == device.token
    with PahoDevice(again, device):
        assert again.rest.call(device, "echo", params=1).json() == {"echo": 1}


def test_killed_platform_starts_again_with_all_it_confirmed(start: Start):
    names: list[str] = []
    for _ in range(3):
        up = start()
        target = up.ready()
        names += [target.new_device().name for _ in range(5)]
        assert up.end(signal.SIGKILL)[0] == -signal.SIGKILL
    target = start().ready()
    for name in names:
        query = {"deviceName": name}
        assert target.rest.get("/api/tenant/device", params=query).status_code == 200


def test_random_password_is_shown_once_and_kept_for_the_owner_only(start: Start, tmp_path: Path):
    up = start(password=None)
    assert up.process.stdout is not None
    address = READY.fullmatch(up.process.stdout.readline())
    assert address
    kept = tmp_path / "data" / "admin.password"
    password = kept.read_text().strip()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    body = {"username": ADMINISTRATOR, "password": password}
    assert httpx.post(address[1] + "/api/auth/login", json=body).status_code == 200
    assert up.end()[2].count(password) == 1
    up = start(password=None)
    up.process.stdout.readline()
    assert password not in up.end()[2]


def test_it_writes_the_profile_of_the_other_commands(start: Start, tmp_path: Path):
    target = start().ready()
    profile = tmp_path / "config/wakecall/profiles/default.json"
    assert json.loads(profile.read_text()) == {
        "url": target.url,
        "user": ADMINISTRATOR,
        "password": PASSWORD,
        "mqtt": f"mqtt://127.0.0.1:{target.mqtt_port}",
    }


def test_it_writes_no_profile_when_told_so(start: Start, tmp_path: Path):
    start("--no-profile").ready()
    assert not (tmp_path / "config").exists()


def test_secrets_in_the_data_folder_are_for_the_owner_only(start: Start, tmp_path: Path):
    start().ready()
    data = tmp_path / "data"
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for name in ("jwt.key", "platform.db"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600, name


def check_refusal(up: Up, code: ExitCode, *words: str) -> None:
    """Check that a start was refused in one line and a hint."""
    status, out, err = up.outcome()
    assert (status, out) == (code, "")
    assert "Traceback" not in err
    assert err.startswith("wakecall: ")
    assert len(err.splitlines()) <= 2
    for word in words:
        assert word in err


@pytest.mark.parametrize("option", ["--http", "--mqtt"])
def test_port_in_use(start: Start, option: str):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        check_refusal(start(option, address), ExitCode.BUSY, address, option)


@pytest.mark.parametrize("address", ["8080", "localhost", ":80", "127.0.0.1:port", "127.0.0.1:-1"])
def test_wrong_address(start: Start, address: str):
    check_refusal(start("--http", address), ExitCode.USAGE, address, "HOST:PORT")


def test_address_of_another_machine(start: Start):
    check_refusal(start("--http", "192.0.2.1:0"), ExitCode.CONFIGURATION, "192.0.2.1:0")


def test_rules_file_with_a_mistake(start: Start, tmp_path: Path):
    rules = tmp_path / "rules.py"
    rules.write_text("one line\n")
    check_refusal(start("--rules", str(rules)), ExitCode.CONFIGURATION, f"{rules}:1")


def test_data_folder_in_use(start: Start, tmp_path: Path):
    start().ready()
    check_refusal(start(), ExitCode.BUSY, str(tmp_path / "data"))


def test_data_folder_that_is_a_file(start: Start, tmp_path: Path):
    (tmp_path / "data").write_text("")
    check_refusal(start(), ExitCode.CONFIGURATION, str(tmp_path / "data"))


def test_data_folder_that_is_not_writable(start: Start, tmp_path: Path):
    (tmp_path / "data").mkdir(mode=0o500)
    # Root may write everywhere, unless that ability is taken from it.
    limits = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    check_refusal(start(prefix=limits), ExitCode.CONFIGURATION, str(tmp_path / "data"))


def test_database_that_is_none(start: Start, tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "platform.db").write_bytes(b"this is no database" * 100)
    check_refusal(start(), ExitCode.CONFIGURATION, str(tmp_path / "data"))


def test_database_of_a_later_version(start: Start, tmp_path: Path):
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "platform.db") as database:
        database.execute("PRAGMA user_version = 1000")
    check_refusal(start(), ExitCode.CONFIGURATION, "later version")


def test_damaged_signing_key(start: Start, tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "jwt.key").write_bytes(b"short")
    check_refusal(start(), ExitCode.CONFIGURATION, "jwt.key")


def test_damaged_database_file_is_not_overwritten(start: Start, tmp_path: Path):
    (tmp_path / "data").mkdir()
    content = b"this is no database" * 100
    (tmp_path / "data" / "platform.db").write_bytes(content)
    start().outcome()
    assert (tmp_path / "data" / "platform.db").read_bytes() == content
