"""The command as a whole: quick to start, clear about what went wrong."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from host_tools.cli import main as cli
from host_tools.errors import ExitCode, WakecallError

START_UP_S = 0.15
"""What the requirement asks (issue 2); the best of several runs is held to it."""
BUSY_MACHINE = 4
"""The bound is that many times the requirement, or of what an empty Python takes: other tests run
beside this one. On a quiet machine it takes 0.04 s, so that a heavy import still shows."""

CLIENT_COMMANDS = ("call", "login", "device", "rpc", "watch")
HEAVY = ("httpx", "fastapi", "uvicorn", "sqlalchemy", "pydantic", "asyncio", "requests", "jwt")


def seconds(*words: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, *words], capture_output=True, check=True, timeout=60)
    return time.perf_counter() - begin


def test_help_is_there_at_once():
    empty = min(seconds("-c", "") for _ in range(5))
    ours = min(seconds("-m", "host_tools.cli.main", "--help") for _ in range(5))
    assert ours < max(START_UP_S, BUSY_MACHINE * empty)


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in CLIENT_COMMANDS)])
def test_help_imports_nothing_heavy(words):
    program = (
        "import sys\n"
        "from host_tools.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_names_every_command(wakecall):
    done = wakecall("--help")
    assert done.returncode == 0
    for name in cli.COMMANDS:
        assert f"\n    {name} " in done.stdout


def test_no_command_shows_the_help(wakecall):
    done = wakecall()
    assert done.returncode == 0
    assert done.stdout == wakecall("--help").stdout


def test_the_version_is_that_of_the_package(wakecall):
    from importlib.metadata import version

    assert wakecall("--version").stdout == f"wakecall {version('wakecall')}\n"


@pytest.mark.parametrize("words", [("cal",), ("cal", "pump", "ping"), ("--bogus",), ("call",)])
def test_a_wrong_command_line_ends_with_the_usage_and_its_exit_code(wakecall, words):
    done = wakecall(*words)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert done.stderr.startswith("usage: wakecall")
    assert "Traceback" not in done.stderr


def test_an_unknown_command_lists_those_that_exist(wakecall):
    done = wakecall("cal")
    assert "'cal'" in done.stderr
    assert "'call'" in done.stderr


@pytest.mark.parametrize("code", list(ExitCode))
def test_an_error_is_told_in_one_place_with_its_hint_and_exit_code(monkeypatch, capsys, code):
    error = WakecallError("the port is taken", code=code, hint="choose another")

    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr("host_tools.cli.call.run", fail)
    assert cli.main(["call", "pump", "ping"]) == code
    assert capsys.readouterr().err == "wakecall: the port is taken\n  choose another\n"


def test_an_interrupted_command_ends_with_130(monkeypatch, capsys):
    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("host_tools.cli.call.run", interrupt)
    assert cli.main(["call", "pump", "ping"]) == ExitCode.INTERRUPTED
    assert capsys.readouterr().err == ""


def test_a_reader_that_goes_away_is_no_error(logged_in, environment):
    from tests.scripted_server import Reply

    logged_in.reply("POST /api/rpc/twoway/d1", Reply(200, ["x" * 100] * 10_000))
    with subprocess.Popen(
        [sys.executable, "-m", "host_tools.cli.main", "call", "pump", "read"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
        assert process.wait(20) == ExitCode.OK
