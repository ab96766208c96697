"""`wakecall audit`: who called what on which device, and how it ended."""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from typing import TYPE_CHECKING

from host_tools.cli.output import compact, print_json, print_line, print_table, time_text
from host_tools.cli.server import add_json_option, add_server_options, open_client
from host_tools.cli.values import count
from host_tools.errors import ExitCode
from host_tools.json_text import Json

if TYPE_CHECKING:
    from host_tools.client.audit import AuditEntry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "name", metavar="DEVICE", nargs="?", help="only the calls of this device (default: all)"
    )
    parser.add_argument(
        "--limit", metavar="N", type=count, default=50, help="at most N calls (default: 50)"
    )
    add_json_option(parser)
    add_server_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the newest calls, the newest first."""
    with open_client(arguments) as client:
        device_id = None if arguments.name is None else client.device_by_name(arguments.name).id
        entries = client.audit.calls(device_id)
        shown = list(islice(entries, arguments.limit))
        more = next(entries, None) is not None
    if arguments.json:
        for entry in shown:
            print_json(_described(entry))
    elif shown:
        print_table(("MADE", "USER", "DEVICE", "OUTCOME", "CALL"), [_row(e) for e in shown])
    if more:
        print_line(f"there are more than {arguments.limit}: see --limit", sys.stderr)
    return ExitCode.OK


def _row(entry: AuditEntry) -> tuple[str, ...]:
    outcome = entry.outcome or ("success" if entry.succeeded else "failure")
    call = f"{entry.method} {compact(entry.params)}"
    return time_text(entry.created_ms), entry.user, entry.device, outcome, call


def _described(entry: AuditEntry) -> dict[str, Json]:
    return {
        "createdTime": entry.created_ms,
        "user": entry.user,
        "device": entry.device,
        "method": entry.method,
        "params": entry.params,
        "oneway": entry.one_way,
        "success": entry.succeeded,
        "outcome": entry.outcome,
    }
