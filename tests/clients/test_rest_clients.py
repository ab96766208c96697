"""Older and newer REST clients of ThingsBoard, unmodified, against the platform."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from host_tools.client import Device, Scope
from tests.clients.conftest import Running
from tests.clients.script import ClientScript

CLIENTS = {
    "tb-rest-client-3.9": "rest_client_3_9.py",
    "tb-rest-client-4.4": "rest_client_4_4.py",
    "tb-ce-client": "ce_client.py",
}
OURS = "tb-rest-client-4.4"
"""The one that our own environment has."""
SET_GPIO = {"pin": 23, "value": 1}


class Session:
    """What one client did: its reports, and what came of them elsewhere."""

    def __init__(self, awake: Device, asleep: Device, reports: dict[str, Any]) -> None:
        self.awake = awake
        self.asleep = asleep
        self.reports = reports
        self.commands: list[Any] = []


@pytest.fixture(scope="module", params=CLIENTS)
def session(
    request: pytest.FixtureRequest, running: Running, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Session]:
    """A client that has done its work, with a device that is connected and one that is not."""
    name = request.param
    awake = running.client.create_device(f"{name} awake")
    asleep = running.client.create_device(f"{name} asleep")
    script = ClientScript(
        None if name == OURS else name,
        CLIENTS[name],
        tmp_path_factory.mktemp("home"),
        **running.login,
        awake_id=awake.id,
        asleep_id=asleep.id,
    )
    with running.connect(awake) as board, script:
        session = Session(awake, asleep, script.all_reports())
        session.commands = board.commands
        yield session
    running.client.delete_device(awake.id)
    running.client.delete_device(asleep.id)


def test_it_logs_in_and_knows_its_user(session, running):
    assert session.reports["user"]["email"] == running.login["user"]


def test_it_makes_finds_lists_and_removes_a_device(session, running):
    devices = session.reports["devices"]
    assert devices["found"]
    assert {devices["name"], session.awake.name} <= set(devices["names"])
    assert len(devices["token"]) == 20
    assert devices["gone"]
    assert devices["name"] not in [device.name for device in running.client.devices()]


def test_its_attributes_and_telemetry_are_those_that_others_see(session, running):
    data = session.reports["data"]
    [attribute] = data["attributes"]
    assert (attribute["key"], attribute["value"]) == ("target", 21)
    assert data["telemetry"]["temperature"][0]["value"] == "20.5"
    attributes = running.client.data.attributes(session.awake.id, Scope.SHARED)
    assert attributes["target"].value == 21
    assert running.client.data.telemetry(session.awake.id)["temperature"].value == 20.5


def test_it_calls_both_ways_by_both_versions_of_the_api(session):
    answer = SET_GPIO | {"changed": True}
    assert session.reports["calls"]["answers"] == [answer, answer]
    received = [(command.method, command.params) for command in session.commands]
    assert received == [("setGpio", SET_GPIO)] * 4


def test_it_keeps_lists_and_removes_a_call_for_a_device_that_sleeps(session, running):
    kept = session.reports["kept"]
    assert (kept["status"], kept["queued"], kept["left"]) == ("QUEUED", 1, 0)
    assert list(running.client.persistent.of_device(session.asleep.id)) == []
