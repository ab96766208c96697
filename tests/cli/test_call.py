"""`wakecall call` as a user runs it."""

from __future__ import annotations

import json
import socket

import pytest

from host_tools.errors import ExitCode
from tests.scripted_server import Reply

CALL = "POST /api/rpc/twoway/d1"
ANSWER = {"pin": 23, "value": 1, "changed": True}


def test_the_answer_is_one_line_of_json_on_standard_output(wakecall, logged_in):
    logged_in.reply(CALL, Reply(200, ANSWER))
    done = wakecall("call", "pump", "setGpio", "pin=23", "value=1", "mode=fast", 'label="23"')
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == '{"pin": 23, "value": 1, "changed": true}\n'
    assert logged_in.requests[-1].json() == {
        "method": "setGpio",
        "params": {"pin": 23, "value": 1, "mode": "fast", "label": "23"},
        "timeout": 10_000,
    }


def test_options_may_stand_between_the_parameters(wakecall, logged_in):
    logged_in.reply(CALL, Reply(200, ANSWER))
    done = wakecall("call", "--timeout", "7s", "pump", "setGpio", "--profile=x", "pin=23", "a=b=c")
    assert done.returncode == 0, done.stderr
    assert logged_in.requests[-1].json() == {
        "method": "setGpio",
        "params": {"pin": 23, "a": "b=c"},
        "timeout": 7_000,
    }


def test_an_error_answer_is_json_on_standard_error_with_its_own_exit_code(wakecall, logged_in):
    answer = {"error": {"code": "NOT_FOUND", "message": "no method fly", "effect": "none"}}
    logged_in.reply(CALL, Reply(200, answer))
    done = wakecall("call", "pump", "fly")
    assert (done.returncode, done.stdout) == (ExitCode.DEVICE_ERROR, "")
    assert json.loads(done.stderr) == answer
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("options", [("--oneway",), ("--oneway", "--timeout", "500ms")])
def test_a_one_way_call_prints_nothing(wakecall, logged_in, options):
    logged_in.reply("POST /api/rpc/oneway/d1", Reply(200))
    done = wakecall("call", "pump", "ping", *options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert logged_in.requests[-1].json()["params"] == {}


def test_an_empty_answer_is_printed_as_null(wakecall, logged_in):
    logged_in.reply(CALL, Reply(200))
    assert wakecall("call", "pump", "ping").stdout == "null\n"


@pytest.mark.parametrize("text", ['{"pin": 23}', "[1, 2]", '"text"', "0", "null", "false"])
def test_params_take_any_json_also_from_standard_input(wakecall, logged_in, text):
    logged_in.reply(CALL, Reply(200, ANSWER))
    assert wakecall("call", "pump", "ping", "--params", text).returncode == 0
    assert wakecall("call", "pump", "ping", "--params", "-", stdin=text).returncode == 0
    sent = [request.json()["params"] for request in logged_in.requests if "rpc" in request.path]
    assert sent == [json.loads(text)] * 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pin=1", "--params", "{}"), "not both"),
        (("--params", "{pin: 1}"), "--params: not JSON"),
        (("--params", "-"), "standard input: not JSON"),
        (("--params", "NaN"), "NaN is not JSON"),
        (("--params", "[" * 100_000), "nested too deeply"),
        (("pin",), "'pin' is no parameter: write key=value"),
        (("=1",), "'=1' is no parameter"),
        (("pin=1", "pin=2"), "'pin' is given twice"),
        (("--params", "1e999"), "not JSON"),
        (("--timeout", "10"), "write 500ms, 10s or 2m"),
        (("--timeout", "0s"), "not between 1ms and 24h"),
        (("--timeout", "99999999h"), "not between 1ms and 24h"),
        (("--time", "10s"), "unrecognized arguments"),
    ],
)
def test_a_mistake_on_the_command_line_is_told_before_anything_is_sent(
    wakecall, logged_in, words, said
):
    done = wakecall("call", "pump", "setGpio", *words)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert logged_in.requests == []


@pytest.mark.parametrize("text", ["500ms", "1.5s", "2m", "1h"])
def test_durations_are_read_with_their_unit(wakecall, logged_in, text):
    logged_in.reply(CALL, Reply(200, ANSWER))
    assert wakecall("call", "pump", "ping", "--timeout", text).returncode == 0
    expected_ms = {"500ms": 500, "1.5s": 1_500, "2m": 120_000, "1h": 3_600_000}
    assert logged_in.requests[-1].json()["timeout"] == expected_ms[text]


@pytest.mark.parametrize(
    ("reply", "code", "said"),
    [
        (Reply(504), ExitCode.TIMEOUT, "wakecall: no answer of pump within 10 s\n"),
        (Reply(409), ExitCode.TIMEOUT, "wakecall: pump was not connected\n"),
        (Reply(406), ExitCode.DEVICE_ERROR, "wakecall: pump answered something that is not JSON\n"),
        (Reply(401), ExitCode.CREDENTIALS, "wakecall: cannot call pump: the server answered 401\n"),
    ],
)
def test_a_failure_is_one_clear_line_with_an_exit_code(wakecall, logged_in, reply, code, said):
    logged_in.reply(CALL, reply)
    done = wakecall("call", "pump", "ping")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") <= 2, "one line, and one that says what to do"


def test_an_unknown_device_is_told_with_names_much_like_it(wakecall, logged_in):
    logged_in.reply("GET /api/tenant/device", Reply(404, {"errorCode": 32}))
    logged_in.reply(
        "GET /api/tenant/devices", Reply(200, {"data": [{"id": {"id": "d1"}, "name": "pump"}]})
    )
    done = wakecall("call", "pmup", "ping")
    assert done.returncode == ExitCode.NOT_FOUND
    assert "'pmup'" in done.stderr
    assert "'pump'" in done.stderr


def test_a_server_that_does_not_run_is_told(wakecall, logged_in):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = wakecall("call", "pump", "ping", WAKECALL_URL=f"http://127.0.0.1:{port}")
    assert done.returncode == ExitCode.UNREACHABLE
    assert "wakecall up" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_password_is_told(wakecall, logged_in):
    logged_in.reply("POST /api/auth/login", Reply(401, {"message": "Invalid password"}))
    done = wakecall("call", "pump", "ping")
    assert done.returncode == ExitCode.CREDENTIALS
    assert "secret" not in done.stderr


def test_without_any_profile_it_is_told_what_to_start(wakecall):
    done = wakecall("call", "pump", "ping")
    assert done.returncode == ExitCode.CONFIGURATION
    assert "wakecall up" in done.stderr


def test_letters_of_any_language_are_printed_as_they_are(wakecall, logged_in):
    logged_in.reply(CALL, Reply(200, {"text": "水 ok"}))
    assert wakecall("call", "pump", "read").stdout == '{"text": "水 ok"}\n'


def test_a_terminal_that_cannot_show_a_letter_gets_it_escaped(wakecall, logged_in):
    logged_in.reply(CALL, Reply(200, {"text": "水"}))
    done = wakecall("call", "pump", "read", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout) == (0, '{"text": "\\u6c34"}\n')
