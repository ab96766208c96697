"""A world in virtual time: boards, a network, servers, one clock and one seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from host_tools import board_facts
from host_tools.errors import ExitCode, WakecallError
from host_tools.rpc import Limits
from host_tools.sim.flash_folder import FIRMWARE_FOLDER
from host_tools.sim.virtual.board import VirtualBoard, frozen_firmware
from host_tools.sim.virtual.clock import NS_PER_S, Clock
from host_tools.sim.virtual.network import Network
from host_tools.sim.virtual.server import Server

SERVER = ("server", 1883)
_SSID, _KEY = "wakecall-sim", "a key of the simulator"
_STEP_S = 0.05
_LIMITS = Limits()


class World:
    """Everything that belongs to one simulation; a context manager.

    Args:
        seed: All chance comes from it: the same seed gives the same trace, byte for byte.
        limits: What the server's administrator set: strategy, retries, time-outs.

    Raises:
        WakecallError: The seed is out of range (USAGE).
    """

    def __init__(self, seed: int = 0, limits: Limits = _LIMITS) -> None:
        if not 0 <= seed < 1 << 64:
            raise WakecallError(f"the seed {seed} is not in 0 to 2^64 - 1", code=ExitCode.USAGE)
        self.seed = seed
        self.clock = Clock()
        self.network = Network(self.clock, seed)
        self.server = Server(self.clock, self.network, SERVER, limits)
        self.boards: list[VirtualBoard] = []
        #: What happened: time in seconds, who, what.
        self.events: list[str] = []
        self.is_tracing = True

    def board(
        self,
        board: str = "esp32",
        *,
        name: str = "board",
        app: Path | None = None,
        firmware: Path | None = None,
        configuration: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Any] | None = None,
    ) -> VirtualBoard:
        """Add a board, known to the server, and switch it on; its firmware runs when time does.

        Args:
            board: The kind of board.
            name: The device's name.
            app: A folder with the user's methods.
            firmware: Another firmware than the project's, without libraries.
            configuration: Keys of ``config.json`` that differ from a board's for ``SERVER``.
            secrets: Keys of ``secrets.json`` that differ.
        """
        from host_tools import device_libraries

        libraries = None if firmware else device_libraries.folder()
        host, port = SERVER
        standard = {
            "device": name,
            "link": "mqtt",
            "server": {"host": host, "port": port, "tls": False},
            "wifi": {"ssid": _SSID},
            "pins": {"allow": []},
        }
        all_secrets = {"token": f"token of {name}", "wifi_key": _KEY, **(secrets or {})}
        self.server.add_device(name, all_secrets["token"])
        made = VirtualBoard(
            self,
            name,
            board_facts.load(board),
            frozen_firmware(firmware or FIRMWARE_FOLDER, libraries, app),
            {**standard, **(configuration or {})},
            all_secrets,
        )
        self.boards.append(made)
        return made

    def run(self, duration_s: float) -> None:
        """Let time pass.

        Args:
            duration_s: Virtual seconds.
        """
        self.clock.run_until(self.clock.now_ns + round(duration_s * NS_PER_S))

    def run_until(self, predicate: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Let time pass until something holds; it is looked at every 50 ms.

        Args:
            predicate: What to wait for.
            timeout_s: Virtual seconds.

        Raises:
            WakecallError: It did not come true in time (TIMEOUT); the hint is the trace's end.
        """
        end_ns = self.clock.now_ns + round(timeout_s * NS_PER_S)
        while not predicate():
            if self.clock.now_ns >= end_ns:
                raise WakecallError(
                    f"the world did not come to that within {timeout_s:g} virtual seconds",
                    code=ExitCode.TIMEOUT,
                    hint="its last events: " + " | ".join(self.events[-5:]),
                )
            self.run(_STEP_S)

    def trace(self, who: str, what: str) -> None:
        """Note that something happened."""
        if self.is_tracing:
            self.events.append(f"{self.clock.now_ns / NS_PER_S:.6f} {who}: {what}")

    def close(self) -> None:
        """Cut the power of all boards and let their firmware end."""
        for board in self.boards:
            board.close()
        self.run(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
