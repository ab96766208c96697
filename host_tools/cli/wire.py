"""``wakecall wire NAME PIN PIN``: connect two pins of a simulated board, or part them."""

from __future__ import annotations

import argparse

from host_tools.errors import ExitCode
from host_tools.sim import running


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="a board that `wakecall sim` runs")
    parser.add_argument("first", metavar="PIN", help="a number, or a name such as LED")
    parser.add_argument("second", metavar="PIN", help="the other pin")
    parser.add_argument("--remove", action="store_true", help="take the wire away")


def run(arguments: argparse.Namespace) -> int:
    """Lay or remove the wire."""
    with running.visit(arguments.name) as board:
        board.ask("wire", arguments.first, arguments.second, not arguments.remove)
    return ExitCode.OK
