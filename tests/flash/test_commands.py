"""The commands `boards` and `flash` as a user meets them.

Checks 14 and 30 (the part about --help) of reference/host-tools.md, section 6.
"""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from host_tools import board_facts
from host_tools.errors import ExitCode
from host_tools.sim.bootsel import BootselDrive
from host_tools.sim.esp_rom import EspRom
from host_tools.sim.esp_rom_port import on_socket
from tests.flash.conftest import Run
from tests.flash.images import esp_image, pico_image

HEAVY = ("esptool", "serial", "mpremote", "httpx", "pydantic", "rich")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "firmware.bin"
    path.write_bytes(esp_image("esp32", 120_000))
    return path


def test_boards_lists_what_is_supported_and_the_drives(wakecall: Run, tmp_path: Path) -> None:
    with BootselDrive(tmp_path / "drives") as drive:
        told = json.loads(wakecall("boards", "--json").stdout)
        assert [board["name"] for board in told["boards"]] == list(board_facts.names())
        assert told["drives"] == [{"path": str(drive.path), "board_id": "RPI-RP2"}]
        text = wakecall("boards").stdout
    assert "ESP32_GENERIC_C3" in text
    assert str(drive.path) in text


@pytest.mark.parametrize("command", ["boards", "flash", "firmware", "sync"])
def test_check_30_help_is_there_without_optional_packages(wakecall: Run, command: str) -> None:
    program = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({HEAVY!r}))\n"  # importing any of them now fails
        "from host_tools.cli.main import main\n"
        f"main([{command!r}, '--help'])\n"
    )
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: wakecall {command}")
    assert time.perf_counter() - begin < 1.0  # 0.15 s on a quiet machine: tests/cli/test_main.py


def test_a_dry_run_writes_nothing_and_shows_a_command_that_does_the_same(
    wakecall: Run, image: Path, environment: dict[str, str]
) -> None:
    rom = EspRom()
    with on_socket(rom) as port:
        words = ["flash", "esp32", "--port", port, "--firmware", str(image)]
        done = wakecall(*words, "--dry-run", "--json")
        assert done.returncode == 0, done.stderr
        assert sum(rom.requests.values()) == 0
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert [event["event"] for event in events] == ["planned", "equivalent"]
        genuine = shlex.split(events[1]["command"])
        assert genuine[0] == "esptool"
        subprocess.run(
            [sys.executable, "-m", *genuine],
            env=environment,
            capture_output=True,
            timeout=60,
            check=True,
        )
        by_genuine = bytes(rom.flash.content)

        rom.flash.erase(0, len(rom.flash.content))
        assert wakecall(*words, "--yes", "--no-proof").returncode == 0
    assert bytes(rom.flash.content) == by_genuine


def test_check_14_json_is_one_object_a_line_and_the_text_goes_to_standard_error(
    wakecall: Run, image: Path
) -> None:
    with on_socket(EspRom()) as port:
        words = ["flash", "esp32", "--port", port, "--firmware", str(image), "--yes", "--no-proof"]
        done = wakecall(*words, "--json")
        assert done.returncode == 0
        for line in done.stdout.splitlines():
            event = json.loads(line)
            assert event["board"] == "esp32"
            assert isinstance(event["event"], str)
            assert abs(event["ts"] - time.time()) < 60
        assert len(done.stderr.splitlines()) == len(done.stdout.splitlines())
        plain = wakecall(*words)
    assert plain.stderr == ""
    assert plain.stdout.splitlines() == done.stderr.splitlines()


def test_nothing_is_written_without_consent(wakecall: Run, image: Path) -> None:
    rom = EspRom()
    with on_socket(rom) as port:
        done = wakecall("flash", "esp32", "--port", port, "--firmware", str(image))
    assert done.returncode == ExitCode.USAGE
    assert "everything on it is erased" in done.stderr
    assert sum(rom.requests.values()) == 0


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"n\n", ExitCode.USAGE)])
def test_on_a_terminal_the_user_is_asked_and_sees_a_bar(
    environment: dict[str, str], image: Path, answer: bytes, code: int
) -> None:
    rom = EspRom()
    with on_socket(rom) as port:
        words = ["flash", "esp32", "--port", port, "--firmware", str(image), "--no-proof"]
        status, output = on_terminal(words, environment, answer)
    assert status == code
    assert b"[y/N]" in output
    assert (b"[##############################] 100%" in output) is (code == 0)
    assert (sum(rom.requests.values()) == 0) is (code != 0)


def on_terminal(words: list[str], environment: dict[str, str], answer: bytes) -> tuple[int, bytes]:
    """Run the command on a terminal of its own; return its exit status and what it showed."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "host_tools.cli.main", *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(slave)
        os.write(master, answer)
        output = b""
        try:
            while chunk := os.read(master, 65536):
                output += chunk
        except OSError:
            pass  # EIO: the last one that had the terminal has ended
        os.close(master)
        return process.wait(60), output


def test_an_unknown_board_and_a_missing_file_are_told(wakecall: Run, tmp_path: Path) -> None:
    done = wakecall("flash", "esp33", "--yes")
    assert done.returncode == ExitCode.NOT_FOUND
    assert "did you mean" in done.stderr
    done = wakecall("flash", "esp32", "--firmware", str(tmp_path / "none.bin"))
    assert done.returncode == ExitCode.NOT_FOUND
    assert "none.bin cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_pico_shows_its_genuine_commands(wakecall: Run, tmp_path: Path) -> None:
    path = tmp_path / "firmware.uf2"
    path.write_bytes(pico_image())
    words = ["flash", "pico", "--firmware", str(path), "--dry-run"]
    with BootselDrive(tmp_path / "drives") as drive:
        assert f"cp {path} {drive.path}/" in wakecall(*words).stdout
    (tmp_path / "tty").touch()
    done = wakecall(*words, "--port", str(tmp_path / "tty"))
    assert f"mpremote connect {tmp_path}/tty bootloader" in done.stdout
    done = wakecall("flash", "esp32", "--drive", "/tmp", "--firmware", str(path))
    assert done.returncode == ExitCode.WRONG_FIRMWARE
