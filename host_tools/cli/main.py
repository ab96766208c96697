"""The command ``wakecall``: one table of commands, each in a module of its own, imported when used.

A command module has two functions: ``add_arguments(parser)`` and ``run(arguments)``, which returns
an exit status. Nothing heavy is imported before the command is known, so that ``--help`` is quick.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from host_tools.cli.parser import CommandParser
from host_tools.errors import ExitCode, WakecallError

COMMANDS = {
    "up": "serve a local ThingsBoard-compatible platform until Ctrl-C",
    "sim": "run a simulated board with the genuine firmware",
    "device": "add, list, show and remove devices; print a device's token",
    "pin": "look at a pin of a simulated board, or drive it",
    "wire": "connect two pins of a simulated board",
    "power": "cut or restore the power of a simulated board, or reset it",
    "torture": "cut a simulated board's power at every point and see what comes out",
    "call": "call a method of a device and print its answer",
    "rpc": "list, show and remove the calls that the server keeps for a device",
    "watch": "show telemetry, attributes and kept calls of a device as they change",
    "audit": "show who called what on which device, and how it ended",
    "login": "check the credentials of a server and keep them for the other commands",
    "boards": "list the boards that are supported, and what is plugged in",
    "flash": "write MicroPython to a board, verify it, and let the board prove it",
    "sync": "bring the agent and your methods on a board up to date",
    "firmware": "lock, fetch and list the firmware files that boards get",
    "demo": "tell the whole story, from an empty folder to a rebooted board",
}
"""Command name to one line of help; the module is ``host_tools.cli.<name>``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Args:
        argv: The words after ``wakecall``; those of the process by default.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = _parse(words)
        return int(arguments.run(arguments))
    except WakecallError as error:
        return _tell(error)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`wakecall ... | head`): nothing is left to say to it.
        # What is still buffered goes nowhere, or Python would end with 120 for it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK


def _parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="wakecall",
        description="Remote procedure calls for MicroPython boards that sleep.",
        epilog="`wakecall COMMAND --help` tells the options of a command.",
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=CommandParser)
    wanted = next((word for word in words if word in COMMANDS), None)
    for name, help_line in COMMANDS.items():
        command = commands.add_parser(name, help=help_line, description=help_line)
        if name == wanted:
            module = importlib.import_module(f"host_tools.cli.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    arguments = parser.parse_args(words)
    if arguments.version:
        arguments.run = _print_version
    elif arguments.command is None:
        parser.print_help()
        arguments.run = lambda _: ExitCode.OK
    return arguments


def _print_version(_: argparse.Namespace) -> int:
    from importlib.metadata import version

    print(f"wakecall {version('wakecall')}")
    return ExitCode.OK


def _tell(error: WakecallError) -> int:
    print(f"wakecall: {error.message}", file=sys.stderr)
    if error.hint:
        print(f"  {error.hint}", file=sys.stderr)
    return error.code


if __name__ == "__main__":
    sys.exit(main())
