"""Writes firmware to a board of the ESP32 family with esptool, as a library.

The whole chip is erased, the image is written at the chip's offset and read back as MD5 by the
chip. A write that fails is begun anew from the reset on: the stub compares no block numbers, so a
block that was sent again has spoiled the download (host_tools/sim/esp_rom_writer.py).
"""

from __future__ import annotations

import contextlib
from typing import Any

import serial
from esptool import FatalError, cmds

from host_tools.board_facts import BoardFacts, EsptoolFlash
from host_tools.errors import ExitCode, WakecallError
from host_tools.flash import esptool_log, serial_port
from host_tools.flash.events import Event, Progress, Report

BAUD = 460800
"""What MicroPython's own instructions use (reference/host-tools.md 4.6)."""

ATTEMPTS = 3
_FAILURES = (FatalError, serial.SerialException, OSError)


def write(
    facts: BoardFacts,
    image: bytes,
    port: str,
    report: Report,
    *,
    baud: int = BAUD,
    attempts: int = ATTEMPTS,
) -> None:
    """Erase the chip, write an image, verify it and restart the board.

    Args:
        facts: The board.
        image: The firmware, checked already.
        port: Where the board is.
        report: Is told what happens.
        baud: The rate while writing, in bits a second.
        attempts: How often a failed write is begun anew, at least 1.

    Raises:
        WakecallError: No chip answers (UNREACHABLE), it is another one (WRONG_FIRMWARE), or what
            was written does not read back (VERIFICATION); also as ``open_port``.
    """
    for attempt in range(1, attempts + 1):
        try:
            _write_once(facts, image, port, report, baud, begun=attempt > 1)
            return
        except _FAILURES as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            if attempt == attempts:
                raise WakecallError(
                    f"the firmware was not written as it should be, {attempts} times: {reason}",
                    code=ExitCode.VERIFICATION,
                    hint="the board does not start as it is; flash again, with a shorter cable "
                    "or a lower --baud",
                ) from error
            report(Event("retry", f"writing failed ({reason}); once more", {"reason": reason}))


def _write_once(
    facts: BoardFacts, image: bytes, port: str, report: Report, baud: int, *, begun: bool
) -> None:
    assert isinstance(facts.flash, EsptoolFlash)
    line = serial_port.open_port(port)

    def progress(done_bytes: int, total_bytes: int) -> None:
        report(Progress(done_bytes, total_bytes))

    no_reset: list[bool] = [port.startswith("socket://")]
    with (
        contextlib.closing(line),
        esptool_log.caught(progress, lambda: no_reset.append(True)),
    ):
        chip = _connect(line, port, begun=begun)
        _check_chip(chip, facts)
        report(Event("connected", f"{chip.CHIP_NAME} answers", {"chip": chip.CHIP_NAME}))
        chip = cmds.run_stub(chip)
        chip.change_baud(baud)
        cmds.attach_flash(chip)
        offset = facts.flash.offset
        cmds.write_flash(chip, [(offset, image)], erase_all=True)
        text = f"{len(image)} bytes written at {offset:#x} and verified by MD5"
        report(Event("written", text, {"bytes": len(image), "offset": offset}))
        cmds.reset_chip(chip, "hard-reset")
        if any(no_reset):
            report(Event("no-reset", "this port cannot reset the board: press its RESET button"))


def _connect(line: Any, port: str, *, begun: bool) -> Any:  # noqa: ANN401 - esptool's classes have no common base for ROM and stub
    try:
        return cmds.detect_chip(line)
    except _FAILURES as error:
        hint = "hold the button BOOT, press RESET, release BOOT; then type the same again"
        if begun:
            raise WakecallError(
                f"the board at {port} was written in part and answers no more",
                code=ExitCode.VERIFICATION,
                hint=hint,
            ) from error
        raise WakecallError(
            f"no ESP chip answers at {port}", code=ExitCode.UNREACHABLE, hint=hint
        ) from error


def _check_chip(chip: Any, facts: BoardFacts) -> None:  # noqa: ANN401 - as above
    found = str(chip.CHIP_NAME)
    if found.lower().replace("-", "") != facts.chip:
        raise WakecallError(
            f"the chip is an {found}, the board {facts.name} has an {facts.chip}",
            code=ExitCode.WRONG_FIRMWARE,
            hint="nothing was written; `wakecall boards` lists the boards that are known",
        )
