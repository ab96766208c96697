"""One process at a time has a board.

Check 17 of reference/host-tools.md, section 6.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from host_tools import board_lock
from host_tools.errors import ExitCode, WakecallError
from host_tools.sim.esp_rom import EspRom
from host_tools.sim.esp_rom_port import on_socket
from tests.flash.conftest import Run
from tests.flash.images import esp_image

HOLDER = """\
import sys, time
from host_tools import board_lock
with board_lock.hold(sys.argv[1], "monitor"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(board_id: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Hold a board in another process until its standard input is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, board_id],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


def test_check_17_a_second_process_is_told_who_has_the_board(own_folders: dict[str, str]) -> None:
    with held_elsewhere("id:e661", own_folders) as holder:
        with pytest.raises(WakecallError) as caught, board_lock.hold("id:e661", "flash"):
            pass
        assert caught.value.code is ExitCode.BUSY
        for told in ("id:e661", "monitor", f"pid {holder.pid}", "user ", "since 20"):
            assert told in caught.value.message
        with board_lock.hold("id:e662", "flash"):
            pass  # another board is free


def test_check_17_the_lock_is_free_when_its_holder_is_killed(own_folders: dict[str, str]) -> None:
    with held_elsewhere("id:e661", own_folders) as holder:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(10)
        with board_lock.hold("id:e661", "flash"):
            pass


def test_check_17_a_second_process_can_wait(own_folders: dict[str, str]) -> None:
    with held_elsewhere("id:e661", own_folders) as holder:
        assert holder.stdin is not None
        begin = time.monotonic()
        with pytest.raises(WakecallError), board_lock.hold("id:e661", "flash", wait_s=0.2):
            pass
        assert time.monotonic() - begin >= 0.2
        holder.stdin.close()
        with board_lock.hold("id:e661", "flash", wait_s=10):
            pass


def test_a_name_with_slashes_is_no_path(own_folders: dict[str, str]) -> None:
    with board_lock.hold("socket://127.0.0.1:1/../../x", "flash"):
        assert len(list(board_lock.folder().iterdir())) == 1


def test_check_17_flash_holds_the_board_and_names_who_has_it(
    wakecall: Run, own_folders: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "firmware.bin"
    path.write_bytes(esp_image("esp32"))
    rom = EspRom()
    with on_socket(rom) as port:
        words = ["flash", "esp32", "--port", port, "--firmware", str(path), "--yes", "--no-proof"]
        with held_elsewhere(port, own_folders):
            done = wakecall(*words, "--wait", "100ms")
            assert done.returncode == ExitCode.BUSY
            assert "in use: monitor, pid" in done.stderr
            assert sum(rom.requests.values()) == 0
        assert wakecall(*words).returncode == 0
