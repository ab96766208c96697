"""`wakecall login` as a user runs it: with a password on standard input, and on a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from host_tools.errors import ExitCode
from tests.scripted_server import Reply

LOGIN = "POST /api/auth/login"


@pytest.fixture
def profiles(environment: dict[str, str]) -> Path:
    return Path(environment["XDG_CONFIG_HOME"], "wakecall/profiles")


def test_a_piped_password_is_checked_and_kept_readable_by_the_owner_only(
    wakecall, server, profiles
):
    done = wakecall("login", server.url + "/", stdin="s3cret pass\nmore\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert "s3cret" not in done.stdout
    assert server.requests[0].json() == {
        "username": "tenant@thingsboard.org",
        "password": "s3cret pass",
    }
    kept = profiles / "default.json"
    assert str(kept) in done.stdout
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text()) == {
        "url": server.url,
        "user": "tenant@thingsboard.org",
        "password": "s3cret pass",
        "mqtt": "mqtt://127.0.0.1:1883",
    }


def test_what_login_kept_is_told_as_json_on_request(wakecall, server, profiles):
    done = wakecall("login", server.url, "--json", stdin="s3cret\n")
    user = "tenant@thingsboard.org"
    expected = {"url": server.url, "user": user, "file": str(profiles / "default.json")}
    assert json.loads(done.stdout) == expected


def test_what_login_kept_is_what_call_uses(wakecall, server):
    server.reply("POST /api/rpc/twoway/d1", Reply(200, {"ok": True}))
    assert wakecall("login", server.url, "--profile", "bench", stdin="pw\n").returncode == 0
    done = wakecall("call", "pump", "ping", "--profile", "bench")
    assert (done.returncode, done.stdout) == (0, '{"ok": true}\n')


def test_user_mqtt_address_and_name_can_be_chosen(wakecall, server, profiles):
    words = ("--user", "a@b.c", "--mqtt", "mqtts://broker.example", "--profile", "work")
    assert wakecall("login", server.url, *words, stdin="pw\n").returncode == 0
    kept = json.loads((profiles / "work.json").read_text())
    assert (kept["user"], kept["mqtt"]) == ("a@b.c", "mqtts://broker.example:8883")


def test_user_and_password_of_the_environment_are_taken(wakecall, server):
    done = wakecall("login", server.url, WAKECALL_USER="a@b.c", WAKECALL_PASSWORD="from env")
    assert done.returncode == 0, done.stderr
    assert server.requests[0].json() == {"username": "a@b.c", "password": "from env"}


def test_on_a_terminal_the_password_is_asked_for_and_does_not_show(server, environment):
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "host_tools.cli.main", "login", server.url],
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        env=environment,
        start_new_session=True,
    )
    os.close(other_end)
    shown = read_until(terminal, b"Password: ")
    os.write(terminal, b"s3cret\n")
    shown += read_until(terminal, b"kept in")
    assert process.wait(20) == 0
    os.close(terminal)
    assert b"s3cret" not in shown
    assert server.requests[0].json()["password"] == "s3cret"


def read_until(terminal: int, mark: bytes, timeout_s: float = 20) -> bytes:
    shown, deadline = b"", time.monotonic() + timeout_s
    while mark not in shown and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            shown += os.read(terminal, 4096)
    assert mark in shown, shown
    return shown


@pytest.mark.parametrize(
    ("reply", "code", "said"),
    [
        (
            Reply(401, {"message": "Invalid username or password", "errorCode": 10}),
            ExitCode.CREDENTIALS,
            "Invalid username or password",
        ),
        (Reply(200, b"<html>router</html>"), ExitCode.UNREACHABLE, "is not a ThingsBoard server"),
        (Reply(429, {"message": "Too many requests"}), ExitCode.FAILED, "Too many requests"),
    ],
)
def test_a_failed_login_is_told_and_nothing_is_kept(wakecall, server, profiles, reply, code, said):
    server.reply(LOGIN, reply)
    done = wakecall("login", server.url, stdin="s3cret\n")
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "s3cret" not in done.stderr
    assert not profiles.exists()


def test_a_failed_login_leaves_the_older_one(wakecall, server, profiles):
    wakecall("login", server.url, stdin="right\n")
    before = (profiles / "default.json").read_text()
    server.reply(LOGIN, Reply(401))
    assert wakecall("login", server.url, stdin="wrong\n").returncode == ExitCode.CREDENTIALS
    assert (profiles / "default.json").read_text() == before


def test_a_server_that_does_not_run_is_told(wakecall):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = wakecall("login", f"http://127.0.0.1:{port}", stdin="pw\n")
    assert done.returncode == ExitCode.UNREACHABLE
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("stdin", ["", "\n"])
def test_no_password_is_told(wakecall, server, stdin):
    done = wakecall("login", server.url, stdin=stdin)
    assert done.returncode == ExitCode.USAGE
    assert "WAKECALL_PASSWORD" in done.stderr
    assert server.requests == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("localhost:8080",), "expected http://HOST:PORT"),
        (("http://u:s3cret@h",), "must not hold a user or password"),
        (("http://h", "--mqtt", "h:1883"), "expected mqtt://HOST:PORT"),
        (("http://h", "--profile", "../x"), "'../x' is no profile name"),
        ((), "URL"),
        (("http://h", "--password", "s3cret"), "unrecognized arguments"),
    ],
)
def test_a_mistake_on_the_command_line_is_told(wakecall, words, said):
    done = wakecall("login", *words, stdin="pw\n")
    assert done.returncode == ExitCode.USAGE
    assert said in done.stderr
    assert "Traceback" not in done.stderr
