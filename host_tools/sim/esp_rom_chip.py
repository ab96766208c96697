"""What differs between the ESP chips for a flash tool: identity, registers, flash memory.

The numbers are those of reference/host-tools.md 4.6. ``boot_offset`` is the chip's own: it is not
taken from ``boards/*.toml``, or a wrong offset there would look right to the double.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

SECTOR_BYTES = 4096
_MAGIC_REGISTER = 0x40001000
_RUN_USER_COMMAND = 1 << 18
_READ_ID = 0x9F


@dataclass(frozen=True)
class Chip:
    """One kind of chip.

    Args:
        name: As esptool calls it.
        chip_id: The number in images and in GET_SECURITY_INFO.
        magic: What a fixed ROM address reads; None where the chip tells its id instead.
        boot_offset: Where the ROM looks for the boot loader.
        spi_base: The first register of the flash controller.
        usr2: Offset of the register with the flash command.
        w0: Offset of the register with the flash chip's answer.
        mac: The register with the MAC's low four bytes; the high two follow.
        clock_divider: The UART's divider, where the tool computes the crystal from it.
        banner: The first line of the boot log.
    """

    name: str
    chip_id: int
    magic: int | None
    boot_offset: int
    spi_base: int
    usr2: int
    w0: int
    mac: int
    clock_divider: int
    banner: str


CHIPS = {
    "esp32": Chip(
        name="ESP32",
        chip_id=0,
        magic=0x00F01D83,
        boot_offset=0x1000,
        spi_base=0x3FF42000,
        usr2=0x24,
        w0=0x80,
        mac=0x3FF5A004,
        clock_divider=0x3FF40014,
        banner="ets Jun  8 2016 00:22:57",
    ),
    "esp32s3": Chip(
        name="ESP32-S3",
        chip_id=9,
        magic=None,
        boot_offset=0,
        spi_base=0x60002000,
        usr2=0x20,
        w0=0x58,
        mac=0x60007044,
        clock_divider=0x60000014,
        banner="ESP-ROM:esp32s3-20210327",
    ),
    "esp32c3": Chip(
        name="ESP32-C3",
        chip_id=5,
        magic=None,
        boot_offset=0,
        spi_base=0x60002000,
        usr2=0x20,
        w0=0x58,
        mac=0x60008844,
        clock_divider=0x60000014,
        banner="ESP-ROM:esp32c3-api1-20210207",
    ),
}


class Registers:
    """The registers a flash tool looks at; all others read 0 until they are written.

    Args:
        chip: Whose registers.
        mac: Six bytes.
        flash_bytes: The size that the flash chip tells, a power of two.
    """

    def __init__(self, chip: Chip, mac: bytes, flash_bytes: int) -> None:
        self._chip = chip
        # Winbond's maker and kind; the last byte is the size as a power of two.
        self._flash_id = (flash_bytes.bit_length() - 1) << 16 | 0x40EF
        high, low = struct.unpack(">HI", mac)
        # The ESP32's word ends in a check sum that the tools do not look at.
        self._words: dict[int, int] = {chip.mac: low, chip.mac + 4: high, chip.clock_divider: 347}
        if chip.magic is not None:
            self._words[_MAGIC_REGISTER] = chip.magic

    def read(self, address: int) -> int:
        """Return what a register holds.

        Args:
            address: That of the register.
        """
        return self._words.get(address, 0)

    def write(self, address: int, value: int, mask: int) -> None:
        """Write some bits of a register; the flash controller's command register acts at once.

        Args:
            address: That of the register.
            value: The new bits.
            mask: Which bits.
        """
        self._words[address] = self.read(address) & ~mask | value & mask
        if address == self._chip.spi_base and self._words[address] & _RUN_USER_COMMAND:
            command = self.read(address + self._chip.usr2) & 0xFF
            self._words[address + self._chip.w0] = self._flash_id if command == _READ_ID else 0
            self._words[address] &= ~_RUN_USER_COMMAND


class FlashMemory:
    """NOR flash: erased to ones in sectors; programming only clears bits.

    Args:
        size_bytes: A power of two.
    """

    def __init__(self, size_bytes: int) -> None:
        self.content = bytearray(b"\xff" * size_bytes)
        self.erased_sectors = 0
        self.programmed_bytes = 0

    def erase(self, offset: int, size_bytes: int) -> None:
        """Erase all sectors that a range touches.

        Args:
            offset: The first byte.
            size_bytes: The length of the range.

        Raises:
            IndexError: The range leaves the chip.
        """
        start = offset // SECTOR_BYTES * SECTOR_BYTES
        end = -(-(offset + size_bytes) // SECTOR_BYTES) * SECTOR_BYTES
        self._check(start, end - start)
        self.content[start:end] = b"\xff" * (end - start)
        self.erased_sectors += (end - start) // SECTOR_BYTES

    def program(self, offset: int, data: bytes) -> None:
        """Clear the bits that are 0 in some data.

        Args:
            offset: Where the first byte goes.
            data: What is written.

        Raises:
            IndexError: The data leaves the chip.
        """
        self._check(offset, len(data))
        there = int.from_bytes(self.content[offset : offset + len(data)], "big")
        both = there & int.from_bytes(data, "big")
        self.content[offset : offset + len(data)] = both.to_bytes(len(data), "big")
        self.programmed_bytes += len(data)

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Return a range.

        Args:
            offset: The first byte.
            size_bytes: The length.

        Raises:
            IndexError: The range leaves the chip.
        """
        self._check(offset, size_bytes)
        return bytes(self.content[offset : offset + size_bytes])

    def _check(self, offset: int, size_bytes: int) -> None:
        if offset + size_bytes > len(self.content):
            raise IndexError(f"{size_bytes} bytes at {offset:#x} leave the flash")
