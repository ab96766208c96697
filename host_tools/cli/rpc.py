"""`wakecall rpc`: the persistent calls that a server keeps, listed, shown and removed."""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from typing import TYPE_CHECKING

from host_tools.cli.output import compact, print_json, print_line, print_table, time_text
from host_tools.cli.server import add_action, run_action
from host_tools.cli.values import call_id, count
from host_tools.json_text import Json
from host_tools.rpc.model import Status

if TYPE_CHECKING:
    from host_tools.client import Client, PersistentCall

_STATES = """\
The states: QUEUED (waits for the device), SENT, DELIVERED (the device has it; the end of a one-way
call), SUCCESSFUL (answered; the answer may be an error), TIMEOUT (not acknowledged, will be sent
again), EXPIRED (its time is over), FAILED (given up by the server).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = add_action(actions, "list", "list the calls of a device, the newest first", _list)
    listing.epilog = _STATES
    listing.add_argument("name", metavar="DEVICE", help="the device's name")
    listing.add_argument(
        "--status",
        choices=[status.value for status in Status if status is not Status.DELETED],
        metavar="STATE",
        help="only the calls in this state",
    )
    listing.add_argument(
        "--limit", metavar="N", type=count, default=50, help="at most N calls (default: 50)"
    )
    show = add_action(actions, "show", "show a call", _show)
    show.epilog = _STATES
    help_line = "remove a call; one that the device has not got is not delivered any more"
    remove = add_action(actions, "rm", help_line, _remove)
    for action in (show, remove):
        action.add_argument("rpc_id", metavar="RPCID", type=call_id, help="the call's id")


def run(arguments: argparse.Namespace) -> int:
    """Carry out one action."""
    return run_action(arguments)


def described(call: PersistentCall) -> dict[str, Json]:
    """Return a call as the JSON that the commands print."""
    return {
        "rpcId": call.rpc_id,
        "method": call.method,
        "params": call.params,
        "oneway": call.one_way,
        "status": call.status.value,
        "createdTime": call.created_ms,
        "expirationTime": call.expires_ms,
        "retries": call.retries,
        "response": call.response,
    }


def summary(call: PersistentCall) -> str:
    """Return what was asked, and what came back, in one line."""
    answer = "" if call.response is None else f" -> {compact(call.response)}"
    return f"{call.method} {compact(call.params)}{answer}"


def _list(client: Client, arguments: argparse.Namespace) -> None:
    device = client.device_by_name(arguments.name)
    status = Status(arguments.status) if arguments.status else None
    calls = client.persistent.of_device(device.id, status)
    shown = list(islice(calls, arguments.limit))
    if arguments.json:
        for call in shown:
            print_json(described(call))
    elif shown:
        rows = [
            (call.rpc_id, time_text(call.created_ms), call.status.value, summary(call))
            for call in shown
        ]
        print_table(("RPCID", "MADE", "STATE", "CALL"), rows)
    if next(calls, None) is not None:
        print_line(f"there are more than {arguments.limit}: see --limit", sys.stderr)


def _show(client: Client, arguments: argparse.Namespace) -> None:
    call = client.persistent.get(arguments.rpc_id)
    if arguments.json:
        print_json(described(call))
        return
    print_line(f"{call.rpc_id}  {call.status.value}")
    print_line(f"  method    {call.method}")
    print_line(f"  params    {compact(call.params)}")
    print_line(f"  kind      {'one-way' if call.one_way else 'two-way'}")
    print_line(f"  made      {time_text(call.created_ms)}")
    print_line(f"  expires   {time_text(call.expires_ms)}")
    if call.retries is not None:
        print_line(f"  retries   {call.retries}")
    if call.response is not None:
        print_line(f"  response  {compact(call.response)}")


def _remove(client: Client, arguments: argparse.Namespace) -> None:
    client.persistent.delete(arguments.rpc_id)
    if arguments.json:
        print_json({"rpcId": arguments.rpc_id, "removed": True})
    else:
        print_line(f"removed {arguments.rpc_id}")
