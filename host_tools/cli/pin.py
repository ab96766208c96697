"""``wakecall pin NAME PIN [high|low|free]``: look at a simulated board's pin, or drive it."""

from __future__ import annotations

import argparse
import json

from host_tools.errors import ExitCode
from host_tools.sim import running

_LEVELS = {"high": 1, "1": 1, "low": 0, "0": 0, "free": None}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="a board that `wakecall sim` runs")
    parser.add_argument("pin", metavar="PIN", help="a number, or a name such as LED")
    parser.add_argument(
        "level",
        metavar="LEVEL",
        nargs="?",
        choices=_LEVELS,
        help="drive it from outside: high, low, or free to let go",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print what there is to tell about the pin, as JSON."""
    with running.visit(arguments.name) as board:
        if arguments.level is None:
            told = board.ask("pin", arguments.pin)
        else:
            told = board.ask("pin.drive", arguments.pin, _LEVELS[arguments.level])
    print(json.dumps(told))
    return ExitCode.OK
