"""The lock file: which firmware files we accept, by name, size and SHA-256.

MicroPython publishes no check sums (reference/host-tools.md 4.8), so whoever takes a file into
use writes its own down once, with ``wakecall firmware lock FILE``. A line is
``<sha256> <size in bytes> <name>``; empty lines and those after ``#`` do not count.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from host_tools.board_facts import BOARDS_FOLDER
from host_tools.errors import ExitCode, WakecallError
from host_tools.flash import firmware_name

DEFAULT_PATH = BOARDS_FOLDER / "firmware.lock"

_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64}) (?P<size>[1-9]\d*) (?P<name>[\w.+-]+)")


@dataclass(frozen=True)
class LockedFile:
    """One file that is accepted.

    Args:
        name: Its published name.
        size_bytes: Its size.
        sha256: Its SHA-256, hexadecimal.
    """

    name: str
    size_bytes: int
    sha256: str

    def matches(self, content: bytes) -> bool:
        """Say whether these bytes are the file.

        Args:
            content: All of them.
        """
        if len(content) != self.size_bytes:
            return False
        return hashlib.sha256(content).hexdigest() == self.sha256

    def check(self, content: bytes, source: str) -> None:
        """Refuse bytes that are not the file.

        Args:
            content: All of them.
            source: Where they are from, for the message.

        Raises:
            WakecallError: They differ (WRONG_FIRMWARE).
        """
        if not self.matches(content):
            raise WakecallError(
                f"{source} is not the file that the lock names: {len(content)} bytes where "
                f"{self.size_bytes} are locked, or another SHA-256",
                code=ExitCode.WRONG_FIRMWARE,
                hint="take the published file again, or lock this one if you trust it",
            )


def load(path: Path) -> dict[str, LockedFile]:
    """Return the files of a lock, by name; none when there is no lock file.

    Args:
        path: The lock file.

    Raises:
        WakecallError: A line is wrong (CONFIGURATION), or the file cannot be read (FAILED).
    """
    return {file.name: file for line in _lines(path) if (file := _parse(path, line))}


def newest(files: dict[str, LockedFile], board: str, variant: str, extension: str) -> LockedFile:
    """Return the newest locked file of a build.

    Args:
        files: What ``load`` returned.
        board: MicroPython's name of the board.
        variant: The variant; empty for the standard one.
        extension: ``bin`` or ``uf2``.

    Raises:
        WakecallError: There is none (NOT_FOUND).
    """
    fitting = [
        (parsed.age, file)
        for name, file in files.items()
        if (parsed := firmware_name.parse(name))
        and (parsed.board, parsed.variant, parsed.extension) == (board, variant, extension)
    ]
    if not fitting:
        build = f"{board}-{variant}" if variant else board
        raise WakecallError(
            f"the lock file has no .{extension} firmware for {build}",
            code=ExitCode.NOT_FOUND,
            hint=f"get one from https://micropython.org/download/{board}/ and type: "
            "wakecall firmware lock FILE; or flash a file with --firmware FILE",
        )
    return max(fitting)[1]


def add(path: Path, name: str, content: bytes) -> LockedFile:
    """Write a file's name, size and SHA-256 into the lock, in place of an older line for the name.

    Args:
        path: The lock file; made when it does not exist.
        name: The published name.
        content: The whole file.

    Raises:
        WakecallError: The name does not follow the scheme (USAGE), or the lock cannot be written.
    """
    if firmware_name.parse(name) is None:
        raise WakecallError(
            f"{name} is no name of a published firmware file",
            code=ExitCode.USAGE,
            hint="names are like ESP32_GENERIC-20250415-v1.25.0.bin: keep the one it was "
            "downloaded with",
        )
    added = LockedFile(name, len(content), hashlib.sha256(content).hexdigest())
    kept = [
        line for line in _lines(path) if not ((file := _parse(path, line)) and file.name == name)
    ]
    kept.append(f"{added.sha256} {added.size_bytes} {added.name}")
    _replace(path, "\n".join(kept) + "\n")
    return added


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise WakecallError(f"the lock file {path} cannot be read: {error}") from error


def _parse(path: Path, line: str) -> LockedFile | None:
    text = line.partition("#")[0].strip()
    if not text:
        return None
    match = _LINE.fullmatch(text)
    if match is None:
        raise WakecallError(
            f"lock file {path}: {line!r} is not <sha256> <size> <name>",
            code=ExitCode.CONFIGURATION,
            hint="remove the line; wakecall firmware lock FILE writes it anew",
        )
    return LockedFile(match["name"], int(match["size"]), match["sha256"])


def _replace(path: Path, text: str) -> None:
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise WakecallError(
            f"the lock file {path} cannot be written: {error.strerror}",
            hint="name another one with --lock PATH",
        ) from error
