"""`wakecall login`: check a user's credentials and keep them for the other commands."""

from __future__ import annotations

import argparse
import os
import sys

from host_tools.cli.output import print_json, print_line
from host_tools.cli.server import add_json_option
from host_tools.cli.values import mqtt_address, server_address
from host_tools.errors import ExitCode, WakecallError

DEFAULT_USER = "tenant@thingsboard.org"

_NOTES = """\
The password is asked for without echo; without a terminal it is read from standard input. It is
taken from WAKECALL_PASSWORD where that is set, and never from the command line, which others can
read.

The login is kept in $XDG_CONFIG_HOME/wakecall/profiles/NAME.json (~/.config without the variable),
readable by its owner only. WAKECALL_URL, WAKECALL_USER, WAKECALL_PASSWORD and WAKECALL_MQTT win
over it, each on its own.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = _NOTES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "url", metavar="URL", type=server_address, help="the server, such as http://127.0.0.1:8080"
    )
    parser.add_argument(
        "--user",
        default=os.environ.get("WAKECALL_USER") or DEFAULT_USER,
        help=f"the login name (default: WAKECALL_USER, else {DEFAULT_USER})",
    )
    parser.add_argument(
        "--mqtt",
        metavar="URL",
        type=mqtt_address,
        help="where boards connect (default: the server's host, port 1883, or 8883 for https)",
    )
    parser.add_argument(
        "--profile",
        metavar="NAME",
        default="default",
        help="the name to keep the login under (default: %(default)s)",
    )
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Log in, and keep the profile when the server accepts it."""
    from host_tools import profile
    from host_tools.client import Client

    profile.path(
        arguments.profile
    )  # a name that cannot be kept is told before the password is asked
    settings = profile.Profile(
        url=arguments.url, user=arguments.user, password=_password(), mqtt=arguments.mqtt or ""
    )
    with Client(settings) as client:
        client.login()
    file = profile.save(settings, arguments.profile)
    if arguments.json:
        print_json({"url": settings.url, "user": settings.user, "file": str(file)})
    else:
        print_line(f"logged in at {settings.url} as {settings.user}; kept in {file}")
    return ExitCode.OK


def _password() -> str:
    password = os.environ.get("WAKECALL_PASSWORD") or _typed_password()
    if not password:
        raise WakecallError(
            "no password given",
            code=ExitCode.USAGE,
            hint="type it, pipe it to standard input, or set WAKECALL_PASSWORD",
        )
    return password


def _typed_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    import getpass

    try:
        return getpass.getpass("Password: ")
    except EOFError:
        return ""
