"""The proof after flashing: the board itself says what it runs.

Check 9 of reference/host-tools.md, section 6.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from host_tools import board_facts
from host_tools.errors import ExitCode, WakecallError
from host_tools.flash import firmware_name, identity, repl
from host_tools.flash.identity import Identity
from host_tools.sim.esp_rom import EspRom
from host_tools.sim.esp_rom_chip import FlashMemory
from host_tools.sim.esp_rom_port import on_rfc2217
from tests.flash.conftest import Run
from tests.flash.images import RELEASE, esp_image
from tests.flash.repl_double import Repl, on_pty

ESP32 = board_facts.load("esp32")


def test_a_board_says_what_it_is_and_is_left_running(tmp_path: Path) -> None:
    prompt = Repl("ESP32_GENERIC-SPIRAM", (1, 29, 0, "preview"))
    with on_pty(prompt, tmp_path / "board") as port:
        assert identity.ask(port) == Identity(
            "ESP32_GENERIC-SPIRAM", "1.29.0-preview", "a double of a board", "2211334455aa"
        )
        assert identity.ask(port).build == "ESP32_GENERIC-SPIRAM"  # again: the prompt is free
    assert prompt.soft_resets == 2


MATCHES = {
    "a release": (f"ESP32_GENERIC-{RELEASE}.bin", "ESP32_GENERIC", (1, 25, 0, "")),
    "a variant": (f"ESP32_GENERIC-SPIRAM-{RELEASE}.bin", "ESP32_GENERIC-SPIRAM", (1, 25, 0, "")),
    "a preview": (
        "ESP32_GENERIC-20260101-v1.29.0-preview.1.gabcdef0123.bin",
        "ESP32_GENERIC",
        (1, 29, 0, "preview"),
    ),
    "an older kind of version": (f"ESP32_GENERIC-{RELEASE}.bin", "ESP32_GENERIC", (1, 25, 0)),
    "a file with a name of its own": ("mine.bin", "ESP32_GENERIC-SPIRAM", (1, 18, 0, "")),
}
DIFFERS = {
    "another board": (f"ESP32_GENERIC-{RELEASE}.bin", "ESP32_GENERIC_S3", (1, 25, 0, "")),
    "another variant": (f"ESP32_GENERIC-{RELEASE}.bin", "ESP32_GENERIC-SPIRAM", (1, 25, 0, "")),
    "the variant missing": (
        f"ESP32_GENERIC-SPIRAM-{RELEASE}.bin",
        "ESP32_GENERIC",
        (1, 25, 0, ""),
    ),
    "another version": (f"ESP32_GENERIC-{RELEASE}.bin", "ESP32_GENERIC", (1, 24, 1, "")),
    "a preview for a release": (
        f"ESP32_GENERIC-{RELEASE}.bin",
        "ESP32_GENERIC",
        (1, 25, 0, "preview"),
    ),
    "a board that does not say": (f"ESP32_GENERIC-{RELEASE}.bin", None, (1, 25, 0, "")),
    "another board for an own name": ("mine.bin", "RPI_PICO", (1, 25, 0, "")),
}


@pytest.mark.parametrize(("name", "build", "version"), MATCHES.values(), ids=MATCHES)
def test_check_9_a_board_that_runs_what_was_written_is_accepted(
    tmp_path: Path, name: str, build: str, version: tuple[Any, ...]
) -> None:
    with on_pty(Repl(build, version), tmp_path / "board") as port:
        found = identity.prove(ESP32, firmware_name.parse(name), lambda: port)
    assert found.build == build


@pytest.mark.parametrize(("name", "build", "version"), DIFFERS.values(), ids=DIFFERS)
def test_check_9_a_board_that_runs_something_else_is_refused(
    tmp_path: Path, name: str, build: str | None, version: tuple[Any, ...]
) -> None:
    with (
        on_pty(Repl(build, version), tmp_path / "board") as port,
        pytest.raises(WakecallError) as caught,
    ):
        identity.prove(ESP32, firmware_name.parse(name), lambda: port)
    assert caught.value.code is ExitCode.VERIFICATION
    assert "the board reports" in caught.value.message


def test_check_9_a_board_that_does_not_come_back_is_told_in_time(tmp_path: Path) -> None:
    with pytest.raises(WakecallError) as caught:
        identity.prove(ESP32, None, lambda: None, timeout_s=0.1)
    assert caught.value.code is ExitCode.TIMEOUT
    assert "its port did not come back" in caught.value.message
    missing = str(tmp_path / "missing")
    with pytest.raises(WakecallError, match="no MicroPython answers") as caught:
        identity.prove(ESP32, None, lambda: missing, timeout_s=0.1)
    assert caught.value.code is ExitCode.TIMEOUT


class Silent(Repl):
    def receive(self, data: bytes) -> bytes:
        return b""


def test_a_silent_board_is_given_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (
        on_pty(Silent(), tmp_path / "board") as port,
        pytest.raises(WakecallError, match="no MicroPython answers"),
    ):
        identity.ask(port)
    assert capsys.readouterr().out == ""  # mpremote prints what it did not expect


def test_what_the_board_raises_is_told(tmp_path: Path) -> None:
    with (
        on_pty(Repl(), tmp_path / "board") as port,
        pytest.raises(WakecallError, match="raised NameError: name 'nothing'") as caught,
    ):
        repl.run(port, "nothing")
    assert caught.value.code is ExitCode.DEVICE_ERROR


def flash(wakecall: Run, tmp_path: Path, build: str) -> tuple[int, str, str]:
    path = tmp_path / f"ESP32_GENERIC-{RELEASE}.bin"
    path.write_bytes(esp_image("esp32"))

    def boot(_: FlashMemory) -> Repl:
        return Repl(build)

    with on_rfc2217(EspRom("esp32", download=False, program=boot)) as port:
        words = ["flash", "esp32", "--port", port, "--firmware", str(path), "--yes", "--json"]
        done = wakecall(*words)
    return done.returncode, done.stdout, done.stderr


def test_check_9_a_bare_chip_is_flashed_starts_and_proves_what_it_runs(
    wakecall: Run, tmp_path: Path
) -> None:
    code, output, talk = flash(wakecall, tmp_path, "ESP32_GENERIC")
    assert code == 0, talk
    told = {event["event"]: event for event in map(json.loads, output.splitlines())}
    assert told["proved"]["build"] == "ESP32_GENERIC"
    assert told["proved"]["version"] == "1.25.0"
    assert told["proved"]["unique_id"] == "2211334455aa"
    assert "done" in told


def test_check_9_a_chip_that_starts_something_else_ends_with_the_exit_code_for_it(
    wakecall: Run, tmp_path: Path
) -> None:
    code, output, talk = flash(wakecall, tmp_path, "ESP32_GENERIC-SPIRAM")
    assert code == ExitCode.VERIFICATION
    assert "the board reports ESP32_GENERIC-SPIRAM 1.25.0" in talk
    assert '"done"' not in output
