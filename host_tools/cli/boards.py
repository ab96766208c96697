"""``wakecall boards``: the boards that are supported, and what is plugged in."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from host_tools.errors import ExitCode

if TYPE_CHECKING:
    from host_tools.board_facts import BoardFacts
    from host_tools.flash.drives import Drive
    from host_tools.flash.ports import Port

_NOTES = """\
A port's id stays when its name changes: give it to other commands as --port. A Pico in its boot
loader is a drive. Drives are looked for below /media, /run/media and /Volumes, or in the folders
that WAKECALL_DRIVES names, between colons.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = _NOTES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the boards, the ports and the drives."""
    from host_tools import board_facts
    from host_tools.flash import drives, ports

    boards = [board_facts.load(name) for name in board_facts.names()]
    plugged_in, mounted = ports.plugged_in(), drives.mounted()
    if arguments.json:
        print(json.dumps(_values(boards, plugged_in, mounted)))
        return ExitCode.OK
    print("supported:")
    for board in boards:
        print(f"  {board.name:<10} {board.title:<24} {board.micropython}")
    print("plugged in:" if plugged_in or mounted else "plugged in: nothing that is seen")
    for port in plugged_in:
        print(f"  {port.id:<28} {port.device:<16} {port.title}")
    for drive in mounted:
        print(f"  {drive.board_id:<28} {drive.path!s:<16} boot loader, takes UF2 files")
    return ExitCode.OK


def _values(boards: list[BoardFacts], plugged_in: list[Port], mounted: list[Drive]) -> object:
    return {
        "boards": [
            {
                "name": board.name,
                "title": board.title,
                "micropython": board.micropython,
                "chip": board.chip,
                "wifi": board.wifi,
                "flash": board.flash.tool,
            }
            for board in boards
        ],
        "ports": [
            {
                "id": port.id,
                "device": port.device,
                "title": port.title,
                "boards": [board.name for board in boards if board.port in port.fits],
            }
            for port in plugged_in
        ],
        "drives": [{"path": str(drive.path), "board_id": drive.board_id} for drive in mounted],
    }
