"""``wakecall sim`` as a user runs it: a process of its own, against a platform of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from host_tools.errors import ExitCode

WAKECALL = [sys.executable, "-m", "host_tools.cli.main"]


class Terminal:
    """A command that runs in the background, and what it has written."""

    def __init__(self, arguments, environment):
        self.lines = []
        self.process = subprocess.Popen(
            [*WAKECALL, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_for(self, pattern, timeout_s=20):
        deadline = time.monotonic() + timeout_s
        while True:
            for line in list(self.lines):
                if re.search(pattern, line):
                    return line
            assert self.process.poll() is None, f"it ended: {self.lines}"
            assert time.monotonic() < deadline, f"no {pattern!r} in {self.lines}"
            time.sleep(0.02)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(15)
        self._reader.join(5)
        return self.process.returncode


@pytest.fixture
def environment(tmp_path):
    keep = {key: value for key, value in os.environ.items() if not key.startswith("WAKECALL_")}
    return {
        **keep,
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
    }


@pytest.fixture
def terminal(environment):
    opened = []

    def open_terminal(*arguments):
        opened.append(Terminal(arguments, environment))
        return opened[-1]

    yield open_terminal
    for terminal in reversed(opened):
        if terminal.process.poll() is None:
            terminal.process.kill()
            terminal.process.wait(10)
        terminal._reader.join(5)


@pytest.fixture
def platform(terminal):
    up = terminal("up", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0")
    up.wait_for("^ready ")
    return up


def run(environment, *arguments):
    return subprocess.run(
        [*WAKECALL, *arguments], env=environment, capture_output=True, text=True, timeout=30
    )


def test_a_board_is_made_connects_answers_and_ends_with_ctrl_c(
    terminal, platform, environment, runtime, tmp_path
):
    sim = terminal("sim", "bench 1", "--runtime", runtime)
    sim.wait_for("^device bench 1 created on http")
    sim.wait_for("^ready bench 1$")
    called = run(environment, "call", "bench 1", "setGpio", "pin=23", "value=1")
    assert called.returncode == ExitCode.OK, called.stderr
    assert '"changed"' in called.stdout

    twice = run(environment, "sim", "bench 1")
    assert twice.returncode == ExitCode.BUSY
    assert "runs already" in twice.stderr

    assert sim.interrupt() == ExitCode.INTERRUPTED
    secrets_file = tmp_path / "state/wakecall/sim/bench 1/flash/secrets.json"
    assert secrets_file.stat().st_mode & 0o777 == 0o600
    token = re.search(r'"token": "(.+?)"', secrets_file.read_text())[1]
    assert token not in "\n".join(sim.lines)

    again = terminal("sim", "bench 1", "--runtime", runtime)
    again.wait_for("^ready bench 1$")
    assert not any("created" in line for line in again.lines)


def test_a_pin_that_is_held_back_is_freed_by_an_option(terminal, platform, environment):
    sim = terminal("sim", "strapped", "--allow-pin", "5")
    sim.wait_for("^ready")
    assert run(environment, "call", "strapped", "setGpio", "pin=5", "value=1").returncode == 0
    refused = run(environment, "call", "strapped", "setGpio", "pin=2", "value=1")
    assert refused.returncode == ExitCode.DEVICE_ERROR


def test_methods_of_ones_own_are_loaded(terminal, platform, environment, tmp_path):
    app = tmp_path / "app"
    app.mkdir()
    (app / "mine.py").write_text(
        "from wakecall import method\n\n\n"
        "@method(effect='read')\ndef whoAmI(agent):\n    return 'me'\n"
    )
    terminal("sim", "mine", "--app", str(app)).wait_for("^ready")
    called = run(environment, "call", "mine", "whoAmI")
    assert called.stdout.strip() == '"me"', called.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--board", "esp23"], ExitCode.NOT_FOUND, "there is no board 'esp23'"),
        (["--app", "/nowhere"], ExitCode.NOT_FOUND, "there is no folder /nowhere"),
        (["--runtime", "micropython", "--heap", "big"], ExitCode.USAGE, "no size of a heap"),
        (["--allow-pin", "24"], ExitCode.NOT_FOUND, "has no pin 24"),
        (["--count", "0"], ExitCode.USAGE, "--count 0"),
        (["--count", "2", "--serial", "tty"], ExitCode.USAGE, "--serial is for one board"),
        (["--serial", "tty"], ExitCode.USAGE, "--runtime micropython"),
    ],
)
def test_a_wrong_option_is_told_before_anything_is_made(
    platform, environment, arguments, code, told
):
    done = run(environment, "sim", "x", *arguments)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert "created" not in done.stdout


def test_several_boards_run_in_one_process(terminal, platform, environment):
    sim = terminal("sim", "rack", "--count", "3")
    for number in (1, 2, 3):
        sim.wait_for(f"^ready rack-{number}$")
    assert any(line.startswith("rack-2: connected") for line in sim.lines)
    assert run(environment, "call", "rack-2", "setGpio", "pin=23", "value=1").returncode == 0
    assert json.loads(run(environment, "pin", "rack-2", "23").stdout)["level"] == 1
    assert json.loads(run(environment, "pin", "rack-3", "23").stdout)["level"] == 0


def test_a_reader_that_goes_away_ends_the_board_without_a_word(platform, environment):
    done = subprocess.run(
        ["bash", "-c", f"{' '.join(WAKECALL)} sim piped | head -n 1; echo ${{PIPESTATUS[0]}}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


def test_no_server_is_told_with_what_to_do(environment):
    done = run(environment, "sim", "x")
    assert done.returncode == ExitCode.CONFIGURATION
    assert "wakecall up" in done.stderr


def test_a_server_that_does_not_answer_is_told(environment):
    environment.update(
        WAKECALL_URL="http://127.0.0.1:1", WAKECALL_USER="a@b.c", WAKECALL_PASSWORD="x"
    )
    done = run(environment, "sim", "x")
    assert done.returncode == ExitCode.UNREACHABLE
    assert "Traceback" not in done.stderr


def test_pins_wires_and_power_are_worked_from_another_terminal(terminal, platform, environment):
    sim = terminal("sim", "bench")
    sim.wait_for("^ready")

    def told(*arguments):
        done = run(environment, *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    assert told("call", "bench", "getGpio", "pin=4")["value"] == 0
    assert told("pin", "bench", "4", "high")["driven_from_outside"] == 1
    assert told("call", "bench", "getGpio", "pin=4")["value"] == 1
    told("pin", "bench", "4", "free")
    told("wire", "bench", "4", "18")
    told("call", "bench", "setGpio", "pin=18", "value=1")
    assert told("pin", "bench", "4") == {
        "pin": 4,
        "level": 1,
        "mode": "in",
        "pull": None,
        "volts": 3.3,
        "pwm": None,
        "driven_from_outside": None,
        "wired_to": ["18"],
    }
    told("wire", "bench", "4", "18", "--remove")
    assert told("pin", "bench", "4")["level"] == 0

    connections = len([line for line in sim.lines if line.startswith("connected")])
    told("power", "bench", "cut")
    assert told("pin", "bench", "18")["mode"] == "off"
    told("power", "bench", "restore")
    deadline = time.monotonic() + 15
    while len([line for line in sim.lines if line.startswith("connected")]) == connections:
        assert time.monotonic() < deadline, sim.lines
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["pin", "bench", "24"], ExitCode.NOT_FOUND, "has no pin 24"),
        (["pin", "bench", "4", "sideways"], ExitCode.USAGE, "invalid choice"),
        (["wire", "bench", "4", "4"], ExitCode.USAGE, "cannot be wired to itself"),
        (["power", "bench", "explode"], ExitCode.USAGE, "invalid choice"),
        (["pin", "other", "4"], ExitCode.NOT_FOUND, "no simulated board 'other'"),
    ],
)
def test_a_wrong_request_from_another_terminal_is_told(
    terminal, platform, environment, arguments, code, told
):
    terminal("sim", "bench").wait_for("^ready")
    done = run(environment, *arguments)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_scenarios_are_tortured_and_one_run_is_replayed(environment):
    done = run(environment, "torture", "target")
    assert done.returncode == ExitCode.OK, done.stderr
    assert re.search(r"\d+ runs over \d+ points \(.*flash program.*\): 0 failed", done.stdout)
    replay = run(environment, "torture", "target", "--cut", "3:half")
    assert replay.returncode == ExitCode.OK
    assert "power cut" in replay.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["torture", "targt"], ExitCode.NOT_FOUND, "did you mean target?"),
        (["torture", "--seed", "-1"], ExitCode.USAGE, "seed -1"),
        (["torture", "target", "--cut", "3"], ExitCode.USAGE, "POINT:HOW"),
    ],
)
def test_a_wrong_torture_is_told(environment, arguments, code, told):
    done = run(environment, *arguments)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
