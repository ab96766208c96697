"""`wakecall call`: call a method of a device and print its answer as one line of JSON."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TextIO

from host_tools.cli.values import call_params, duration_ms
from host_tools.errors import ExitCode

_EXAMPLES = """\
examples:
  wakecall call pump setGpio pin=23 value=1
  wakecall call pump reboot --timeout 30s
  echo '{"pin": 23}' | wakecall call pump getGpio --params -
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = _EXAMPLES
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
        default="10s",
        help="how long the device may take, such as 10s or 2m (default 10s; a ThingsBoard server "
        "takes less than 5s for 5s)",
    )
    parser.add_argument(
        "--profile", metavar="NAME", default="default", help="the login to use (default `default`)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Call the method and print what came back."""
    params = call_params(arguments.pairs, arguments.params)

    from host_tools.client import Client, DeviceError
    from host_tools.profile import load

    with Client(load(arguments.profile)) as client:
        device = client.device_by_name(arguments.name)
        try:
            answer = client.call(
                device.id,
                arguments.method,
                params,
                one_way=arguments.oneway,
                timeout_ms=arguments.timeout,
            )
        except DeviceError as error:
            _print_json(error.answer, sys.stderr)
            return error.code
    if not arguments.oneway:
        _print_json(answer, sys.stdout)
    return ExitCode.OK


def _print_json(value: object, stream: TextIO) -> None:
    """Print JSON in the letters of the answer, or escaped where the stream cannot take them."""
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        line = json.dumps(value)
    print(line, file=stream, flush=True)
