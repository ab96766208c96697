"""`wakecall watch`: what happens at a device, as the server comes to know it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING

from host_tools.cli.output import compact, print_json, print_line, time_text
from host_tools.cli.rpc import described, summary
from host_tools.cli.server import add_json_option, add_server_options, open_client
from host_tools.cli.values import duration_ms
from host_tools.errors import ExitCode
from host_tools.json_text import Json

if TYPE_CHECKING:
    from host_tools.client import Client
    from host_tools.client.changes import Change, Look

_NOTES = """\
It first shows what there is: the newest telemetry, the attributes, and the kept calls that are not
over. Then it asks the server again and again, and shows what is new; of several values that come
between two looks it shows the last. Calls that the server does not keep (without --persistent)
cannot be seen. A server that goes away is waited for, up to a minute.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = _NOTES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("name", metavar="DEVICE", help="the device's name")
    parser.add_argument(
        "--for",
        dest="duration",
        metavar="TIME",
        type=duration_ms,
        help="end after that time, such as 30s (default: at Ctrl-C)",
    )
    parser.add_argument(
        "--every",
        metavar="TIME",
        type=duration_ms,
        default="1s",
        help="the time between two looks (default: %(default)s)",
    )
    add_json_option(parser)
    add_server_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show changes until the time is over or Ctrl-C."""
    show = _print_as_json if arguments.json else _print
    end = time.monotonic() + arguments.duration / 1000 if arguments.duration else float("inf")
    with open_client(arguments) as client:
        device = client.device_by_name(arguments.name)
        _watch(client, device.id, arguments.every / 1000, end, show)
    return ExitCode.OK


def _watch(
    client: Client, device_id: str, every_s: float, end: float, show: Callable[[Change], None]
) -> None:
    from host_tools.client.changes import changes, first_state
    from host_tools.client.waiting import Patience

    patience = Patience(lambda line: print_line(line, sys.stderr))
    before: Look | None = None
    while True:
        after = patience.ask(lambda: _look(client, device_id))
        if after is not None:
            new: Iterable[Change] = first_state(after) if before is None else changes(before, after)
            for change in new:
                show(change)
            before = after
        left_s = end - time.monotonic()
        if left_s <= 0:
            return
        time.sleep(min(every_s, left_s))


def _look(client: Client, device_id: str) -> Look:
    from host_tools.client import Scope
    from host_tools.client.changes import CALLS_SEEN, Look

    return Look(
        telemetry=client.data.telemetry(device_id),
        attributes={scope: client.data.attributes(device_id, scope) for scope in Scope},
        calls={
            call.rpc_id: call for call in islice(client.persistent.of_device(device_id), CALLS_SEEN)
        },
    )


def _print(change: Change) -> None:
    from host_tools.client.changes import AttributeChange, TelemetryChange

    now = time_text(round(time.time() * 1000))
    if isinstance(change, TelemetryChange):
        text = f"telemetry  {change.key} = {compact(change.value.value)}"
    elif isinstance(change, AttributeChange):
        value = "removed" if change.value is None else f"= {compact(change.value.value)}"
        text = f"attribute  {change.scope.name.lower()}  {change.key} {value}"
    else:
        state = "removed" if change.removed else change.call.status.value
        text = f"call       {change.call.rpc_id}  {state}  {summary(change.call)}"
    print_line(f"{now}  {text}")


def _print_as_json(change: Change) -> None:
    print_json(_json(change))


def _json(change: Change) -> dict[str, Json]:
    from host_tools.client.changes import AttributeChange, TelemetryChange

    if isinstance(change, TelemetryChange):
        value = change.value
        return {"event": "telemetry", "key": change.key, "value": value.value, "ts": value.ts_ms}
    if isinstance(change, AttributeChange):
        event = {"event": "attribute", "scope": change.scope.name.lower(), "key": change.key}
        if change.value is None:
            return event | {"removed": True}
        return event | {"value": change.value.value, "ts": change.value.ts_ms}
    event = {"event": "call"} | described(change.call)
    return event | {"removed": True} if change.removed else event
