"""`wakecall call --persistent` as a user runs it, against a server that says what a test wants."""

from __future__ import annotations

import json
import time

import pytest

from host_tools.errors import ExitCode
from tests.scripted_server import Reply

ID = "3f1c9d5e-0000-4000-8000-000000000001"
TWO_WAY = "POST /api/rpc/twoway/d1"
ONE_WAY = "POST /api/rpc/oneway/d1"
STATE = f"GET /api/rpc/persistent/{ID}"
ATTRIBUTES = "GET /api/plugins/telemetry/DEVICE/d1/values/attributes/CLIENT_SCOPE"
ERROR = {"error": {"code": "NOT_FOUND", "message": "no method fly", "effect": "none"}}


def state(status, response=None, *, one_way=False):
    return Reply(
        200,
        {
            "id": {"id": ID},
            "createdTime": 1000,
            "expirationTime": 9000,
            "deviceId": {"id": "d1"},
            "request": {"oneway": one_way, "body": {"method": "ping", "params": "{}"}},
            "response": response,
            "status": status,
        },
    )


@pytest.fixture
def server(logged_in):
    """A server that keeps calls, with a device that says nothing about itself."""
    for request in (TWO_WAY, ONE_WAY):
        logged_in.reply(request, Reply(200, {"rpcId": ID}))
    logged_in.reply(ATTRIBUTES, Reply(200, []))
    return logged_in


@pytest.fixture
def understanding(server):
    """The same, with a device that understands ids."""
    agent = [{"key": "agent", "value": {"identity": True}, "lastUpdateTs": 1}]
    server.reply(ATTRIBUTES, Reply(200, agent))
    return server


def sent(server):
    """Return the body of the last call."""
    return [request for request in server.requests if "/rpc/" in request.path][-1].json()


def test_the_id_is_printed_at_once(wakecall, server):
    done = wakecall("call", "pump", "ping", "--persistent")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{ID}\n", "")
    assert sent(server) == {
        "method": "ping",
        "params": {},
        "timeout": 24 * 3_600_000,
        "persistent": True,
    }


def test_life_time_retries_and_direction_can_be_chosen(wakecall, server):
    words = ("--oneway", "--expires", "8h", "--retries", "0", "pin=23")
    assert wakecall("call", "pump", "ping", "--persistent", *words).returncode == 0
    assert "/oneway/" in server.requests[-1].path
    body = sent(server)
    assert (body["timeout"], body["retries"]) == (8 * 3_600_000, 0)


def test_a_device_that_understands_ids_gets_one_and_the_time(wakecall, understanding):
    words = ("call", "pump", "ping", "pin=23", "--persistent", "--expires", "8h", "--json")
    before = time.time() * 1000
    first, second = (wakecall(*words) for _ in range(2))
    params = sent(understanding)["params"]
    assert set(params) == {"pin", "_id", "_exp"}
    assert params["_exp"] == pytest.approx(before + 8 * 3_600_000, abs=30_000)
    assert json.loads(second.stdout) == {"rpcId": ID, "id": params["_id"]}
    assert json.loads(first.stdout)["id"] != params["_id"]


def test_without_a_life_time_the_command_has_no_time(wakecall, understanding):
    assert wakecall("call", "pump", "ping", "--persistent").returncode == 0
    assert set(sent(understanding)["params"]) == {"_id"}


def test_params_that_are_no_object_are_wrapped(wakecall, understanding):
    assert wakecall("call", "pump", "ping", "--persistent", "--params", "[1]").returncode == 0
    params = sent(understanding)["params"]
    assert params == {"_params": [1], "_id": params["_id"]}


@pytest.mark.parametrize("words", [("--id", "order 66"), ("--named", "--id", "order 66")])
@pytest.mark.parametrize("kept", [("--persistent",), ()])
def test_an_id_can_be_chosen_for_any_device_and_call(wakecall, server, words, kept):
    assert wakecall("call", "pump", "ping", *kept, *words).returncode == 0
    assert sent(server)["params"] == {"_id": "order 66"}


def test_a_name_is_sent_to_any_device_on_request(wakecall, server):
    assert wakecall("call", "pump", "ping", "--persistent", "--named").returncode == 0
    assert set(sent(server)["params"]) == {"_id"}


def test_a_call_that_is_not_kept_gets_no_id_by_itself(wakecall, understanding):
    assert wakecall("call", "pump", "ping").returncode == 0
    assert sent(understanding)["params"] == {}


def test_states_are_followed_on_standard_error_and_the_answer_is_printed(wakecall, server):
    server.reply(
        STATE, state("QUEUED"), state("SENT"), state("SENT"), state("SUCCESSFUL", {"on": True})
    )
    done = wakecall("call", "pump", "ping", "--persistent", "--wait")
    assert (done.returncode, done.stdout) == (0, '{"on": true}\n')
    told = [line.split("  ")[1:] for line in done.stderr.splitlines()]
    assert told == [[ID, "QUEUED"], [ID, "SENT"], [ID, "SUCCESSFUL"]]


def test_states_are_followed_as_json_on_request(wakecall, server):
    server.reply(STATE, state("SENT"), state("SUCCESSFUL", 5))
    done = wakecall("call", "pump", "ping", "--persistent", "--wait", "--json")
    assert done.stdout == "5\n"
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["rpcId"], line["status"]) for line in told] == [(ID, "SENT"), (ID, "SUCCESSFUL")]


def test_a_one_way_call_is_waited_for_until_the_device_has_it(wakecall, server):
    server.reply(STATE, state("QUEUED", one_way=True), state("DELIVERED", one_way=True))
    done = wakecall("call", "pump", "ping", "--persistent", "--wait", "--oneway")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.rstrip().endswith("DELIVERED")


@pytest.mark.parametrize(
    ("last", "code", "said"),
    [
        (state("EXPIRED"), ExitCode.TIMEOUT, "expired before pump answered"),
        (state("FAILED", {"error": "too often"}), ExitCode.FAILED, "of pump: too often"),
        (Reply(404, {"errorCode": 32}), ExitCode.NOT_FOUND, f"the server knows no call {ID}"),
    ],
    ids=["expired", "failed", "removed"],
)
def test_an_end_without_an_answer_has_its_exit_code(wakecall, server, last, code, said):
    server.reply(STATE, state("QUEUED"), last)
    done = wakecall("call", "pump", "ping", "--persistent", "--wait")
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_answer_is_json_on_standard_error_with_its_own_exit_code(wakecall, server):
    server.reply(STATE, state("SUCCESSFUL", ERROR))
    done = wakecall("call", "pump", "fly", "--persistent", "--wait")
    assert (done.returncode, done.stdout) == (ExitCode.DEVICE_ERROR, "")
    assert json.loads(done.stderr.splitlines()[-1]) == ERROR


def test_following_ends_at_the_timeout_while_the_call_goes_on(wakecall, server):
    server.reply(STATE, state("QUEUED"))
    begin = time.monotonic()
    done = wakecall("call", "pump", "ping", "--persistent", "--wait", "--timeout", "300ms")
    assert done.returncode == ExitCode.TIMEOUT
    assert "is still QUEUED" in done.stderr
    assert f"wakecall rpc show {ID}" in done.stderr
    assert time.monotonic() - begin < 20


def test_where_the_server_may_have_the_call_it_is_told_how_to_try_again(wakecall, understanding):
    broken = Reply(200, headers={"Content-Length": "9"}, chunks=lambda: iter([b"short"]))
    understanding.reply(TWO_WAY, broken)
    done = wakecall("call", "pump", "ping", "--persistent")
    assert done.returncode == ExitCode.UNREACHABLE
    assert f"--id {sent(understanding)['params']['_id']}" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--expires", "8h"), "--expires is for calls that the server keeps"),
        (("--retries", "0"), "--retries is for calls that the server keeps"),
        (("--wait",), "--wait is for calls that the server keeps"),
        (("--persistent", "--timeout", "5s"), "add --wait"),
        (("--persistent", "--expires", "8"), "write 30m, 8h or 2d"),
        (("--persistent", "--expires", "400d"), "not between 1ms and 366d"),
        (("--persistent", "--retries", "-1"), "--retries"),
        (("--persistent", "--id", ""), "1 to 128 characters"),
        (("--persistent", "--id", "x" * 129), "1 to 128 characters"),
        (("--persistent", "--password", "x"), "unrecognized arguments"),
    ],
)
def test_a_mistake_on_the_command_line_is_told_before_anything_is_sent(
    wakecall, server, words, said
):
    done = wakecall("call", "pump", "ping", *words)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert said in done.stderr
    assert server.requests == []


def test_an_id_among_the_params_is_told(wakecall, server):
    done = wakecall("call", "pump", "ping", "_id=5", "--persistent", "--named")
    assert done.returncode == ExitCode.USAGE
    assert "'_id'" in done.stderr
    assert wakecall("call", "pump", "ping", "_id=5", "--persistent").returncode == 0
    assert sent(server)["params"] == {"_id": 5}


def test_the_help_tells_what_the_id_is_for(wakecall):
    shown = wakecall("call", "--help").stdout
    assert "the\nsame --id" in shown
    assert "must not happen twice" in shown
