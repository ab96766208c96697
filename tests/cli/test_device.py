"""`wakecall device` as a user runs it."""

from __future__ import annotations

import json

import pytest

from host_tools.errors import ExitCode
from tests.scripted_server import Reply

LIST = "GET /api/tenant/devices"
CREDENTIALS = "GET /api/device/d1/credentials"
VALUES = "GET /api/plugins/telemetry/DEVICE/d1/values"
PUMP = {"id": {"id": "d1"}, "name": "pump", "type": "esp32", "label": "", "createdTime": 1000}
JSON_PUMP = {"name": "pump", "id": "d1", "type": "esp32", "label": "", "createdTime": 1000}
TOKEN = "t0ken of the pump"


@pytest.fixture
def pump(logged_in):
    """The server, with a pump that has data and a token."""
    logged_in.reply("GET /api/tenant/device", Reply(200, PUMP))
    key = {"credentialsType": "ACCESS_TOKEN", "credentialsId": TOKEN}
    logged_in.reply(CREDENTIALS, Reply(200, key))
    telemetry = {"temperature": [{"ts": 5000, "value": 20.5}]}
    logged_in.reply(f"{VALUES}/timeseries", Reply(200, telemetry))
    for scope in ("CLIENT_SCOPE", "SERVER_SCOPE"):
        logged_in.reply(f"{VALUES}/attributes/{scope}", Reply(200, []))
    shared = [{"key": "target", "value": 21, "lastUpdateTs": 6000}]
    logged_in.reply(f"{VALUES}/attributes/SHARED_SCOPE", Reply(200, shared))
    return logged_in


def lines(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_device_is_made_with_type_and_label(wakecall, logged_in):
    logged_in.reply("POST /api/device", Reply(200, PUMP))
    done = wakecall("device", "add", "pump", "--type", "esp32", "--label", "the pump")
    assert lines(done) == ["made pump"]
    sent = logged_in.requests[-1].json()
    assert sent == {"name": "pump", "type": "esp32", "label": "the pump"}


def test_a_name_that_is_taken_is_told(wakecall, logged_in):
    taken = {"message": "Device with such name already exists!", "errorCode": 31}
    logged_in.reply("POST /api/device", Reply(400, taken))
    done = wakecall("device", "add", "pump")
    assert (done.returncode, done.stdout) == (ExitCode.BUSY, "")
    assert "'pump'" in done.stderr


def test_devices_are_listed_in_columns(wakecall, logged_in):
    devices = [PUMP, PUMP | {"name": "the oven", "label": "hot\x1b[2J"}]
    logged_in.reply(LIST, Reply(200, {"data": devices}))
    head, pump, oven = lines(wakecall("device", "list", TZ="UTC"))
    assert head.split() == ["NAME", "TYPE", "MADE", "LABEL"]
    assert pump == "pump      esp32  1970-01-01 00:00:01"
    assert oven == "the oven  esp32  1970-01-01 00:00:01  hot\\x1b[2J", "nothing reaches a terminal"


def test_devices_are_listed_as_one_json_object_a_line(wakecall, logged_in):
    logged_in.reply(LIST, Reply(200, {"data": [PUMP, PUMP], "hasNext": False}))
    shown = [json.loads(line) for line in lines(wakecall("device", "list", "--json"))]
    assert shown == [JSON_PUMP, JSON_PUMP]


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_no_devices_are_no_lines(wakecall, logged_in, words):
    logged_in.reply(LIST, Reply(200, {"data": []}))
    assert lines(wakecall("device", "list", *words)) == []


def test_a_device_is_shown_with_attributes_and_telemetry(wakecall, pump):
    shown = lines(wakecall("device", "show", "pump", TZ="UTC"))
    assert shown == [
        "pump",
        "  id    d1",
        "  type  esp32",
        "  made  1970-01-01 00:00:01",
        "shared attributes:",
        "  1970-01-01 00:00:06  target = 21",
        "telemetry:",
        "  1970-01-01 00:00:05  temperature = 20.5",
    ]


def test_a_device_is_shown_as_one_json_object(wakecall, pump):
    [line] = lines(wakecall("device", "show", "pump", "--json"))
    assert json.loads(line) == JSON_PUMP | {
        "attributes": {"client": {}, "shared": {"target": {"value": 21, "ts": 6000}}, "server": {}},
        "telemetry": {"temperature": {"value": 20.5, "ts": 5000}},
    }


def test_a_token_is_printed_when_it_is_asked_for_and_only_then(wakecall, pump):
    assert lines(wakecall("device", "token", "pump")) == [TOKEN]
    [line] = lines(wakecall("device", "token", "pump", "--json"))
    assert json.loads(line) == {"name": "pump", "token": TOKEN}
    for words in (("show", "pump"), ("show", "pump", "--json")):
        assert TOKEN not in wakecall("device", *words).stdout


def test_the_help_says_that_a_token_is_a_secret(wakecall):
    assert "a secret" in wakecall("device", "token", "--help").stdout


def test_a_device_with_a_certificate_has_no_token_to_print(wakecall, pump):
    pump.reply(CREDENTIALS, Reply(200, {"credentialsType": "X509_CERTIFICATE"}))
    done = wakecall("device", "token", "pump")
    assert (done.returncode, done.stdout) == (ExitCode.FAILED, "")
    assert "X509_CERTIFICATE" in done.stderr


def test_a_device_is_removed(wakecall, pump):
    pump.reply("DELETE /api/device/d1", Reply(200))
    assert lines(wakecall("device", "rm", "pump")) == ["removed pump"]
    [line] = lines(wakecall("device", "rm", "pump", "--json"))
    assert json.loads(line) == {"name": "pump", "id": "d1", "removed": True}


@pytest.mark.parametrize("action", ["show", "token", "rm"])
def test_an_unknown_device_is_told(wakecall, logged_in, action):
    logged_in.reply("GET /api/tenant/device", Reply(404, {"errorCode": 32}))
    done = wakecall("device", action, "pmup")
    assert (done.returncode, done.stdout) == (ExitCode.NOT_FOUND, "")
    assert "'pmup'" in done.stderr


@pytest.mark.parametrize("words", [(), ("fly",), ("add",), ("list", "pump"), ("show", "a", "b")])
def test_a_wrong_command_line_is_told(wakecall, logged_in, words):
    done = wakecall("device", *words)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert done.stderr.startswith("usage: wakecall")
    assert logged_in.requests == []
