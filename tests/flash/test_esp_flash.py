"""`wakecall flash` onto boards of the ESP32 family, with everything that goes wrong on the way.

Checks 3, 5 and 15 of reference/host-tools.md, section 6.
"""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from host_tools.errors import ExitCode
from host_tools.sim.esp_rom import EspRom, Fault, FaultKind, Mode, Operation
from host_tools.sim.esp_rom_port import on_pty, on_rfc2217, on_socket
from tests.flash.conftest import Run
from tests.flash.images import esp_image

BOARDS = {"esp32": "esp32", "esp32-s3": "esp32s3", "esp32-c3": "esp32c3"}
BLOCKS_BYTES = 120_000  # of which 88 kB do not compress: six blocks of the stub


def firmware(tmp_path: Path, chip: str = "esp32") -> Path:
    path = tmp_path / "firmware.bin"
    path.write_bytes(esp_image(chip, BLOCKS_BYTES))
    return path


def holds(rom: EspRom, path: Path) -> bool:
    """Say whether the flash holds the file where the chip starts from, and nothing else."""
    content = path.read_bytes()
    after = rom.chip.boot_offset + len(content)
    return (
        rom.flash.read(rom.chip.boot_offset, len(content)) == content
        and set(rom.flash.content[: rom.chip.boot_offset]) <= {0xFF}
        and set(rom.flash.content[after:]) == {0xFF}
    )


def events(output: str) -> list[str]:
    return [json.loads(line)["event"] for line in output.splitlines()]


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_is_erased_written_verified_and_restarted(
    wakecall: Run, tmp_path: Path, board: str
) -> None:
    rom = EspRom(BOARDS[board], download=False)
    rom.flash.program(0x3F0000, b"an old file")
    path = firmware(tmp_path, BOARDS[board])
    with on_rfc2217(rom) as port:
        words = ["flash", board, "--port", port, "--firmware", str(path)]
        done = wakecall(*words, "--yes", "--no-proof", "--json")
    assert done.returncode == 0, done.stderr
    assert events(done.stdout) == ["planned", "equivalent", "connected", "written", "done"]
    assert holds(rom, path)
    assert rom.mode is Mode.PROGRAM
    assert rom.requests[Operation.SPI_FLASH_MD5] == 1
    assert rom.unexpected == []


def test_a_port_without_lines_is_told_to_need_the_button(wakecall: Run, tmp_path: Path) -> None:
    rom, path = EspRom(), firmware(tmp_path)
    for number, served in enumerate((on_pty(rom, tmp_path / "board"), on_socket(rom))):
        with served as port:
            words = ["flash", "esp32", "--port", port, "--firmware", str(path)]
            done = wakecall(*words, "--yes", "--no-proof")
        assert done.returncode == 0, done.stderr
        assert "press its RESET button" in done.stdout
        assert done.stderr == "", number
        assert holds(rom, path)


ONCE = {
    # esptool's own second attempts fail after a time-out, and a block twice spoils the download.
    "answer of a block lost": (FaultKind.DROPPED_ANSWER, Operation.FLASH_DEFL_DATA, 1),
    "block lost": (FaultKind.DROPPED_REQUEST, Operation.FLASH_DEFL_DATA, 1),
    "check sum of a block wrong": (FaultKind.WRONG_CHECKSUM, Operation.FLASH_DEFL_DATA, 0),
    "check sum of the stub wrong": (FaultKind.WRONG_CHECKSUM, Operation.MEM_DATA, 1),
    "answer of the erasing lost": (FaultKind.DROPPED_ANSWER, Operation.ERASE_FLASH, 1),
    "md5 wrong": (FaultKind.WRONG_MD5, Operation.SPI_FLASH_MD5, 1),
}


@pytest.mark.parametrize(("kind", "operation", "retries"), ONCE.values(), ids=ONCE)
def test_check_5_a_fault_that_passes_is_overcome(
    wakecall: Run, tmp_path: Path, kind: FaultKind, operation: Operation, retries: int
) -> None:
    rom, path = EspRom(faults=[Fault(kind, operation)]), firmware(tmp_path)
    with on_pty(rom, tmp_path / "board") as port:
        words = ["flash", "esp32", "--port", port, "--firmware", str(path), "--json"]
        done = wakecall(*words, "--yes", "--no-proof", ESPTOOL_CFGFILE=short_erase(tmp_path))
    assert done.returncode == 0, done.stderr
    assert events(done.stdout).count("retry") == retries
    assert holds(rom, path)


LASTING = {
    "check sums": Fault(FaultKind.WRONG_CHECKSUM, Operation.FLASH_DEFL_DATA, 2, times=1000),
    "answers": Fault(FaultKind.DROPPED_ANSWER, Operation.FLASH_DEFL_DATA, 2, times=1000),
    "md5": Fault(FaultKind.WRONG_MD5, Operation.SPI_FLASH_MD5, times=1000),
}


@pytest.mark.parametrize("fault", LASTING.values(), ids=LASTING)
def test_check_5_a_fault_that_stays_is_told_and_a_second_run_repairs(
    wakecall: Run, tmp_path: Path, fault: Fault
) -> None:
    rom, path = EspRom(faults=[fault]), firmware(tmp_path)
    with on_pty(rom, tmp_path / "board") as port:
        words = ["flash", "esp32", "--port", port, "--firmware", str(path)]
        done = wakecall(*words, "--yes", "--no-proof", "--json")
        assert done.returncode == ExitCode.VERIFICATION
        assert events(done.stdout).count("retry") == 2
        assert "3 times" in done.stderr
        assert "Traceback" not in done.stderr

        rom.faults.clear()
        assert wakecall(*words, "--yes", "--no-proof").returncode == 0
    assert holds(rom, path)


RESET = Fault(FaultKind.RESET, Operation.FLASH_DEFL_DATA, first=3)


def test_check_5_a_reset_in_mid_write_is_overcome_with_modem_lines(
    wakecall: Run, tmp_path: Path
) -> None:
    rom, path = EspRom(faults=[RESET], download=False), firmware(tmp_path)
    with on_rfc2217(rom) as port:
        words = ["flash", "esp32", "--port", port, "--firmware", str(path)]
        done = wakecall(*words, "--yes", "--no-proof", "--json")
    assert done.returncode == 0, done.stderr
    assert events(done.stdout).count("retry") == 1
    assert holds(rom, path)


def test_check_5_a_reset_in_mid_write_without_lines_is_told_and_a_second_run_repairs(
    wakecall: Run, tmp_path: Path
) -> None:
    rom, path = EspRom(faults=[RESET]), firmware(tmp_path)
    with on_pty(rom, tmp_path / "board") as port:
        words = ["flash", "esp32", "--port", port, "--firmware", str(path), "--yes", "--no-proof"]
        done = wakecall(*words)
        assert done.returncode == ExitCode.VERIFICATION
        assert "was written in part and answers no more" in done.stderr
        assert "hold the button BOOT" in done.stderr
        assert not holds(rom, path)

        rom.reset(download=True)  # the button
        assert wakecall(*words).returncode == 0
    assert holds(rom, path)


def test_the_wrong_chip_is_not_touched(wakecall: Run, tmp_path: Path) -> None:
    rom, path = EspRom("esp32s3"), firmware(tmp_path, "esp32")
    with on_socket(rom) as port:
        words = ["flash", "esp32", "--port", port, "--firmware", str(path), "--yes"]
        done = wakecall(*words)
    assert done.returncode == ExitCode.WRONG_FIRMWARE
    assert "the chip is an ESP32-S3, the board esp32 has an esp32" in done.stderr
    assert (rom.flash.erased_sectors, rom.flash.programmed_bytes) == (0, 0)


def test_check_3_a_silent_board_is_told_in_time_with_a_hint(wakecall: Run, tmp_path: Path) -> None:
    path = firmware(tmp_path)
    begin = time.monotonic()
    with on_pty(EspRom(download=False), tmp_path / "board") as port:
        done = wakecall("flash", "esp32", "--port", port, "--firmware", str(path), "--yes")
    assert done.returncode == ExitCode.UNREACHABLE
    assert done.stderr.splitlines() == [
        f"wakecall: no ESP chip answers at {port}",
        "  hold the button BOOT, press RESET, release BOOT; then type the same again",
    ]
    assert time.monotonic() - begin < 30


def test_check_15_a_port_that_is_not_there_or_taken_has_its_exit_code(
    wakecall: Run, tmp_path: Path
) -> None:
    path = firmware(tmp_path)
    common = ["--firmware", str(path), "--yes"]
    done = wakecall("flash", "esp32", "--port", str(tmp_path / "nothing"), *common)
    assert done.returncode == ExitCode.NOT_FOUND
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()[1]
    done = wakecall("flash", "esp32", "--port", f"socket://127.0.0.1:{closed}", *common)
    assert done.returncode == ExitCode.UNREACHABLE
    done = wakecall("flash", "esp32", "--port", f"nonsense://127.0.0.1:{closed}", *common)
    assert done.returncode == ExitCode.USAGE
    import serial

    with on_pty(EspRom(), tmp_path / "board") as port, serial.Serial(port, exclusive=True):
        done = wakecall("flash", "esp32", "--port", port, *common)
        assert done.returncode == ExitCode.BUSY
        assert "Traceback" not in done.stderr


def short_erase(tmp_path: Path) -> str:
    """Write a configuration of esptool that also gives up soon on an erasing without an answer."""
    path = tmp_path / "short-erase.cfg"
    path.write_text("[esptool]\ntimeout = 0.3\nconnect_attempts = 2\nchip_erase_timeout = 0.5\n")
    return str(path)
