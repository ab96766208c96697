"""The UF2 format: blocks of 512 bytes, each with its own address (reference/host-tools.md 4.7).

Pure. The flasher checks files with it, and the simulated BOOTSEL drive reads what arrives.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

BLOCK_BYTES = 512
PAYLOAD_BYTES = 256
"""How much of a block's data is used by the files for the RP2 chips, and asked for by their ROM."""

NOT_MAIN_FLASH = 0x1
FAMILY_PRESENT = 0x2000

_MAGIC_START, _MAGIC_SECOND, _MAGIC_END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_HEADER = struct.Struct("<8I")
_DATA_BYTES = 476

FAMILIES = {
    0xE48BFF56: "RP2040",
    0xE48BFF57: "RP2 absolute",
    0xE48BFF58: "RP2 data",
    0xE48BFF59: "RP2350 ARM",
    0xE48BFF5A: "RP2350 RISC-V",
    0xE48BFF5B: "RP2350 ARM non-secure",
    0x1C5F21B0: "ESP32",
    0xBFDD4EEE: "ESP32-S2",
    0xC47E5767: "ESP32-S3",
    0xD42BA06C: "ESP32-C3",
    0x540DDF62: "ESP32-C6",
}
"""Names of the families that a user of our boards may meet."""

ABSOLUTE = 0xE48BFF57
"""The family of one block that files for the RP2350 begin with, to work around an erratum."""


@dataclass(frozen=True)
class Block:
    """One block.

    Args:
        flags: Such as ``FAMILY_PRESENT``.
        address: Where the payload goes.
        payload: The bytes that count.
        number: Its number, from 0.
        total: How many blocks its family has in the file.
        family: Whom it is for; meaningful with ``FAMILY_PRESENT`` only.
    """

    flags: int
    address: int
    payload: bytes
    number: int
    total: int
    family: int


def is_uf2(content: bytes) -> bool:
    """Say whether a file begins as UF2 does.

    Args:
        content: The file, or its first eight bytes.
    """
    return content[:8] == struct.pack("<2I", _MAGIC_START, _MAGIC_SECOND)


def parse_block(content: bytes) -> Block | None:
    """Return the block in 512 bytes, or None when they are none.

    Args:
        content: The 512 bytes.
    """
    if len(content) != BLOCK_BYTES:
        return None
    first, second, flags, address, size, number, total, family = _HEADER.unpack_from(content)
    (end,) = struct.unpack_from("<I", content, BLOCK_BYTES - 4)
    if (first, second, end) != (_MAGIC_START, _MAGIC_SECOND, _MAGIC_END) or size > _DATA_BYTES:
        return None
    payload = content[_HEADER.size : _HEADER.size + size]
    return Block(flags, address, payload, number, total, family)


def blocks(content: bytes) -> Iterator[Block | None]:
    """Give the blocks of a file in their order; None for 512 bytes that are none.

    Args:
        content: The file.
    """
    for at in range(0, len(content), BLOCK_BYTES):
        yield parse_block(content[at : at + BLOCK_BYTES])


def make(content: bytes, *, address: int, family: int) -> bytes:
    """Return a UF2 file.

    Args:
        content: What it carries.
        address: Where the first byte goes.
        family: Whom it is for.
    """
    pieces = [content[at : at + PAYLOAD_BYTES] for at in range(0, len(content), PAYLOAD_BYTES)]
    return b"".join(
        _HEADER.pack(
            _MAGIC_START,
            _MAGIC_SECOND,
            FAMILY_PRESENT,
            address + number * PAYLOAD_BYTES,
            PAYLOAD_BYTES,
            number,
            len(pieces),
            family,
        )
        + piece.ljust(_DATA_BYTES, b"\0")
        + struct.pack("<I", _MAGIC_END)
        for number, piece in enumerate(pieces)
    )
