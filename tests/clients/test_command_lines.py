"""ThingsBoard's command line ``tb`` and the independent ``tbctl``, unmodified, on the platform."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host_tools.client import Device, Scope
from tests.clients import environments
from tests.clients.conftest import Running

Run = Callable[..., str]
"""Runs one command and returns its output; it has to succeed."""
WIDE = {"COLUMNS": "200"}


def run_program(program: Path, variables: dict[str, str], *words: str, stdin: str = "") -> str:
    done = subprocess.run(
        [program, *words],
        env=variables,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=variables["HOME"],
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def tb(running: Running, home: Path) -> Run:
    """The command ``tb`` with a profile for the platform."""
    profile = {
        "url": running.login["url"],
        "auth_method": "jwt",
        "username": running.login["user"],
        "password": running.login["password"],
    }
    folder = home / "tb" / "profiles"
    folder.mkdir(parents=True)
    (folder / "dev.json").write_text(json.dumps(profile))
    quiet = {"TB_ANALYTICS": "0", "TB_CLI_UPDATE_INDEX": "disabled"}
    variables = environments.variables(home, TB_CONFIG_HOME=str(home / "tb"), **quiet, **WIDE)
    program = environments.programs("thingsboard-cli") / "tb"
    return lambda *words: run_program(program, variables, *words)


@pytest.fixture
def tbctl(running: Running, home: Path) -> Run:
    """The command ``tbctl``, logged in."""
    no_keyring = "keyring.backends.null.Keyring"
    variables = environments.variables(home, PYTHON_KEYRING_BACKEND=no_keyring, **WIDE)
    program = environments.programs("tbctl") / "tbctl"
    login = running.login
    words = ("--url", login["url"], "--username", login["user"], "--insecure-storage")
    run_program(program, variables, "auth", "login", *words, stdin=f"{login['password']}\n")
    return lambda *words: run_program(program, variables, *words)


@pytest.fixture
def measured(running: Running, device: Device) -> Device:
    """A device that has sent telemetry and attributes."""
    token = running.client.device_token(device.id)
    for what, values in (("telemetry", {"temperature": 20.5}), ("attributes", {"color": "red"})):
        assert running.target.rest.post(f"/api/v1/{token}/{what}", values).status_code == 200
    return device


def attributes(running: Running, device: Device, scope: Scope) -> dict[str, Any]:
    found = running.client.data.attributes(device.id, scope)
    return {key: attribute.value for key, attribute in found.items()}


def names(running: Running) -> list[str]:
    return [device.name for device in running.client.devices()]


def test_tb_makes_shows_lists_and_removes_a_device(tb, running):
    tb("device", "save", "--name", "made by tb", "--access-token", "a-token-of-ours")
    shown = json.loads(tb("device", "get", "made by tb", "--format", "json"))
    identifier = shown["id"]["id"]
    assert running.client.device_by_name("made by tb").id == identifier
    credentials = json.loads(tb("device", "credentials", identifier, "--format", "json"))
    assert credentials["credentialsId"] == "a-token-of-ours"
    listed = json.loads(tb("device", "list", "--page-size", "100", "--format", "json"))
    assert "made by tb" in [device["name"] for device in listed["data"]]
    tb("device", "delete", identifier, "--yes")
    assert "made by tb" not in names(running)


def test_tb_sets_reads_lists_and_removes_attributes(tb, running, measured):
    target = ("DEVICE", measured.id)
    tb("attributes", "save", *target, "--scope", "SHARED_SCOPE", "--json", '{"target": 21}')
    assert attributes(running, measured, Scope.SHARED) == {"target": 21}
    read = tb("attributes", "get", *target, "--scope", "CLIENT_SCOPE", "--format", "json")
    assert [(row["key"], row["value"]) for row in json.loads(read)] == [("color", "red")]
    listed = json.loads(tb("attributes", "list", *target, "--format", "json"))
    assert (listed["CLIENT_SCOPE"], listed["SHARED_SCOPE"]) == (["color"], ["target"])
    words = ("--scope", "SHARED_SCOPE", "--keys", "target", "--yes")
    tb("attributes", "delete", *target, *words)
    assert attributes(running, measured, Scope.SHARED) == {}


def test_tb_stores_and_reads_telemetry(tb, running, measured):
    target = ("DEVICE", measured.id)
    tb("telemetry", "save", *target, "--json", '{"temperature": 21.5}')
    assert running.client.data.telemetry(measured.id)["temperature"].value == 21.5
    now_ms = round(time.time() * 1000)
    interval = ("--start-ts", str(now_ms - 60_000), "--end-ts", str(now_ms + 60_000))
    read = json.loads(tb("telemetry", "get", *target, "--keys", "temperature", *interval))
    assert [float(row["value"]) for row in read["temperature"]] == [21.5, 20.5]


def test_tbctl_knows_who_is_logged_in_and_logs_out(tbctl, running):
    status = json.loads(tbctl("auth", "status", "--json"))
    assert (status["user"], status["url"]) == (running.login["user"], running.login["url"])
    tbctl("auth", "logout")


def test_tbctl_makes_shows_lists_and_removes_a_device(tbctl, running):
    tbctl("device", "create", "made by tbctl", "--label", "a lamp")
    device = running.client.device_by_name("made by tbctl")
    assert device.label == "a lamp"
    assert device.id in tbctl("device", "get", "made by tbctl")
    listed = json.loads(tbctl("device", "list", "--token", "--json", "--page-size", "100"))
    [row] = [row for row in listed if row["name"] == "made by tbctl"]
    assert row["accessToken"] == running.client.device_token(device.id)
    tbctl("device", "delete", "made by tbctl", "--yes")
    assert "made by tbctl" not in names(running)


def test_tbctl_reads_telemetry_and_attributes(tbctl, measured):
    assert json.loads(tbctl("telemetry", "keys", measured.name, "--json")) == ["temperature"]
    latest = json.loads(tbctl("telemetry", "latest", measured.name, "--json"))
    assert latest["temperature"][0]["value"] == "20.5"
    words = ("--keys", "temperature", "--start", "1h", "--json")
    history = json.loads(tbctl("telemetry", "history", measured.name, *words))
    assert [row["value"] for row in history["temperature"]] == ["20.5"]
    for scope in ((), ("--scope", "CLIENT_SCOPE")):
        read = json.loads(tbctl("attributes", "get", measured.name, "--json", *scope))
        assert [(row["key"], row["value"]) for row in read] == [("color", "red")]
