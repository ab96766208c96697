"""Which server a command speaks to: the options that all such commands have."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from host_tools.cli.values import server_address

if TYPE_CHECKING:
    from host_tools.client import Client


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


def open_client(arguments: argparse.Namespace) -> Client:
    """Return a client for the server that the options name."""
    from host_tools.client import Client
    from host_tools.profile import load

    return Client(load(arguments.profile, url=arguments.url or ""))
