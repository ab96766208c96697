"""``wakecall up``: serve a local platform in the foreground."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from host_tools.cli.values import count
from host_tools.errors import ExitCode, WakecallError

if TYPE_CHECKING:
    from host_tools.platform import Address, Platform, Settings, Tls

DEFAULT_HTTP = "127.0.0.1:8080"
DEFAULT_MQTT = "127.0.0.1:1883"
STRATEGIES = {"burst": "BURST", "on-ack": "ON_ACK", "on-response": "ON_RESPONSE"}
PASSWORD_VARIABLE = "WAKECALL_ADMIN_PASSWORD"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``wakecall up``."""
    _add_places(parser)
    _add_behaviour(parser)


def _add_places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder that keeps devices and users (default: in your data folder)",
    )
    parser.add_argument(
        "--http",
        default=DEFAULT_HTTP,
        metavar="HOST:PORT",
        help="where REST is served; port 0 takes a free one (default: %(default)s)",
    )
    parser.add_argument(
        "--mqtt",
        default=DEFAULT_MQTT,
        metavar="HOST:PORT",
        help="where devices connect; port 0 takes a free one (default: %(default)s)",
    )
    parser.add_argument(
        "--mqtts",
        metavar="HOST:PORT",
        help="where devices connect over TLS as well; needs --tls",
    )
    parser.add_argument(
        "--tls",
        nargs=2,
        type=Path,
        metavar=("CERTIFICATE", "PRIVATE"),
        help="files of the certificate and of its private part (PEM)",
    )
    parser.add_argument(
        "--no-profile",
        action="store_true",
        help="do not write the profile that the other commands use",
    )


def _add_behaviour(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rules", type=Path, metavar="FILE", help="Python file of rules, beside the shipped ones"
    )
    parser.add_argument(
        "--strategy",
        choices=STRATEGIES,
        default="burst",
        help="when a command may be sent while others are pending (default: %(default)s)",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="behave as ThingsBoard also where it loses commands",
    )
    parser.add_argument(
        "--close-on-timeout",
        action="store_true",
        help="close the connection of a device that acknowledges nothing, and queue its call anew",
    )
    parser.add_argument(
        "--keep-calls",
        type=count,
        default=0,
        metavar="DAYS",
        help="how long finished persistent calls are kept (default: for ever)",
    )
    parser.add_argument(
        "--faults",
        action="store_true",
        help="serve /api/faults, which makes the platform misbehave for tests",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM; raises WakecallError when that is not possible."""
    from host_tools.platform import Settings
    from host_tools.rpc import Limits, Strategy

    limits = Limits(
        strategy=Strategy[STRATEGIES[arguments.strategy]],
        close_sessions_on_timeout=arguments.close_on_timeout,
        keep_deleted_in_timeout=arguments.strict,
    )
    settings = Settings(
        data=arguments.data or default_data_folder(),
        http=_parse_address(arguments.http, "--http"),
        mqtt=_parse_address(arguments.mqtt, "--mqtt"),
        tls=_tls(arguments),
        rules=arguments.rules,
        strict=arguments.strict,
        faults=arguments.faults,
        rpc_days=arguments.keep_calls,
        limits=limits,
        administrator_password=os.environ.get(PASSWORD_VARIABLE) or None,
    )
    _run_loop(settings, write_profile=not arguments.no_profile)
    return ExitCode.OK


def default_data_folder() -> Path:
    """Return the folder of the user's data (XDG base directories)."""
    base = os.environ.get("XDG_DATA_HOME")
    return Path(base or Path.home() / ".local" / "share") / "wakecall" / "platform"


def _tls(arguments: argparse.Namespace) -> Tls | None:
    from host_tools.platform import Tls

    if arguments.mqtts is None and arguments.tls is None:
        return None
    if arguments.mqtts is None or arguments.tls is None:
        raise WakecallError(
            "--mqtts and --tls go together",
            code=ExitCode.USAGE,
            hint="For example --mqtts 127.0.0.1:8883 --tls server.pem server.key.",
        )
    certificate, key = arguments.tls
    return Tls(_parse_address(arguments.mqtts, "--mqtts"), certificate, key)


def _parse_address(text: str, option: str) -> Address:
    from host_tools.platform import Address

    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) <= 65_535):
        raise WakecallError(
            f"{option} {text}: not of the form HOST:PORT",
            code=ExitCode.USAGE,
            hint=f"For example {option} {DEFAULT_HTTP}; port 0 takes a free one.",
        )
    return Address(host, int(port))


def _raise_file_limit() -> None:
    """Allow as many connections as the system does: each device takes a file descriptor."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _run_loop(settings: Settings, *, write_profile: bool) -> None:
    import asyncio

    _raise_file_limit()
    try:
        import uvloop
    except ImportError:  # not made for this system; the standard loop does the same, slower
        asyncio.run(_serve(settings, write_profile=write_profile))
    else:
        uvloop.run(_serve(settings, write_profile=write_profile))


async def _serve(settings: Settings, *, write_profile: bool) -> None:
    import asyncio
    import signal

    from host_tools.platform import Platform

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Platform(settings) as platform:
        _tell_password(platform, settings.data)
        if write_profile:
            _write_profile(platform)
        secure = f" mqtts://{platform.mqtts}" if platform.mqtts else ""
        print(f"ready {platform.url} mqtt://{platform.mqtt}{secure}", flush=True)
        await stop.wait()


def _tell_password(platform: Platform, data: Path) -> None:
    if platform.password_is_new:
        from host_tools.platform.accounts.administrators import TENANT_ADMINISTRATOR
        from host_tools.platform.folder import PASSWORD

        password = platform.administrator_password
        print(f"made {TENANT_ADMINISTRATOR} with password {password}", file=sys.stderr)
        print(f"  It is kept in {data / PASSWORD}.", file=sys.stderr)


def _write_profile(platform: Platform) -> None:
    from host_tools.platform.accounts.administrators import TENANT_ADMINISTRATOR
    from host_tools.profile import Profile, save

    if platform.administrator_password is None:
        print(f"no profile written: set {PASSWORD_VARIABLE} to its password", file=sys.stderr)
        return
    profile = Profile(
        url=f"http://{_reachable(platform.http)}",
        user=TENANT_ADMINISTRATOR,
        password=platform.administrator_password,
        mqtt=f"mqtt://{_reachable(platform.mqtt)}",
    )
    save(profile, name="default")


def _reachable(address: Address) -> Address:
    """Return where this machine reaches what listens on all its addresses."""
    from host_tools.platform import Address

    loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    return Address(loopback.get(address.host, address.host), address.port)
