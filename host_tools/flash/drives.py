"""Writes firmware to a Raspberry Pi Pico: a UF2 file onto the drive of its boot loader.

The drive vanishes when the board has all blocks, so the last writes may fail although all went
well; and it ignores what is not for it without a word. Only the drive's going counts
(reference/host-tools.md 4.7).
"""

from __future__ import annotations

import errno
import getpass
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from host_tools.board_facts import BoardFacts, Uf2Flash
from host_tools.errors import ExitCode, WakecallError
from host_tools.flash.events import Event, Progress, Report

INFO_FILE = "INFO_UF2.TXT"
FOLDERS_VARIABLE = "WAKECALL_DRIVES"
"""Folders in which drives are mounted, between colons; in place of the system's usual ones."""

_CHUNK_BYTES = 64 * 1024
_GONE = (errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOENT)
_POLL_S = 0.05
VANISH_TIMEOUT_S = 20.0
"""The ROM restarts 0.5 to 1 s after the last block; the system may write late."""


class DriveFile(Protocol):
    """A file that is written; what ``open_file`` returns and a simulated drive can give."""

    def write(self, data: bytes, /) -> int | None:
        """Take in bytes."""

    def flush(self) -> None:
        """Hand on what waits."""

    def fileno(self) -> int:
        """Return the descriptor."""

    def close(self) -> None:
        """End the writing."""


OpenFile = Callable[[Path], DriveFile]


@dataclass(frozen=True)
class Drive:
    """The drive of a board in its boot loader.

    Args:
        path: Where it is mounted.
        board_id: What INFO_UF2.TXT says as ``Board-ID``.
    """

    path: Path
    board_id: str


def open_file(path: Path) -> DriveFile:
    """Open a file on a drive for writing.

    Args:
        path: The file.
    """
    return path.open("wb", buffering=0)


def mounted() -> list[Drive]:
    """Return the drives of boot loaders that are mounted."""
    found = []
    for folder in _folders():
        try:
            entries = sorted(folder.iterdir())
        except OSError:
            continue  # not a folder of this system, or not ours to look into
        found += [drive for entry in entries if (drive := read_drive(entry))]
    return found


def read_drive(path: Path) -> Drive | None:
    """Return the drive that is mounted at a path, or None when it is none of a boot loader.

    Args:
        path: A folder.
    """
    try:
        info = (path / INFO_FILE).read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = dict(line.split(": ", 1) for line in info.splitlines() if ": " in line)
    return Drive(path, fields.get("Board-ID", "").strip())


def choose(facts: BoardFacts, drives: Iterable[Drive], wanted: Path | None) -> Drive | None:
    """Return the drive to write to, or None when none is there.

    Args:
        facts: The board.
        drives: What ``mounted`` returned.
        wanted: The one that the user names, if any.

    Raises:
        WakecallError: The named folder is no such drive (NOT_FOUND), it is that of another chip
            (WRONG_FIRMWARE), or several drives fit (USAGE).
    """
    assert isinstance(facts.flash, Uf2Flash)
    if wanted is not None:
        named = read_drive(wanted)
        if named is None:
            raise WakecallError(
                f"{wanted} is no drive of a boot loader: it has no {INFO_FILE}",
                code=ExitCode.NOT_FOUND,
                hint="hold BOOTSEL while you plug the board in",
            )
        if named.board_id != facts.flash.drive:
            raise WakecallError(
                f"{wanted} is the drive of {named.board_id or 'another chip'}, "
                f"the board {facts.name} has {facts.flash.drive}",
                code=ExitCode.WRONG_FIRMWARE,
            )
        return named
    fitting = [drive for drive in drives if drive.board_id == facts.flash.drive]
    if len(fitting) > 1:
        told = ", ".join(str(drive.path) for drive in fitting)
        raise WakecallError(
            f"{len(fitting)} drives may be the board {facts.name}: {told}",
            code=ExitCode.USAGE,
            hint=f"name one: --drive {fitting[0].path}",
        )
    return fitting[0] if fitting else None


def write(
    drive: Drive,
    name: str,
    content: bytes,
    report: Report,
    *,
    open_file: OpenFile = open_file,
    timeout_s: float = VANISH_TIMEOUT_S,
) -> None:
    """Copy firmware onto a drive and wait until the board has taken it and the drive is gone.

    Args:
        drive: The drive.
        name: The file's name on it.
        content: The firmware, checked already.
        report: Is told what happens.
        open_file: Opens the file.
        timeout_s: How long the drive may stay, in seconds.

    Raises:
        WakecallError: The drive went too early, or stayed (VERIFICATION).
    """
    try:
        _copy(open_file(drive.path / name), content, report)
    except OSError as error:
        raise WakecallError(
            f"the drive {drive.path} failed before the firmware was on it: {error.strerror}",
            code=ExitCode.VERIFICATION,
            hint="hold BOOTSEL while you plug the board in, and type the same again",
        ) from error
    _wait_until_gone(drive, timeout_s)
    text = f"{len(content)} bytes copied; the board took them and restarts"
    report(Event("written", text, {"bytes": len(content)}))


def _wait_until_gone(drive: Drive, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while read_drive(drive.path) is not None:
        if time.monotonic() > deadline:
            raise WakecallError(
                f"the board did not take the firmware: the drive {drive.path} is still there",
                code=ExitCode.VERIFICATION,
                hint="its boot loader ignores what is for another chip",
            )
        time.sleep(_POLL_S)


def _copy(file: DriveFile, content: bytes, report: Report) -> None:
    """Write, and forgive a drive that fails after the last byte: it may have gone for good reason.

    Without metadata: the file system of the boot loader takes none (reference/host-tools.md 4.7).
    """
    sent = 0
    try:
        for at in range(0, len(content), _CHUNK_BYTES):
            _write_all(file, content[at : at + _CHUNK_BYTES])
            sent = min(at + _CHUNK_BYTES, len(content))
            report(Progress(sent, len(content)))
        file.flush()
        os.fsync(file.fileno())
    except OSError as error:
        if sent < len(content) or error.errno not in _GONE:
            raise
    finally:
        _close(file)


def _write_all(file: DriveFile, data: bytes) -> None:
    while data:
        data = data[file.write(data) or 0 :]


def _close(file: DriveFile) -> None:
    try:
        file.close()
    except OSError as error:
        if error.errno not in _GONE:
            raise


def _folders() -> list[Path]:
    named = os.environ.get(FOLDERS_VARIABLE)
    if named:
        return [Path(folder) for folder in named.split(":")]
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        user = ""
    return [Path("/media") / user, Path("/run/media") / user, Path("/media"), Path("/Volumes")]
