"""``wakecall sim NAME``: a simulated board with the genuine firmware, until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from host_tools import profile
from host_tools.client import Client
from host_tools.errors import ExitCode, WakecallError
from host_tools.sim import SimulatedBoard, running

_SSID = "wakecall-sim"
_MOST_BOARDS = 1000
_reader_left = threading.Event()
"""Set when whoever read our output went away (`wakecall sim NAME | head`)."""
_CONNECTED = "connected"
"""How the agent's log line begins when its link is up (firmware/wakecall/agent.py)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="the device; made when it does not exist")
    parser.add_argument("--board", default="esp32", help="the kind of board (default: esp32)")
    parser.add_argument(
        "--runtime",
        choices=("cpython", "micropython"),
        default="cpython",
        help="the interpreter that runs the firmware (default: cpython)",
    )
    parser.add_argument(
        "--heap", default="256k", metavar="SIZE", help="heap of MicroPython (default: 256k)"
    )
    parser.add_argument(
        "--serial",
        type=Path,
        metavar="LINK",
        help="make a serial port under this name, for mpremote and other tools",
    )
    parser.add_argument(
        "--count", type=int, metavar="N", help="run N boards, NAME-1 to NAME-N, in one process"
    )
    parser.add_argument("--app", type=Path, metavar="DIR", help="folder with your own methods")
    parser.add_argument(
        "--allow-pin",
        type=int,
        action="append",
        default=[],
        metavar="N",
        help="let the firmware drive pin N though the board's file advises against it",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the board, or the boards, until Ctrl-C."""
    settings = profile.load()
    names = _names(arguments)
    with contextlib.ExitStack() as stack:
        homes = [stack.enter_context(running.claim(name)) for name in names]
        boards = [
            _board(arguments, name, home / "flash", settings.mqtt)
            for name, home in zip(names, homes, strict=True)
        ]
        # Everything on the command line was right: only now is anything made on the server.
        with Client(settings) as client:
            for name, board in zip(names, boards, strict=True):
                board.secrets["token"] = _device_token(client, name, settings.url)
        for board, home in zip(boards, homes, strict=True):
            stack.enter_context(board)
            running.publish(home, *board.admit_visitors())
        _reader_left.wait()
    raise BrokenPipeError


def _names(arguments: argparse.Namespace) -> list[str]:
    count = arguments.count
    if count is None:
        return [arguments.name]
    if not 1 <= count <= _MOST_BOARDS:
        raise WakecallError(f"--count {count} is not in 1 to {_MOST_BOARDS}", code=ExitCode.USAGE)
    if arguments.serial is not None:
        raise WakecallError("--serial is for one board, without --count", code=ExitCode.USAGE)
    return [f"{arguments.name}-{number}" for number in range(1, count + 1)]


def _board(arguments: argparse.Namespace, name: str, folder: Path, mqtt_url: str) -> SimulatedBoard:
    board = SimulatedBoard(
        arguments.board,
        folder=folder,
        configuration=_configuration(arguments, name, mqtt_url),
        # The network of the simulator exists nowhere else, so its key is made up each time.
        secrets={"wifi_key": secrets.token_hex(8)},
        runtime=arguments.runtime,
        app=arguments.app,
        heap=arguments.heap,
        serial=arguments.serial,
        on_log=_teller(name, "" if arguments.count is None else f"{name}: "),
    )
    for number in arguments.allow_pin:
        board.pin(number)  # refuses what does not exist
    return board


def _device_token(client: Client, name: str, url: str) -> str:
    try:
        device = client.device_by_name(name)
    except WakecallError as error:
        if error.code is not ExitCode.NOT_FOUND:
            raise
        device = client.create_device(name)
        print(f"device {name} created on {url}", flush=True)
    return client.device_token(device.id)


def _configuration(arguments: argparse.Namespace, name: str, mqtt_url: str) -> dict[str, Any]:
    server = urlsplit(mqtt_url)
    tls = server.scheme == "mqtts"
    return {
        "device": name,
        "link": "mqtt",
        "server": {
            "host": server.hostname,
            "port": server.port or (8883 if tls else 1883),
            "tls": tls,
        },
        "wifi": {"ssid": _SSID},
        "pins": {"allow": arguments.allow_pin},
    }


def _teller(name: str, prefix: str) -> Callable[[str], None]:
    def tell(line: str) -> None:
        # One write for a line: with several boards, several threads print.
        ready = f"ready {name}\n" if line.startswith(_CONNECTED) else ""
        try:
            sys.stdout.write(f"{prefix}{line}\n{ready}")
            sys.stdout.flush()
        except BrokenPipeError:
            _reader_left.set()

    return tell
