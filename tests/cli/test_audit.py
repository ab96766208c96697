"""`wakecall audit` as a user runs it."""

from __future__ import annotations

import json

from host_tools.errors import ExitCode
from tests.contract.target import own_platform
from tests.contract.test_persistent import submit
from tests.scripted_server import Reply

LOG = "GET /api/audit/logs"
ENTRY = {
    "createdTime": 1000,
    "userName": "tenant@thingsboard.org",
    "entityName": "pump",
    "actionStatus": "SUCCESS",
    "actionData": {"oneWay": False, "method": "setGpio", "params": '{"pin":23}'},
}


def test_calls_are_listed_in_columns(wakecall, logged_in):
    failed = ENTRY | {"actionStatus": "FAILURE", "actionFailureDetails": "timeout"}
    logged_in.reply(LOG, Reply(200, {"data": [failed, ENTRY]}))
    done = wakecall("audit", TZ="UTC")
    head, first, second = done.stdout.splitlines()
    assert head.split() == ["MADE", "USER", "DEVICE", "OUTCOME", "CALL"]
    assert first.startswith("1970-01-01 00:00:01  tenant@thingsboard.org  pump    timeout  setGpio")
    assert second.endswith('success  setGpio {"pin": 23}')


def test_calls_of_one_device_as_json(wakecall, logged_in):
    logged_in.reply(f"{LOG}/entity/DEVICE/d1", Reply(200, {"data": [ENTRY]}))
    (line,) = wakecall("audit", "pump", "--json").stdout.splitlines()
    assert json.loads(line) == {
        "createdTime": 1000,
        "user": "tenant@thingsboard.org",
        "device": "pump",
        "method": "setGpio",
        "params": {"pin": 23},
        "oneway": False,
        "success": True,
        "outcome": "",
    }


def test_only_the_newest_are_shown(wakecall, logged_in):
    logged_in.reply(LOG, Reply(200, {"data": [ENTRY] * 3}))
    done = wakecall("audit", "--limit", "2", "--json")
    assert len(done.stdout.splitlines()) == 2
    assert "--limit" in done.stderr


def test_log_that_is_none_is_told_in_one_line(wakecall, logged_in):
    logged_in.reply(LOG, Reply(200, {"data": [{}]}))
    done = wakecall("audit")
    assert done.returncode == ExitCode.UNREACHABLE
    assert "Traceback" not in done.stderr


def test_calls_of_our_platform_are_shown(wakecall, environment, tmp_path):
    with own_platform(tmp_path) as target:
        environment |= {
            "WAKECALL_URL": target.url,
            "WAKECALL_USER": target.user,
            "WAKECALL_PASSWORD": target.password,
        }
        device = target.new_device()
        submit(target, device, "water", params={"seconds": 5})
        done = wakecall("audit", device.name, "--json")
        assert done.returncode == 0, done.stderr
        shown = json.loads(done.stdout)
        assert (shown["method"], shown["params"]) == ("water", {"seconds": 5})
        assert (shown["device"], shown["outcome"]) == (device.name, "200 stored")
