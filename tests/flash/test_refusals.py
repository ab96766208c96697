"""Firmware that does not fit is refused before a byte goes over the wire.

Check 6 of reference/host-tools.md, section 6.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from host_tools import board_facts, uf2
from host_tools.errors import ExitCode, WakecallError
from host_tools.flash import image_checks
from host_tools.sim.bootsel import BootselDrive
from host_tools.sim.esp_rom import EspRom
from host_tools.sim.esp_rom_port import on_socket
from tests.conftest import ROOT
from tests.flash.conftest import Run
from tests.flash.images import RELEASE, RP2040, RP2350_ARM, esp_image, pico2_image, pico_image

PAGE = b"<!doctype html><html><body>404: no such firmware</body></html>"
APPLICATION = esp_image("esp32")[:32] + b"\xff" * 40_000

REFUSED = {
    "a UF2 file for an ESP": ("esp32", "x.bin", pico_image(), "is a UF2 file"),
    "a .bin file for a Pico": ("pico-w", "x.uf2", esp_image("esp32"), "is no UF2 file"),
    "an image for another chip": ("esp32", "x.bin", esp_image("esp32c3"), "is for ESP32-C3"),
    "an application without boot loader": ("esp32", "x.bin", APPLICATION, "no partition table"),
    "an image cut before its table": ("esp32", "x.bin", esp_image("esp32")[:9000], "no partition"),
    "a web page for an ESP": ("esp32", "x.bin", PAGE, "is no firmware image"),
    "a web page for a Pico": ("pico", "x.uf2", PAGE, "is no UF2 file"),
    "an empty file": ("esp32-s3", "x.bin", b"", "is no firmware image"),
    "a UF2 file for another family": (
        "pico-w",
        "x.uf2",
        pico_image(family=RP2350_ARM),
        "is for RP2350 ARM, Raspberry Pi Pico W takes RP2040",
    ),
    "a UF2 file for the older chip": ("pico2-w", "x.uf2", pico_image(), "is for RP2040"),
    "a UF2 file without its last block": ("pico", "x.uf2", pico_image()[:-512], "1 of 40 blocks"),
    "a UF2 file without a middle block": (
        "pico",
        "x.uf2",
        pico_image()[:512] + pico_image()[1024:],
        "1 of 40 blocks are missing",
    ),
    "a UF2 file cut in a block": ("pico", "x.uf2", pico_image()[:-100], "block 39 is not whole"),
    "a UF2 file with a damaged block": (
        "pico",
        "x.uf2",
        pico_image()[:512] + b"\0" + pico_image()[513:],
        "block 1 is not whole",
    ),
    "a file named for another board": (
        "pico-w",
        f"RPI_PICO-{RELEASE}.uf2",
        pico_image(),
        "is for RPI_PICO, the board pico-w is RPI_PICO_W",
    ),
}

ACCEPTED = {
    "esp32": ("x.bin", esp_image("esp32")),
    "esp32-s3": (f"ESP32_GENERIC_S3-SPIRAM_OCT-{RELEASE}.bin", esp_image("esp32s3")),
    "pico": (f"RPI_PICO-{RELEASE}.uf2", pico_image()),
    "pico2-w": (f"RPI_PICO2_W-RISCV-{RELEASE}.uf2", pico_image(family=0xE48BFF5A)),
}


@pytest.mark.parametrize(("board", "name", "content", "told"), REFUSED.values(), ids=REFUSED)
def test_check_6_firmware_that_does_not_fit_is_refused(
    board: str, name: str, content: bytes, told: str
) -> None:
    with pytest.raises(WakecallError) as caught:
        image_checks.check(board_facts.load(board), name, content)
    assert told in caught.value.message
    assert caught.value.code is ExitCode.WRONG_FIRMWARE
    assert caught.value.hint


@pytest.mark.parametrize("board", ACCEPTED)
def test_firmware_that_fits_is_accepted(board: str) -> None:
    name, content = ACCEPTED[board]
    image_checks.check(board_facts.load(board), name, content)


def test_the_lone_block_of_rp2350_files_does_not_count() -> None:
    image_checks.check(board_facts.load("pico2-w"), "x.uf2", pico2_image())


def test_check_6_an_offset_that_is_not_the_chips_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "mine.toml"
    text = (ROOT / "boards/esp32.toml").read_text()
    assert "offset = 0x1000" in text
    wrong.write_text(text.replace("offset = 0x1000", "offset = 0x0"))
    with pytest.raises(WakecallError, match=r"flash\.offset is 0x0, an ESP32 starts from 0x1000"):
        image_checks.check(board_facts.load(wrong), "x.bin", esp_image("esp32"))


@pytest.mark.parametrize(
    "board", [name for name in board_facts.names() if board_facts.load(name).port == "esp32"]
)
def test_the_offsets_of_all_boards_are_those_of_their_chips(board: str) -> None:
    with pytest.raises(WakecallError) as caught:
        image_checks.check(board_facts.load(board), "x.bin", PAGE)
    assert caught.value.code is ExitCode.WRONG_FIRMWARE  # the recipe itself was accepted


def test_check_6_nothing_is_sent_to_an_esp_that_gets_a_wrong_file(
    wakecall: Run, tmp_path: Path
) -> None:
    path = tmp_path / "firmware.bin"
    path.write_bytes(pico_image())
    rom = EspRom()
    with on_socket(rom) as port:
        done = wakecall("flash", "esp32", "--port", port, "--firmware", str(path), "--yes")
    assert done.returncode == ExitCode.WRONG_FIRMWARE
    assert (sum(rom.requests.values()), rom.unexpected) == (0, [])


def test_check_6_nothing_is_copied_to_a_drive_of_another_chip(
    wakecall: Run, tmp_path: Path
) -> None:
    path = tmp_path / "firmware.uf2"
    path.write_bytes(pico_image())
    with BootselDrive(tmp_path / "drives", "rp2350") as drive:
        words = ["flash", "pico-w", "--firmware", str(path), "--yes"]
        done = wakecall(*words, "--drive", str(drive.path))
        assert done.returncode == ExitCode.WRONG_FIRMWARE
        assert "is the drive of RP2350, the board pico-w has RPI-RP2" in done.stderr
        assert sorted(file.name for file in drive.path.iterdir()) == ["INDEX.HTM", "INFO_UF2.TXT"]


def test_the_uf2_blocks_are_those_of_the_format() -> None:
    """Byte for byte, after the format's own description."""
    first = pico_image(300)[:512]
    words = struct.unpack_from("<8I", first)
    assert words == (0x0A324655, 0x9E5D5157, 0x2000, 0x10000000, 256, 0, 2, RP2040)
    assert first[-4:] == struct.pack("<I", 0x0AB16F30)
    assert first[32 + 256 : -4] == bytes(220)
    second = uf2.parse_block(pico_image(300)[512:])
    assert second is not None
    assert (second.address, second.number, second.total) == (0x10000100, 1, 2)
