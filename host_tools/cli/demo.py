"""``wakecall demo``: the whole way of a command on this machine, told as it happens.

Every line shows what was sent and what came back, and each is checked: a wrong answer, level or
error ends the demo with exit code 1. The parts are the real ones: the platform as a process, the
firmware on an interpreter, MQTT and REST over loopback.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from host_tools.errors import ExitCode, WakecallError

DEVICE = "demo-board"
_BOOT_TIMEOUT_S = 20.0

_OWN_METHOD = """\
from wakecall import method

@method(effect="read", help="Ask the server for its time")
async def askTime(agent):
    return await agent.call("getCurrentTime")
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "--runtime",
        choices=("cpython", "micropython"),
        default="cpython",
        help="the interpreter that runs the firmware (default: %(default)s)",
    )
    parser.add_argument("--heap", default="256k", help="MicroPython's heap (default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Tell the story once, in a temporary folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="wakecall-demo-") as folder:
        _tell_story(Path(folder), arguments.runtime, arguments.heap)
    return ExitCode.OK


def _tell_story(folder: Path, runtime: Any, heap: str) -> None:  # noqa: ANN401 - checked by argparse
    from host_tools.client import Client
    from host_tools.local_platform import LocalPlatform
    from host_tools.sim import SimulatedBoard

    with LocalPlatform(folder / "platform") as platform, Client(platform.profile) as client:
        _say("the platform serves", f"{platform.profile.url}  {platform.profile.mqtt}")
        device = client.create_device(DEVICE)
        token = client.device_token(device.id)
        _say("a device, made over REST", DEVICE)

        app = folder / "app"
        app.mkdir()
        (app / "clock.py").write_text(_OWN_METHOD)
        board = SimulatedBoard(
            "esp32",
            folder=folder / "flash",
            configuration={"device": DEVICE, "server": platform.mqtt_server},
            secrets={"token": token},
            runtime=runtime,
            heap=heap,
            app=app,
        )
        with board:
            board.wait_for_line("connected to", _BOOT_TIMEOUT_S)
            _say("a simulated esp32 is online", f"the firmware runs on {runtime}")
            _Story(client, device.id, board).tell()
    _say("done", "everything was checked; nothing is left running")


class _Story:
    """The commands of the demo, one after the other."""

    def __init__(self, client: Any, device_id: str, board: Any) -> None:  # noqa: ANN401 - lazy types
        self._client = client
        self._device_id = device_id
        self._board = board

    def tell(self) -> None:
        pin_23 = {"pin": "23", "value": 1}
        self._call("setGpio", pin_23, {"pin": 23, "value": 1, "changed": True})
        self._show_level(23, 1)
        self._call("setGpio", pin_23, {"pin": 23, "value": 1, "changed": False})

        self._call("setGpio", {"pin": 22, "value": 1}, None, one_way=True)
        self._show_level(22, 1)
        self._call("getGpio", {"pin": 22}, {"pin": 22, "value": 1})

        now_ms = self._ask("askTime", None)
        if not isinstance(now_ms, int) or abs(now_ms - time.time() * 1000) > 60_000:
            raise WakecallError(f"askTime answered {now_ms}, which is not the time in milliseconds")
        _say("  on its way the board called", "getCurrentTime, which the platform answered")

        boots, connections = self._board.boots, self._connections()
        self._call("reboot", None, {"rebooting": True})
        began = time.monotonic()
        self._board.wait_until(lambda: self._board.boots == boots + 1, _BOOT_TIMEOUT_S)
        self._board.wait_until(lambda: self._connections() > connections, _BOOT_TIMEOUT_S)
        _say("  the board restarted", f"and was back after {time.monotonic() - began:.1f} s")
        self._call("getGpio", {"pin": 23}, {"pin": 23, "value": 0})

        self._call_in_vain("flyToMoon", None, "NOT_FOUND")
        self._call_in_vain("setGpio", {"pin": 6, "value": 1}, "INVALID_ARGUMENT")

    def _ask(self, method: str, params: object, one_way: bool = False) -> object:
        kind = "one-way" if one_way else "two-way"
        _say(f"{kind} {method}", "" if params is None else json.dumps(params))
        answer = self._client.call(self._device_id, method, params, one_way=one_way)
        if not one_way:
            _say("  the board answers", json.dumps(answer))
        return answer

    def _call(self, method: str, params: object, wanted: object, one_way: bool = False) -> None:
        answer = self._ask(method, params, one_way)
        if answer != wanted:
            raise WakecallError(f"{method} was answered {answer}, expected was {wanted}")

    def _call_in_vain(self, method: str, params: object, code: str) -> None:
        from host_tools.client import DeviceError

        try:
            self._ask(method, params)
        except DeviceError as error:
            _say("  the board answers", json.dumps(error.answer))
            if error.answer["error"]["code"] != code:
                raise WakecallError(f"{method} failed with another code than {code}") from None
        else:
            raise WakecallError(f"{method} was answered, an error was expected")

    def _connections(self) -> int:
        return sum(line.startswith("connected to") for line in self._board.log)

    def _show_level(self, number: int, wanted: int) -> None:
        pin = self._board.pins[number]
        self._board.wait_until(lambda: pin.level == wanted)
        _say(f"  pin {number}, measured from outside", str(pin.level))


def _say(what: str, told: str = "") -> None:
    print(f"{what:<34} {told}".rstrip(), flush=True)
