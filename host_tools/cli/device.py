"""`wakecall device`: the devices of a server: added, listed, shown, removed; their tokens."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from host_tools.cli.output import compact, print_json, print_line, print_table, time_text
from host_tools.cli.server import add_action, run_action
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
    add = add_action(actions, "add", "make a device", _add)
    add.add_argument("--type", default="default", help="its device profile (default: %(default)s)")
    add.add_argument("--label", default="", help="a text of yours")
    add_action(actions, "list", "list the devices", _list)
    help_line = "show a device with its attributes and newest telemetry"
    show = add_action(actions, "show", help_line, _show)
    help_line = "print the access token with which a device connects (a secret)"
    token = add_action(actions, "token", help_line, _token)
    token.epilog = _TOKEN_NOTES
    help_line = "remove a device with all that the server keeps of it"
    remove = add_action(actions, "rm", help_line, _remove)
    for action in (add, show, token, remove):
        action.add_argument("name", metavar="NAME", help="the device's name")


def run(arguments: argparse.Namespace) -> int:
    """Carry out one action."""
    return run_action(arguments)


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
