"""``wakecall flash BOARD``: MicroPython onto a board, verified, and proved by the board itself."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from host_tools.cli.values import duration_ms
from host_tools.errors import ExitCode, WakecallError

if TYPE_CHECKING:
    from host_tools.board_facts import BoardFacts
    from host_tools.flash.flashing import Job

_NOTES = """\
All that is on an ESP32 board is erased, its files too; a Pico keeps its files. Without --firmware
the newest locked file for the board is taken, from the cache or downloaded (`wakecall firmware`).

  wakecall flash esp32 --firmware ESP32_GENERIC-20250415-v1.25.0.bin
  wakecall flash pico-w --port id:e6614103e7     # it restarts in its boot loader by itself
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = _NOTES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("board", metavar="BOARD", help="the kind of board (`wakecall boards`)")
    parser.add_argument(
        "--port",
        default="auto",
        metavar="PORT",
        help="an id of `wakecall boards`, a device, or an address such as rfc2217://host:port "
        "(default: the only one that fits)",
    )
    parser.add_argument(
        "--drive", type=Path, metavar="DIR", help="where the drive of a Pico's boot loader is"
    )
    parser.add_argument("--firmware", type=Path, metavar="FILE", help="the file to write")
    parser.add_argument(
        "--variant", default="", help="the variant of the locked firmware (default: none)"
    )
    parser.add_argument(
        "--lock", type=Path, metavar="PATH", help="the lock file (default: boards/firmware.lock)"
    )
    parser.add_argument("--offline", action="store_true", help="download nothing")
    parser.add_argument(
        "--baud", type=int, default=460800, help="rate of serial writing (default: %(default)s)"
    )
    parser.add_argument(
        "--no-proof", action="store_true", help="do not ask the board afterwards what it runs"
    )
    parser.add_argument(
        "--wait",
        type=duration_ms,
        default=0,
        metavar="DURATION",
        help="wait for another process that has the board, such as 30s",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="check all, write nothing, show the genuine commands"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before writing")
    parser.add_argument("--json", action="store_true", help="print one JSON object an event")


def run(arguments: argparse.Namespace) -> int:
    """Flash one board."""
    from host_tools import board_facts
    from host_tools.cli.board_events import BoardPrinter
    from host_tools.flash import flashing
    from host_tools.flash.events import Event

    facts = board_facts.load(arguments.board)
    path, content = _firmware(arguments, facts)
    job = flashing.plan(
        facts,
        path,
        content,
        port=arguments.port,
        drive=arguments.drive,
        baud=arguments.baud,
        proof=not arguments.no_proof,
    )
    printer = BoardPrinter(facts.name, as_json=arguments.json)
    values = {"firmware": path.name, "bytes": len(content), "at": job.place}
    printer(Event("planned", f"{path.name} goes onto {facts.title} at {job.place}", values))
    for command in flashing.genuine_commands(job):
        printer(Event("equivalent", f"  as: {command}", {"command": command}))
    if arguments.dry_run:
        return ExitCode.OK
    _confirm(job, arguments.yes)
    try:
        flashing.run(job, printer, wait_s=arguments.wait / 1000)
    finally:
        printer.end_bar()
    printer(Event("done", f"{facts.title} at {job.place} is ready"))
    return ExitCode.OK


def _firmware(arguments: argparse.Namespace, facts: BoardFacts) -> tuple[Path, bytes]:
    from host_tools.flash import firmware_lock, firmware_store

    locked = firmware_lock.load(arguments.lock or firmware_lock.DEFAULT_PATH)
    if arguments.firmware is None:
        extension = "uf2" if facts.flash.tool == "uf2" else "bin"
        file = firmware_lock.newest(locked, facts.micropython, arguments.variant, extension)
        return firmware_store.get(file, offline=arguments.offline)
    path: Path = arguments.firmware
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WakecallError(
            f"{path} cannot be read: {error.strerror}", code=ExitCode.NOT_FOUND
        ) from error
    if path.name in locked:
        locked[path.name].check(content, str(path))
    return path, content


def _confirm(job: Job, yes: bool) -> None:
    if yes:
        return
    what = "everything on it is erased" if job.facts.flash.tool == "esptool" else "its files stay"
    if not sys.stdin.isatty():
        raise WakecallError(
            f"writing to the board at {job.place} has to be agreed to: {what}",
            code=ExitCode.USAGE,
            hint="say --yes",
        )
    print(
        f"Write to the board at {job.place}? ({what}) [y/N] ", end="", file=sys.stderr, flush=True
    )
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise WakecallError("nothing was written", code=ExitCode.USAGE)
