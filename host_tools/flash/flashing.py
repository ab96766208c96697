"""One board from the file to the proof: checks, lock, writing, and the board's own word."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from host_tools import board_lock
from host_tools.board_facts import BoardFacts, EsptoolFlash
from host_tools.errors import ExitCode, WakecallError
from host_tools.flash import drives, firmware_name, identity, image_checks, ports, repl
from host_tools.flash.drives import Drive
from host_tools.flash.events import Event, Report
from host_tools.flash.ports import Port

_DRIVE_TIMEOUT_S = 20.0
_POLL_S = 0.1
DEFAULT_BAUD = 460800


@dataclass(frozen=True)
class Job:
    """What is to be done to one board.

    Args:
        facts: The board.
        path: The firmware's file.
        content: What is in it.
        port: The board's serial port; None for one that is in its boot loader, as a drive.
        drive: The drive of its boot loader; None when it is not mounted yet.
        baud: The rate of serial writing, in bits a second.
        proof: Whether the board is asked afterwards what it runs.
    """

    facts: BoardFacts
    path: Path
    content: bytes
    port: Port | None
    drive: Drive | None
    baud: int = DEFAULT_BAUD
    proof: bool = True

    @property
    def place(self) -> str:
        """Where the board is, for a person."""
        if self.drive is not None:
            return str(self.drive.path)
        assert self.port is not None
        return self.port.device


def plan(
    facts: BoardFacts,
    path: Path,
    content: bytes,
    *,
    port: str = "auto",
    drive: Path | None = None,
    baud: int = DEFAULT_BAUD,
    proof: bool = True,
) -> Job:
    """Check everything that can be known beforehand; nothing is sent to any board.

    Args:
        facts: The board.
        path: The firmware's file.
        content: What is in it.
        port: As ``ports.resolve`` takes it.
        drive: The drive that the user names, if any.
        baud: The rate of serial writing, in bits a second.
        proof: Whether the board is to be asked afterwards what it runs.

    Raises:
        WakecallError: The firmware does not fit, or no board or several are there; as
            ``image_checks.check``, ``ports.resolve`` and ``drives.choose`` say.
    """
    image_checks.check(facts, path.name, content)
    job = Job(facts, path, content, None, None, baud, proof)
    if isinstance(facts.flash, EsptoolFlash):
        if drive is not None:
            raise WakecallError(
                f"the board {facts.name} has no drive to copy firmware to", code=ExitCode.USAGE
            )
        return replace(job, port=ports.resolve(port, facts, ports.plugged_in()))
    found = drives.choose(facts, drives.mounted(), drive)
    if found is not None and port == "auto":
        return replace(job, drive=found)
    try:
        return replace(job, port=ports.resolve(port, facts, ports.plugged_in()), drive=found)
    except WakecallError as error:
        if error.code is not ExitCode.NOT_FOUND:
            raise
        raise WakecallError(
            f"no board {facts.name} is there: no drive {facts.flash.drive}, and {error.message}",
            code=ExitCode.NOT_FOUND,
            hint="hold BOOTSEL while you plug it in, then type the same again",
        ) from error


def genuine_commands(job: Job) -> list[str]:
    """Return what one would type to do the same with the genuine tools.

    Args:
        job: What is to be done.
    """
    file = shlex.quote(str(job.path))
    place = shlex.quote(job.place)
    if isinstance(job.facts.flash, EsptoolFlash):
        recipe = job.facts.flash
        return [
            f"esptool --chip {recipe.chip} --port {place} --baud {job.baud} "
            f"write-flash --erase-all {recipe.offset:#x} {file}"
        ]
    if job.drive is not None:
        return [f"cp {file} {place}/"]
    return [
        f"mpremote connect {place} bootloader",
        f"cp {file} WHERE/{job.facts.flash.drive}/IS/MOUNTED/",
    ]


def run(job: Job, report: Report, *, wait_s: float = 0.0) -> None:
    """Flash a board and let it prove what it runs.

    Args:
        job: What ``plan`` returned.
        report: Is told what happens.
        wait_s: How long to wait for another process that has the board, in seconds.

    Raises:
        WakecallError: As ``board_lock.hold``, ``esp.write``, ``drives.write`` and
            ``identity.prove`` say.
    """
    board_id = job.port.id if job.port is not None else job.place
    with board_lock.hold(board_id, "flash", wait_s=wait_s):
        before = {port.device for port in ports.plugged_in()}
        if isinstance(job.facts.flash, EsptoolFlash):
            from host_tools.flash import esp

            assert job.port is not None
            esp.write(job.facts, job.content, job.port.device, report, baud=job.baud)
        else:
            drives.write(_drive(job, report), job.path.name, job.content, report)
        if job.proof:
            _prove(job, report, before)


def _drive(job: Job, report: Report) -> Drive:
    """Return the drive of the board, which is sent into its boot loader when it runs."""
    if job.drive is not None:
        return job.drive
    assert job.port is not None
    repl.enter_boot_loader(job.port.device)
    report(Event("bootloader", "the board restarts in its boot loader"))
    deadline = time.monotonic() + _DRIVE_TIMEOUT_S
    while (drive := drives.choose(job.facts, drives.mounted(), None)) is None:
        if time.monotonic() > deadline:
            raise WakecallError(
                f"no drive of the boot loader was mounted within {_DRIVE_TIMEOUT_S:.0f} s",
                code=ExitCode.TIMEOUT,
                hint="mount it, and name it with --drive DIR",
            )
        time.sleep(_POLL_S)
    return drive


def _prove(job: Job, report: Report, before: set[str]) -> None:
    wanted = firmware_name.parse(job.path.name)
    found = identity.prove(job.facts, wanted, _finder(job, before))
    report(
        Event(
            "proved",
            f"the board reports {found.build} {found.version} ({found.machine})",
            {
                "build": found.build,
                "version": found.version,
                "machine": found.machine,
                "unique_id": found.unique_id,
            },
        )
    )


def _finder(job: Job, before: set[str]) -> Callable[[], str | None]:
    """Return what looks for the board's port: by its stable id, else the one that is new."""

    def find() -> str | None:
        now = ports.plugged_in()
        if job.port is not None:
            by_id = [port.device for port in now if port.id == job.port.id]
            return by_id[0] if by_id else job.port.device
        fitting = [port.device for port in now if job.facts.port in port.fits]
        new = [device for device in fitting if device not in before]
        return new[0] if len(new) == 1 else None

    return find
