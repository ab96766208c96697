"""Genuine mpremote, as a process of its own, against a simulated board behind a serial port."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from host_tools.errors import ExitCode, WakecallError
from host_tools.sim import SimulatedBoard

MPREMOTE = Path(sys.executable).parent / "mpremote"
MAIN = "import time\nprint('main runs')\nwhile True: time.sleep(0.05)\n"

pytestmark = pytest.mark.usefixtures("needs_micropython")


@pytest.fixture
def board(tmp_path):
    firmware = tmp_path / "firmware"
    firmware.mkdir()
    (firmware / "main.py").write_text(MAIN)
    with SimulatedBoard(
        folder=tmp_path / "flash",
        configuration={},
        secrets={},
        runtime="micropython",
        firmware=firmware,
        serial=tmp_path / "tty",
    ) as board:
        board.wait_for_line("main runs")
        yield board


@pytest.fixture
def mpremote(board, tmp_path):
    def run(*arguments, timeout_s=20):
        done = subprocess.run(
            [MPREMOTE, "connect", tmp_path / "tty", *arguments],
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_code_is_executed_evaluated_and_run_from_a_file(mpremote, tmp_path):
    assert mpremote("exec", "print('hello', 6 * 7)") == "hello 42\n"
    assert mpremote("eval", "[1, 2]") == "[1, 2]\n"
    (tmp_path / "script.py").write_text("import machine\nprint(machine.Pin.OUT)\n")
    assert mpremote("run", str(tmp_path / "script.py")) == "3\n"


def test_pins_are_those_of_the_simulated_board(mpremote, board):
    board.pins[4].drive(1)
    code = "from machine import Pin; Pin(5, Pin.OUT, value=1); print(Pin(4, Pin.IN).value())"
    assert mpremote("resume", "exec", code) == "1\n"
    assert board.pins[5].level == 1


def test_files_are_copied_both_ways_listed_hashed_and_removed(mpremote, board, tmp_path):
    every_byte = bytes(range(256)) * 20
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "text.txt").write_text("of the board")
    (source / "deep" / "all.bin").write_bytes(every_byte)
    mpremote("fs", "cp", "-r", str(source), ":")
    assert (board.folder / "source/deep/all.bin").read_bytes() == every_byte
    assert "text.txt" in mpremote("fs", "ls", ":source")
    assert mpremote("fs", "cat", ":source/text.txt") == "of the board"
    digest = hashlib.sha256(every_byte).hexdigest()
    assert digest in mpremote("fs", "sha256sum", ":source/deep/all.bin")
    (tmp_path / "back").mkdir()
    mpremote("fs", "cp", "-r", ":source", str(tmp_path / "back"))
    assert (tmp_path / "back/source/deep/all.bin").read_bytes() == every_byte
    mpremote("fs", "rm", ":source/text.txt")
    assert not (board.folder / "source/text.txt").exists()
    assert "mounted on" in mpremote("df")


def test_a_folder_of_this_machine_is_mounted(mpremote, tmp_path):
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "mine.py").write_text("answer = 42\n")
    code = "import sys; sys.path.append('/remote'); import mine; print(mine.answer)"
    assert "42\n" in mpremote("mount", str(tmp_path / "local"), "exec", code)


def test_a_soft_reset_and_a_reset_are_told_apart(mpremote, board):
    mpremote("soft-reset")
    assert mpremote("resume", "exec", "import machine; print(machine.reset_cause())") == "5\n"
    mpremote("reset")
    board.wait_until(lambda: board.reset_cause == 2)
    assert mpremote("resume", "exec", "import machine; print(machine.reset_cause())") == "2\n"


@pytest.mark.parametrize("loop", ["while True: pass", "import time\nwhile True: time.sleep(10)"])
def test_a_loop_without_end_is_interrupted_by_the_next_command(mpremote, loop):
    mpremote("exec", "--no-follow", loop)
    began = time.monotonic()
    assert mpremote("exec", "print('free')") == "free\n"
    assert time.monotonic() - began < 3  # 0.2 s, and a second for a busy machine


def test_the_port_is_gone_with_the_board(board, tmp_path):
    assert (tmp_path / "tty").is_symlink()
    pid = board.child_pid
    board.stop()
    assert not (tmp_path / "tty").is_symlink()
    assert not os.path.exists(f"/proc/{pid}")


def test_an_exception_on_the_board_is_shown_and_fails(board, tmp_path):
    done = subprocess.run(
        [MPREMOTE, "connect", tmp_path / "tty", "exec", "1/0"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout + done.stderr


def refusal(**settings):
    with pytest.raises(WakecallError) as caught:
        SimulatedBoard(configuration={}, secrets={}, firmware=Path(), **settings).start()
    return caught.value


def test_cpython_has_no_prompt_for_a_serial_port(tmp_path):
    error = refusal(folder=tmp_path, serial=tmp_path / "tty")
    assert error.code is ExitCode.USAGE
    assert "--runtime micropython" in error.hint


def test_a_file_is_not_replaced_by_the_port(tmp_path):
    (tmp_path / "tty").write_text("precious")
    error = refusal(folder=tmp_path / "flash", serial=tmp_path / "tty", runtime="micropython")
    assert error.code is ExitCode.BUSY
    assert (tmp_path / "tty").read_text() == "precious"
