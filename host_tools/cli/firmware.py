"""``wakecall firmware``: which firmware files are accepted, and how they come to this machine."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from host_tools.errors import ExitCode, WakecallError

_NOTES = """\
  lock FILE...   accept published firmware files: their names, sizes and SHA-256 go into the lock
                 file, the files into the cache
  fetch NAME...  bring locked files into the cache, by name
  list           show the locked files

Nobody publishes check sums of MicroPython's firmware: lock a file once when you trust it, and every
later download is held to it. Files are looked for at https://micropython.org/resources/firmware, or
at the address that WAKECALL_FIRMWARE_URL names.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = _NOTES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("action", choices=("lock", "fetch", "list"), metavar="ACTION")
    parser.add_argument("files", nargs="*", metavar="FILE", help="files to lock, names to fetch")
    parser.add_argument(
        "--lock", type=Path, metavar="PATH", help="the lock file (default: boards/firmware.lock)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a file")


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    from host_tools.flash import firmware_lock

    path = arguments.lock or firmware_lock.DEFAULT_PATH
    if arguments.action != "list" and not arguments.files:
        raise WakecallError(
            f"{arguments.action}: no file is named",
            code=ExitCode.USAGE,
            hint="`wakecall firmware --help` shows how",
        )
    if arguments.action == "lock":
        for file in arguments.files:
            _lock(path, Path(file), arguments.json)
        return ExitCode.OK
    locked = firmware_lock.load(path)
    for name in arguments.files if arguments.action == "fetch" else sorted(locked):
        if name not in locked:
            raise WakecallError(
                f"{name} is not in the lock file {path}",
                code=ExitCode.NOT_FOUND,
                hint="`wakecall firmware list` shows what is",
            )
        if arguments.action == "fetch":
            from host_tools.flash import firmware_store

            firmware_store.get(locked[name])
        _tell(locked[name], arguments.json)
    return ExitCode.OK


def _lock(path: Path, file: Path, as_json: bool) -> None:
    from host_tools.flash import firmware_lock, firmware_store

    try:
        content = file.read_bytes()
    except OSError as error:
        raise WakecallError(
            f"{file} cannot be read: {error.strerror}", code=ExitCode.NOT_FOUND
        ) from error
    _refuse_what_is_no_firmware(file.name, content)
    locked = firmware_lock.add(path, file.name, content)
    firmware_store.put(locked, content)
    _tell(locked, as_json)


def _refuse_what_is_no_firmware(name: str, content: bytes) -> None:
    """Check a file against the board that its name says: a saved error page is not locked."""
    from host_tools import board_facts
    from host_tools.flash import firmware_name, image_checks

    parsed = firmware_name.parse(name)
    for facts in map(board_facts.load, board_facts.names()):
        if parsed is not None and parsed.board == facts.micropython:
            image_checks.check(facts, name, content)


def _tell(file: object, as_json: bool) -> None:
    from host_tools.flash.firmware_lock import LockedFile

    assert isinstance(file, LockedFile)
    if as_json:
        print(json.dumps({"name": file.name, "size": file.size_bytes, "sha256": file.sha256}))
    else:
        print(f"{file.sha256[:12]}...  {file.size_bytes:>9} bytes  {file.name}")
