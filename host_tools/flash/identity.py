"""The proof after flashing: the board itself says which firmware it runs."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable
from dataclasses import dataclass

from host_tools.board_facts import BoardFacts
from host_tools.errors import ExitCode, WakecallError
from host_tools.flash import repl
from host_tools.flash.firmware_name import FirmwareName

BOOT_TIMEOUT_S = 30.0
"""A first boot makes the file system, which takes seconds on a large flash."""

_RETRY_S = 0.2
_MARK = "wakecall-identity "
_QUESTION = f"""\
import sys, machine
i = sys.implementation
print({_MARK!r} + repr((getattr(i, "_build", ""), tuple(i[1]), i._machine, machine.unique_id())))
"""
"""``sys.implementation`` as reference/host-tools.md 4.8 has it."""


@dataclass(frozen=True)
class Identity:
    """What a board says about itself.

    Args:
        build: MicroPython's name of the board, with the variant; empty from old firmware.
        version: As in ``1.29.0`` or ``1.29.0-preview``.
        machine: The hardware in words.
        unique_id: The chip's own number, hexadecimal.
    """

    build: str
    version: str
    machine: str
    unique_id: str


def ask(port: str) -> Identity:
    """Ask a board what it is.

    Args:
        port: A device or one of pyserial's addresses.

    Raises:
        WakecallError: No MicroPython answers (UNREACHABLE), or not as it should (DEVICE_ERROR).
    """
    for line in repl.run(port, _QUESTION).splitlines():
        if line.startswith(_MARK):
            return _parse(line.removeprefix(_MARK))
    raise WakecallError(f"the board at {port} does not say what it is", code=ExitCode.DEVICE_ERROR)


def prove(
    facts: BoardFacts,
    wanted: FirmwareName | None,
    find_port: Callable[[], str | None],
    *,
    timeout_s: float = BOOT_TIMEOUT_S,
) -> Identity:
    """Wait for a board that restarts, and hold what it says against what was written.

    Args:
        facts: The board.
        wanted: What the file's name says; without it only the board is compared.
        find_port: Returns the port that the board has come back at, or None as long as it has not.
        timeout_s: How long to wait for it, in seconds.

    Raises:
        WakecallError: The board does not come back (TIMEOUT), or says something else
            (VERIFICATION).
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            port = find_port()
            if port is not None:
                identity = ask(port)
                break
            last = "its port did not come back"
        except WakecallError as error:
            last = error.message
        if time.monotonic() > deadline:
            raise WakecallError(
                f"the board was written, but does not answer after {timeout_s:.0f} s: {last}",
                code=ExitCode.TIMEOUT,
                hint="press its RESET button; `--no-proof` leaves this question out",
            )
        time.sleep(_RETRY_S)
    _compare(facts, wanted, identity)
    return identity


def _compare(facts: BoardFacts, wanted: FirmwareName | None, found: Identity) -> None:
    if wanted is None:
        board = found.build.partition("-")[0]
        differs = f"the board {facts.micropython}" if board != facts.micropython else ""
    elif found.build != wanted.build:
        differs = wanted.build
    else:
        differs = f"version {wanted.version_text}" if found.version != wanted.version_text else ""
    if differs:
        told = found.build or "a build that it does not name"
        raise WakecallError(
            f"the board reports {told} {found.version} ({found.machine}), written was {differs}",
            code=ExitCode.VERIFICATION,
            hint="is another board at this port? `wakecall boards` lists them",
        )


def _parse(text: str) -> Identity:
    try:
        build, version, machine, unique_id = ast.literal_eval(text)
        # Four fields: the last is "preview" or empty (MicroPython 1.29).
        numbers, kind = version[:3], version[3] if len(version) > 3 else ""
        told = ".".join(map(str, numbers)) + (f"-{kind}" if kind else "")
        return Identity(str(build), told, str(machine), bytes(unique_id).hex())
    except (ValueError, SyntaxError, TypeError) as error:
        raise WakecallError(
            f"the board says {text[:80]!r} about itself, which is nothing we know",
            code=ExitCode.DEVICE_ERROR,
        ) from error
