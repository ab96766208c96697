"""What all commands that speak to a server have in common: its options, and a client for it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from host_tools.cli.values import server_address
from host_tools.errors import ExitCode

if TYPE_CHECKING:
    from host_tools.client import Client

Handler = Callable[["Client", argparse.Namespace], None]
"""Carries out one action of a command, such as `device add`."""


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Declare ``--profile`` and ``--url``; a password is never among the options."""
    parser.add_argument(
        "--profile",
        metavar="NAME",
        default="default",
        help="the login that `wakecall login` kept (default: %(default)s)",
    )
    parser.add_argument(
        "--url",
        type=server_address,
        help="another address of the server; user and password come from WAKECALL_USER and "
        "WAKECALL_PASSWORD, else from the profile",
    )


def add_json_option(parser: argparse.ArgumentParser, help: str = "one JSON object a line") -> None:
    """Declare ``--json``.

    Args:
        parser: The command's.
        help: What is JSON then.
    """
    parser.add_argument("--json", action="store_true", help=help)


def add_action(
    actions: Any,  # noqa: ANN401 - argparse's own, without a public name
    name: str,
    help_line: str,
    handler: Handler,
) -> argparse.ArgumentParser:
    """Add an action to a command, with the options above, and return its parser.

    Args:
        actions: What ``add_subparsers`` returned.
        name: The word of the command line.
        help_line: What it does.
        handler: Carries it out; see `run_action`.
    """
    action: argparse.ArgumentParser = actions.add_parser(
        name, help=help_line, description=help_line
    )
    action.set_defaults(handler=handler)
    add_json_option(action)
    add_server_options(action)
    return action


def run_action(arguments: argparse.Namespace) -> int:
    """Carry out the action that the command line names."""
    with open_client(arguments) as client:
        arguments.handler(client, arguments)
    return ExitCode.OK


def open_client(arguments: argparse.Namespace) -> Client:
    """Return a client for the server that the options name."""
    from host_tools.client import Client
    from host_tools.profile import load

    return Client(load(arguments.profile, url=arguments.url or ""))
