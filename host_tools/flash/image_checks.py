"""Refusals before a byte goes over the wire: firmware that does not fit the board.

Pure. The genuine tools write a UF2 container or a boot loader to the wrong offset without a word
(reference/host-tools.md 4.6), and the board no longer starts.
"""

from __future__ import annotations

from collections import defaultdict

from host_tools import uf2
from host_tools.board_facts import BoardFacts, EsptoolFlash, Uf2Flash
from host_tools.errors import ExitCode, WakecallError
from host_tools.flash import firmware_name

ESP_IMAGE_MAGIC = 0xE9
_CHIP_ID_AT = 12
_HEADER_BYTES = 24
PARTITION_TABLE_AT = 0x8000
PARTITION_MAGIC = b"\xaa\x50"

_OTHER_CORES = {0xE48BFF59: 0xE48BFF5A}
"""A family that the same chip takes as well: the RP2350 has ARM and RISC-V cores."""


def check(facts: BoardFacts, name: str, content: bytes) -> None:
    """Refuse firmware that is not for a board.

    Args:
        facts: The board.
        name: The file's name; when it follows the publishers' scheme it has to name the board.
        content: The whole file.

    Raises:
        WakecallError: It does not fit (WRONG_FIRMWARE), or the board's file contradicts the chip
            (CONFIGURATION).
    """
    if isinstance(facts.flash, EsptoolFlash):
        _check_recipe(facts, facts.flash)
        _check_esp_image(facts, facts.flash, name, content)
    else:
        _check_uf2(facts, facts.flash, name, content)
    parsed = firmware_name.parse(name)
    if parsed is not None and parsed.board != facts.micropython:
        raise _wrong(
            f"{name} is for {parsed.board}, the board {facts.name} is {facts.micropython}",
            f"https://micropython.org/download/{facts.micropython}/ has the right ones",
        )


def _check_recipe(facts: BoardFacts, recipe: EsptoolFlash) -> None:
    from esptool.targets import CHIP_DEFS

    target = CHIP_DEFS.get(recipe.chip)
    if target is None:
        raise WakecallError(
            f"board {facts.name}: esptool knows no chip {recipe.chip!r}",
            code=ExitCode.CONFIGURATION,
        )
    wanted = int(target.BOOTLOADER_FLASH_OFFSET)
    if recipe.offset != wanted:
        raise WakecallError(
            f"board {facts.name}: flash.offset is {recipe.offset:#x}, "
            f"an {target.CHIP_NAME} starts from {wanted:#x}",
            code=ExitCode.CONFIGURATION,
            hint="correct the board's file: written elsewhere, the board would not start",
        )


def _check_esp_image(facts: BoardFacts, recipe: EsptoolFlash, name: str, content: bytes) -> None:
    from esptool.targets import CHIP_DEFS

    if uf2.is_uf2(content):
        raise _wrong(
            f"{name} is a UF2 file: written as it is, {facts.title} would not start",
            "take the .bin file of the same release",
        )
    if len(content) < _HEADER_BYTES or content[0] != ESP_IMAGE_MAGIC:
        raise _wrong(f"{name} is no firmware image for an ESP chip", _wanted(facts))
    chip_id = int.from_bytes(content[_CHIP_ID_AT : _CHIP_ID_AT + 2], "little")
    chips = {chip.IMAGE_CHIP_ID: chip.CHIP_NAME for chip in CHIP_DEFS.values()}
    wanted = CHIP_DEFS[recipe.chip]
    if chip_id != wanted.IMAGE_CHIP_ID:
        told = chips.get(chip_id, f"the chip number {chip_id}")
        raise _wrong(f"{name} is for {told}, not for {wanted.CHIP_NAME}", _wanted(facts))
    table = PARTITION_TABLE_AT - recipe.offset
    if content[table : table + 2] != PARTITION_MAGIC:
        raise _wrong(
            f"{name} has no partition table: an application without boot loader, or not whole",
            "take the .bin file, not the .app-bin: " + _wanted(facts),
        )


def _check_uf2(facts: BoardFacts, recipe: Uf2Flash, name: str, content: bytes) -> None:
    if not uf2.is_uf2(content):
        raise _wrong(f"{name} is no UF2 file, which {facts.title} needs", _wanted(facts))
    numbers: dict[int, set[int]] = defaultdict(set)
    totals: dict[int, int] = {}
    for position, block in enumerate(uf2.blocks(content)):
        if block is None or not block.flags & uf2.FAMILY_PRESENT:
            raise _wrong(f"{name} is damaged: block {position} is not whole", _wanted(facts))
        numbers[block.family].add(block.number)
        totals[block.family] = block.total
    accepted = {recipe.family, _OTHER_CORES.get(recipe.family, recipe.family)}
    families = set(numbers) - ({uf2.ABSOLUTE} if len(numbers) > 1 else set())
    if len(families) != 1 or not families <= accepted:
        told = ", ".join(uf2.FAMILIES.get(family, f"{family:#010x}") for family in sorted(families))
        wanted = uf2.FAMILIES.get(recipe.family, f"{recipe.family:#010x}")
        raise _wrong(f"{name} is for {told}, {facts.title} takes {wanted}", _wanted(facts))
    (family,) = families
    missing = set(range(totals[family])) - numbers[family]
    if missing:
        raise _wrong(
            f"{name} is not whole: {len(missing)} of {totals[family]} blocks are missing",
            "download it again",
        )


def _wanted(facts: BoardFacts) -> str:
    return f"https://micropython.org/download/{facts.micropython}/ has the files for this board"


def _wrong(message: str, hint: str) -> WakecallError:
    return WakecallError(message, code=ExitCode.WRONG_FIRMWARE, hint=hint)
