"""`wakecall device`: the devices of a server: added, listed, shown, removed; their tokens."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from host_tools.cli.output import compact, print_json, print_line, print_table, time_text
from host_tools.cli.server import add_json_option, add_server_options, open_client
from host_tools.errors import ExitCode
from host_tools.json_text import Json

if TYPE_CHECKING:
    from host_tools.client import Client, Device, Value

_TOKEN_NOTES = """\
The token is a secret: who has it can speak in the name of the device. It is printed because you ask
for it here; no other command shows it. `wakecall device token NAME > FILE` keeps it off the screen.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="make a device", description="make a device")
    add.add_argument("--type", default="default", help="its device profile (default: %(default)s)")
    add.add_argument("--label", default="", help="a text of yours")
    show = actions.add_parser(
        "show",
        help="show a device with its attributes and newest telemetry",
        description="show a device with its attributes and newest telemetry",
    )
    token = actions.add_parser(
        "token",
        help="print the access token with which a device connects (a secret)",
        description="print the access token with which a device connects",
        epilog=_TOKEN_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    remove = actions.add_parser(
        "rm",
        help="remove a device with all that the server keeps of it",
        description="remove a device with all that the server keeps of it",
    )
    for action, handler in ((add, _add), (show, _show), (token, _token), (remove, _remove)):
        action.add_argument("name", metavar="NAME", help="the device's name")
        action.set_defaults(handler=handler)
    listing = actions.add_parser("list", help="list the devices", description="list the devices")
    listing.set_defaults(handler=_list)
    for action in (add, listing, show, token, remove):
        add_json_option(action)
        add_server_options(action)


def run(arguments: argparse.Namespace) -> int:
    """Carry out one action."""
    with open_client(arguments) as client:
        arguments.handler(client, arguments)
    return ExitCode.OK


def _add(client: Client, arguments: argparse.Namespace) -> None:
    device = client.create_device(arguments.name, type=arguments.type, label=arguments.label)
    if arguments.json:
        print_json(_described(device))
    else:
        print_line(f"made {device.name}")


def _list(client: Client, arguments: argparse.Namespace) -> None:
    if arguments.json:
        for device in client.devices():
            print_json(_described(device))
        return
    rows = [
        (device.name, device.type, time_text(device.created_ms), device.label)
        for device in client.devices()
    ]
    if rows:
        print_table(("NAME", "TYPE", "MADE", "LABEL"), rows)


def _show(client: Client, arguments: argparse.Namespace) -> None:
    from host_tools.client import Scope

    device = client.device_by_name(arguments.name)
    attributes = {scope.name.lower(): client.data.attributes(device.id, scope) for scope in Scope}
    telemetry = client.data.telemetry(device.id)
    if arguments.json:
        values = {scope: _values(found) for scope, found in attributes.items()}
        print_json(_described(device) | {"attributes": values, "telemetry": _values(telemetry)})
        return
    print_line(f"{device.name}  {device.label}".rstrip())
    print_line(f"  id    {device.id}")
    print_line(f"  type  {device.type}")
    print_line(f"  made  {time_text(device.created_ms)}")
    for scope, found in attributes.items():
        _print_values(f"{scope} attributes", found)
    _print_values("telemetry", telemetry)


def _token(client: Client, arguments: argparse.Namespace) -> None:
    device = client.device_by_name(arguments.name)
    token = client.device_token(device.id)
    if arguments.json:
        print_json({"name": device.name, "token": token})
    else:
        print_line(token)


def _remove(client: Client, arguments: argparse.Namespace) -> None:
    device = client.device_by_name(arguments.name)
    client.delete_device(device.id)
    if arguments.json:
        print_json({"name": device.name, "id": device.id, "removed": True})
    else:
        print_line(f"removed {device.name}")


def _described(device: Device) -> dict[str, Json]:
    return {
        "name": device.name,
        "id": device.id,
        "type": device.type,
        "label": device.label,
        "createdTime": device.created_ms,
    }


def _values(found: dict[str, Value]) -> dict[str, Json]:
    return {key: {"value": value.value, "ts": value.ts_ms} for key, value in found.items()}


def _print_values(head: str, found: dict[str, Value]) -> None:
    if found:
        print_line(f"{head}:")
    for key, value in sorted(found.items()):
        print_line(f"  {time_text(value.ts_ms)}  {key} = {compact(value.value)}")
