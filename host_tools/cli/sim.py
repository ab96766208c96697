"""``wakecall sim NAME``: a simulated board with the genuine firmware, until Ctrl-C."""

from __future__ import annotations

import argparse
import secrets
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
    """Run the board until Ctrl-C."""
    settings = profile.load()
    with running.claim(arguments.name) as home:
        board = SimulatedBoard(
            arguments.board,
            folder=home / "flash",
            configuration=_configuration(arguments, settings.mqtt),
            # The network of the simulator exists nowhere else, so its key is made up each time.
            secrets={"wifi_key": secrets.token_hex(8)},
            runtime=arguments.runtime,
            app=arguments.app,
            heap=arguments.heap,
            serial=arguments.serial,
            on_log=_teller(arguments.name),
        )
        for number in arguments.allow_pin:
            board.pin(number)  # refuses what does not exist
        # Everything on the command line was right: only now is anything made on the server.
        board.secrets["token"] = _device_token(settings, arguments.name)
        with board:
            running.publish(home, *board.admit_visitors())
            threading.Event().wait()
    raise AssertionError("only Ctrl-C ends the wait")


def _device_token(settings: profile.Profile, name: str) -> str:
    with Client(settings) as client:
        try:
            device = client.device_by_name(name)
        except WakecallError as error:
            if error.code is not ExitCode.NOT_FOUND:
                raise
            device = client.create_device(name)
            print(f"device {name} created on {settings.url}", flush=True)
        return client.device_token(device.id)


def _configuration(arguments: argparse.Namespace, mqtt_url: str) -> dict[str, Any]:
    server = urlsplit(mqtt_url)
    tls = server.scheme == "mqtts"
    return {
        "device": arguments.name,
        "link": "mqtt",
        "server": {
            "host": server.hostname,
            "port": server.port or (8883 if tls else 1883),
            "tls": tls,
        },
        "wifi": {"ssid": _SSID},
        "pins": {"allow": arguments.allow_pin},
    }


def _teller(name: str) -> Callable[[str], None]:
    def tell(line: str) -> None:
        print(line, flush=True)
        if line.startswith(_CONNECTED):
            print(f"ready {name}", flush=True)

    return tell
