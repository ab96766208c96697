"""``wakecall sync BOARD``: the agent and the owner's methods onto a board, only what changed."""

from __future__ import annotations

import argparse
from pathlib import Path

from host_tools.cli.values import duration_ms
from host_tools.errors import ExitCode

_NOTES = """\
Files are compiled for MicroPython, compared with the board's by SHA-256, and written aside and
renamed, so that a cut leaves each as it was or as it shall be. Only files that an earlier sync has
written are ever deleted. Settings (config.json, secrets.json) are not touched. A file
.wakecallignore in DIR names what is left out, one pattern a line.
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
        help="an id of `wakecall boards`, a device or an address (default: the only one that fits)",
    )
    parser.add_argument("--app", type=Path, metavar="DIR", help="folder with your own methods")
    parser.add_argument(
        "--wait",
        type=duration_ms,
        default=0,
        metavar="DURATION",
        help="wait for another process that has the board, such as 30s",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be written")
    parser.add_argument("--json", action="store_true", help="print one JSON object an event")


def run(arguments: argparse.Namespace) -> int:
    """Sync one board."""
    from host_tools import board_facts
    from host_tools.cli.board_events import BoardPrinter
    from host_tools.flash import ports, syncing

    facts = board_facts.load(arguments.board)
    port = ports.resolve(arguments.port, facts, ports.plugged_in())
    printer = BoardPrinter(facts.name, as_json=arguments.json)
    try:
        syncing.sync(
            facts,
            port,
            arguments.app,
            printer,
            dry_run=arguments.dry_run,
            wait_s=arguments.wait / 1000,
        )
    finally:
        printer.end_bar()
    return ExitCode.OK
