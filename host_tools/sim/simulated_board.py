"""A simulated board in real time: the model, and the firmware in a child process.

What a test or a command sees of it; ``host_tools.sim.supervisor`` keeps the firmware running.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from host_tools import board_facts, byte_code
from host_tools.board_facts import BoardFacts
from host_tools.errors import ExitCode, WakecallError
from host_tools.sim import flash_folder, interpreters, visitors
from host_tools.sim.board import State
from host_tools.sim.flash_folder import FIRMWARE_FOLDER
from host_tools.sim.interpreters import Runtime
from host_tools.sim.pins import Pin, Pins
from host_tools.sim.supervisor import Setup, Supervisor

LOG_LINES = 5_000
"""Lines of output that a board remembers."""


class SimulatedBoard:
    """A board that runs the genuine firmware; a context manager.

    Args:
        board: The kind of board, by name or as facts.
        folder: The board's flash; kept, so a board made again with it remembers.
        configuration: What becomes ``config.json``.
        secrets: What becomes ``secrets.json`` at the start, see the attribute; ``wifi_key`` is
            also that of the network in reach.
        runtime: ``cpython`` or ``micropython``.
        app: A folder with the user's methods.
        heap: The heap of MicroPython.
        firmware: Another firmware than the project's, for tests.
        compiled: Whether firmware and libraries go onto the flash as byte code, for MicroPython.
        serial: A symlink to be made for a serial port, with MicroPython's prompt behind it.
        warped: Whether waiting is left out, on MicroPython: sleeping and asyncio's timers put the
            clock of the board on instead. Not for firmware that waits for real sockets.
        script: With ``warped``, a server in the interpreter's memory takes the place of the network
            and sends these commands: after how many seconds, method, params.
        on_log: Called with each line that the board writes, in another thread.

    Raises:
        WakecallError: The board, the runtime, the heap or the folder is not to be had.
    """

    def __init__(
        self,
        board: str | BoardFacts = "esp32",
        *,
        folder: Path,
        configuration: Mapping[str, Any],
        secrets: Mapping[str, Any],
        runtime: Runtime = "cpython",
        app: Path | None = None,
        heap: str = "256k",
        firmware: Path | None = None,
        compiled: bool = False,
        serial: Path | None = None,
        warped: bool = False,
        script: Sequence[tuple[float, str, object]] | None = None,
        on_log: Callable[[str], None] | None = None,
    ) -> None:
        facts = board if isinstance(board, BoardFacts) else board_facts.load(board)
        self.folder = folder.resolve()
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        # Another firmware than the project's needs what it needs.
        self._heap_hint = "" if firmware else _heap_hint(heap)
        setup = Setup(self.folder, runtime, heap, serial, warped)
        #: What becomes ``secrets.json``; may be filled in until ``start``.
        self.secrets = dict(secrets)
        self._content = flash_folder.Content(
            firmware=firmware or FIRMWARE_FOLDER,
            libraries=None if firmware else _device_libraries(),
            app=app,
            configuration=configuration,
            secrets=self.secrets,
        )
        self._compiled = compiled
        self._script = script
        self._on_log = on_log
        device = str(configuration.get("device", ""))
        self._supervisor = Supervisor(setup, facts, device, self._tell)
        self._is_started = False
        self.board = self._supervisor.board
        ssid = configuration.get("wifi", {}).get("ssid")
        if ssid:
            self.board.radio.networks[ssid] = secrets.get("wifi_key", "")

    # The board as seen from outside

    @property
    def pins(self) -> Pins:
        """The pins, by number or name."""
        return self.board.pins

    def pin(self, wanted: int | str) -> Pin:
        """Return a pin by number or name, such as ``LED``."""
        return self.board.pins[wanted]

    @property
    def boots(self) -> int:
        """How often the firmware was started."""
        return self.board.boots

    @property
    def reset_cause(self) -> int:
        """What ``machine.reset_cause()`` says in this boot."""
        return self.board.reset_cause

    @property
    def child_pid(self) -> int | None:
        """The process that runs the firmware; None while none does."""
        return self._supervisor.child_pid

    @property
    def state(self) -> State:
        """What the board is doing."""
        return self.board.state

    def wait_until(self, predicate: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Wait for a condition on the board; it is looked at after each change.

        Args:
            predicate: What to wait for.
            timeout_s: How long to wait, in seconds.

        Raises:
            WakecallError: It did not come true in time (TIMEOUT); the hint is the log's end.
        """
        with self._supervisor.changed:
            if not self._supervisor.changed.wait_for(predicate, timeout_s):
                raise WakecallError(
                    f"the board did not come to that within {timeout_s:g} s",
                    code=ExitCode.TIMEOUT,
                    hint="its last lines: " + " | ".join(list(self.log)[-5:]),
                )

    def wait_for_line(self, text: str, timeout_s: float = 10.0) -> None:
        """Wait until the board has written a line with a text in it; errors as ``wait_until``."""
        self.wait_until(lambda: any(text in line for line in self.log), timeout_s)

    def reset(self) -> None:
        """Press the reset button."""
        with self._supervisor.changed:
            self.board.press_reset()

    def brown_out(self) -> None:
        """Let the supply dip for a moment."""
        with self._supervisor.changed:
            self.board.brown_out()

    def power_cut(self) -> None:
        """Take the power away; the firmware is gone when this returns."""
        self._supervisor.power_cut()

    def power_restore(self) -> None:
        """Give the power back."""
        with self._supervisor.changed:
            if self.board.state is State.OFF:
                self.board.power_up()

    def admit_visitors(self) -> tuple[int, str]:
        """Return the control port of a started board and a new token, for another process."""
        control = self._supervisor.control
        if control is None:
            raise WakecallError("the simulated board does not run", code=ExitCode.NOT_FOUND)
        return control.port, control.admit(visitors.operations(self))

    # Life

    def start(self) -> None:
        """Lay out the flash and switch the board on.

        Raises:
            WakecallError: The board runs already (BUSY).
        """
        if self._is_started:
            raise WakecallError("the simulated board runs already", code=ExitCode.BUSY)
        flash_folder.write(self.folder, self.board.facts, self._content)
        script_file = self.folder / "server_script.json"
        script_file.unlink(missing_ok=True)
        if self._script is not None:
            script_file.write_text(json.dumps(self._script), encoding="utf-8")
        if self._compiled:
            for name in ("wakecall", "lib"):
                byte_code.replace_sources(self.folder / name, self.folder)
        self._supervisor.start()
        self._is_started = True

    def stop(self) -> None:
        """End the firmware and everything else that was started; the flash stays."""
        self._supervisor.stop()
        self._is_started = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _tell(self, line: str) -> None:
        if line.startswith("MemoryError") and self._heap_hint:
            line = f"{line}; {self._heap_hint}"
        self.log.append(line)
        self._supervisor.notify()
        if self._on_log is not None:
            self._on_log(line)


def _heap_hint(heap: str) -> str:
    return f"a heap of {heap} is too small here, the agent needs {interpreters.AGENT_HEAP}"


def _device_libraries() -> Path:
    from host_tools import device_libraries

    return device_libraries.folder()
