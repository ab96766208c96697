"""Firmware files as the flasher meets them, small, with the same structure as published ones."""

from __future__ import annotations

import random
import struct

from host_tools import uf2
from host_tools.sim.esp_rom_chip import CHIPS
from host_tools.sim.esp_rom_wire import checksum

RELEASE = "20250415-v1.25.0"

PARTITION_TABLE_AT = 0x8000
RP2040, RP2350_ARM, ABSOLUTE = 0xE48BFF56, 0xE48BFF59, 0xE48BFF57
FLASH_START = 0x10000000


def esp_image(chip: str, size_bytes: int = 40_000, *, seed: int = 1) -> bytes:
    """Return boot loader, partition table and application in one file.

    The boot loader is a whole image of one segment; what follows the table is noise.
    """
    kind = CHIPS[chip]
    loader = _boot_loader(kind.chip_id).ljust(PARTITION_TABLE_AT - kind.boot_offset, b"\xff")
    rest = size_bytes - len(loader) - 2
    return loader + b"\xaa\x50" + random.Random(seed).randbytes(max(rest, 0))


def _boot_loader(chip_id: int) -> bytes:
    data = random.Random(chip_id).randbytes(64)
    header = struct.pack("<4BI", 0xE9, 1, 2, 0x20, 0x40080000)
    extended = struct.pack("<B3xHB2H4xB", 0xEE, chip_id, 0, 0, 0, 0)
    image = header + extended + struct.pack("<2I", 0x40080000, len(data)) + data
    padded = image.ljust(len(image) // 16 * 16 + 15, b"\0")
    return padded + bytes([checksum(data)])


def pico_image(size_bytes: int = 10_000, *, family: int = RP2040, seed: int = 1) -> bytes:
    """Return a UF2 file that carries noise."""
    content = random.Random(seed).randbytes(size_bytes)
    return uf2.make(content, address=FLASH_START, family=family)


def pico2_image(size_bytes: int = 10_000) -> bytes:
    """Return a UF2 file for the RP2350, with the one block of another family before it."""
    lone = uf2.make(b"\xef" * 512, address=FLASH_START + 0xFFFF00, family=ABSOLUTE)[:512]
    return lone + pico_image(size_bytes, family=RP2350_ARM)
