"""``wakecall power NAME cut|restore|reset``: a simulated board's plug and reset button."""

from __future__ import annotations

import argparse

from host_tools.errors import ExitCode
from host_tools.sim import running


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="a board that `wakecall sim` runs")
    parser.add_argument("action", choices=("cut", "restore", "reset"), help="what to do")


def run(arguments: argparse.Namespace) -> int:
    """Cut or restore the power, or press the reset button."""
    with running.visit(arguments.name) as board:
        if arguments.action == "reset":
            board.ask("reset")
        else:
            board.ask("power", arguments.action == "restore")
    return ExitCode.OK
