"""`wakecall call`: call a method of a device and print its answer as one line of JSON."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from host_tools.cli.output import print_json
from host_tools.cli.server import add_json_option, add_server_options, open_client
from host_tools.cli.values import call_params, command_id, count, duration_ms, lifetime_ms
from host_tools.errors import ExitCode, WakecallError
from host_tools.json_text import Json

if TYPE_CHECKING:
    from host_tools.client import Client, Device

_NOTES = """\
examples:
  wakecall call pump setGpio pin=23 value=1
  wakecall call pump reboot --timeout 30s
  echo '{"pin": 23}' | wakecall call pump getGpio --params -
  wakecall call pump water seconds=5 --persistent --expires 8h --wait

A board that sleeps is called with --persistent: the server keeps the call until the board wakes,
and the command prints the call's id at once, for `wakecall rpc`. With --wait it follows the call on
standard error and prints the answer. It ends with 6 if the call expires first, with 1 if the server
gives it up (its state is FAILED), with 7 if the board answers with an error.

The same command can reach a board twice, after a cut or because you try again. So that the board
knows it, a persistent call carries an id (`_id` in its params) when the board has said in its
attribute `agent` that it understands ids. What must not happen twice (a toggle, a pulse, a reboot)
then happens once, and the repetition gets the first answer: to try again without fear, give the
same --id. With --expires it also carries the time (`_exp`) after which the board refuses to run it,
should it come late.
"""
_ONLY_PERSISTENT = ("expires", "retries", "wait")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = _NOTES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("name", metavar="NAME", help="the device's name")
    parser.add_argument("method", metavar="METHOD", help="the method's name, such as setGpio")
    parser.add_argument(
        "pairs",
        metavar="key=value",
        nargs="*",
        default=[],
        help="a parameter; the value is JSON where it parses as JSON, else text",
    )
    parser.add_argument(
        "--params", metavar="JSON", help="any JSON instead; `-` reads it from stdin"
    )
    parser.add_argument("--oneway", action="store_true", help="do not wait for the answer")
    parser.add_argument(
        "--timeout",
        metavar="TIME",
        type=duration_ms,
        help="how long the device may take, such as 10s or 2m (default 10s; a ThingsBoard server "
        "takes less than 5s for 5s); with --wait: how long to follow (default: until it expires)",
    )
    _add_persistent_arguments(parser)
    add_json_option(parser, "print also ids and states as JSON, as the answer always is")
    add_server_options(parser)


def _add_persistent_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--persistent", action="store_true", help="the server keeps the call for the device"
    )
    parser.add_argument(
        "--expires",
        metavar="TIME",
        type=lifetime_ms,
        help="how long the server keeps it, such as 30m, 8h or 2d (default 1d)",
    )
    parser.add_argument(
        "--retries",
        metavar="N",
        type=count,
        help="how often it is sent again when the device does not acknowledge it (default, and "
        "most that ThingsBoard takes: 5)",
    )
    parser.add_argument(
        "--wait", action="store_true", help="follow its states, and print the answer"
    )
    parser.add_argument(
        "--id",
        metavar="TEXT",
        type=command_id,
        help="the command's id; the same at a second try keeps its effect from happening twice",
    )
    parser.add_argument(
        "--named",
        action="store_true",
        help="send the id also to a device that has not said that it understands ids",
    )


def run(arguments: argparse.Namespace) -> int:
    """Call the method and print what came back."""
    params = call_params(arguments.pairs, arguments.params)
    _refuse_options_without_persistent(arguments)

    from host_tools.client import DeviceError

    with open_client(arguments) as client:
        device = client.device_by_name(arguments.name)
        try:
            if arguments.persistent:
                from host_tools.cli.keeping import call_persistently

                call_persistently(client, device, arguments, params)
            else:
                _call(client, device, arguments, params)
        except DeviceError as error:
            print_json(error.answer, sys.stderr)
            return error.code
    return ExitCode.OK


def _call(client: Client, device: Device, arguments: argparse.Namespace, params: Json) -> None:
    from host_tools.client import DEFAULT_TIMEOUT_MS
    from host_tools.client.identity import new_id, with_identity

    if arguments.named or arguments.id:
        params = with_identity(params, arguments.id or new_id())
    answer = client.call(
        device.id,
        arguments.method,
        params,
        one_way=arguments.oneway,
        timeout_ms=arguments.timeout or DEFAULT_TIMEOUT_MS,
    )
    if not arguments.oneway:
        print_json(answer)


def _refuse_options_without_persistent(arguments: argparse.Namespace) -> None:
    for option in _ONLY_PERSISTENT:
        given = getattr(arguments, option)
        if given is not None and given is not False and not arguments.persistent:
            raise WakecallError(
                f"--{option} is for calls that the server keeps",
                code=ExitCode.USAGE,
                hint="add --persistent",
            )
    if arguments.persistent and arguments.timeout is not None and not arguments.wait:
        raise WakecallError(
            "--timeout says how long to wait, and a call that is kept is not waited for",
            code=ExitCode.USAGE,
            hint="add --wait, or say with --expires how long the server keeps it",
        )
