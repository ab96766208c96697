"""`wakecall rpc` as a user runs it."""

from __future__ import annotations

import json

import pytest

from host_tools.errors import ExitCode
from tests.scripted_server import Reply

ID = "3f1c9d5e-0000-4000-8000-000000000001"
CALLS = "GET /api/rpc/persistent/device/d1"
CALL = f"GET /api/rpc/persistent/{ID}"
REMOVE = f"DELETE /api/rpc/persistent/{ID}"
DESCRIBED = {
    "id": {"id": ID},
    "createdTime": 1000,
    "expirationTime": 9000,
    "deviceId": {"id": "d1"},
    "request": {
        "oneway": False,
        "body": {"method": "setGpio", "params": '{"pin":23}'},
        "retries": 2,
    },
    "response": {"changed": True},
    "status": "SUCCESSFUL",
}
AS_JSON = {
    "rpcId": ID,
    "method": "setGpio",
    "params": {"pin": 23},
    "oneway": False,
    "status": "SUCCESSFUL",
    "createdTime": 1000,
    "expirationTime": 9000,
    "retries": 2,
    "response": {"changed": True},
}


def lines(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_calls_are_listed_in_columns(wakecall, logged_in):
    queued = DESCRIBED | {"status": "QUEUED", "response": None}
    logged_in.reply(CALLS, Reply(200, {"data": [queued, DESCRIBED]}))
    head, first, second = lines(wakecall("rpc", "list", "pump", TZ="UTC"))
    assert head.split() == ["RPCID", "MADE", "STATE", "CALL"]
    assert first == f'{ID}  1970-01-01 00:00:01  QUEUED      setGpio {{"pin": 23}}'
    assert second.endswith('SUCCESSFUL  setGpio {"pin": 23} -> {"changed": true}')


def test_calls_are_listed_as_one_json_object_a_line(wakecall, logged_in):
    logged_in.reply(CALLS, Reply(200, {"data": [DESCRIBED, DESCRIBED]}))
    shown = [json.loads(line) for line in lines(wakecall("rpc", "list", "pump", "--json"))]
    assert shown == [AS_JSON, AS_JSON]


def test_calls_of_one_state_are_asked_of_the_server(wakecall, logged_in):
    logged_in.reply(CALLS, Reply(200, {"data": []}))
    assert lines(wakecall("rpc", "list", "pump", "--status", "TIMEOUT")) == []
    assert "rpcStatus=TIMEOUT" in logged_in.requests[-1].path


def test_a_list_that_is_cut_says_so(wakecall, logged_in):
    logged_in.reply(CALLS, Reply(200, {"data": [DESCRIBED] * 3}))
    done = wakecall("rpc", "list", "pump", "--limit", "2", "--json")
    assert len(lines(done)) == 2
    assert "more than 2" in done.stderr
    assert wakecall("rpc", "list", "pump", "--limit", "3", "--json").stderr == ""


def test_a_call_is_shown(wakecall, logged_in):
    logged_in.reply(CALL, Reply(200, DESCRIBED))
    assert lines(wakecall("rpc", "show", ID, TZ="UTC")) == [
        f"{ID}  SUCCESSFUL",
        "  method    setGpio",
        '  params    {"pin": 23}',
        "  kind      two-way",
        "  made      1970-01-01 00:00:01",
        "  expires   1970-01-01 00:00:09",
        "  retries   2",
        '  response  {"changed": true}',
    ]
    [line] = lines(wakecall("rpc", "show", ID, "--json"))
    assert json.loads(line) == AS_JSON


def test_a_call_is_removed(wakecall, logged_in):
    logged_in.reply(REMOVE, Reply(200))
    assert lines(wakecall("rpc", "rm", ID)) == [f"removed {ID}"]
    [line] = lines(wakecall("rpc", "rm", ID.upper(), "--json"))
    assert json.loads(line) == {"rpcId": ID, "removed": True}


@pytest.mark.parametrize("action", ["show", "rm"])
def test_an_unknown_call_is_told(wakecall, logged_in, action):
    unknown = Reply(404, {"message": "Rpc is not found", "errorCode": 32})
    logged_in.reply(CALL, unknown)
    logged_in.reply(REMOVE, unknown)
    done = wakecall("rpc", action, ID)
    assert (done.returncode, done.stdout) == (ExitCode.NOT_FOUND, "")
    assert done.stderr == f"wakecall: the server knows no call {ID}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "ACTION"),
        (("show", "setGpio"), "'setGpio' is no id of a call"),
        (("list", "pump", "--status", "DELETED"), "invalid choice: 'DELETED'"),
        (("list", "pump", "--status", "queued"), "invalid choice: 'queued'"),
        (("list", "pump", "--limit", "-1"), "--limit"),
        (("list", "pump", "--limit", "ten"), "'ten' is no number"),
    ],
)
def test_a_wrong_command_line_is_told(wakecall, logged_in, words, said):
    done = wakecall("rpc", *words)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert said in done.stderr
    assert logged_in.requests == []
