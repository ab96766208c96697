"""A simulated board in real time: the model, and the firmware in a child process.

One thread supervises the board: it starts the firmware, ends it when the model says so (reset,
watchdog, sleep, power), and starts it again. Everything is guarded by one condition, which is
notified after each change, so that tests wait for what happens instead of sleeping.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from host_tools import board_facts, byte_code, process
from host_tools.board_facts import BoardFacts
from host_tools.errors import ExitCode, WakecallError
from host_tools.sim import flash_folder, interpreters, requests, visitors
from host_tools.sim.board import Board, State
from host_tools.sim.control import ControlServer
from host_tools.sim.flash_folder import FIRMWARE_FOLDER
from host_tools.sim.interpreters import Runtime
from host_tools.sim.pins import Pin, Pins
from host_tools.sim.serial_port import SerialPort

_END_TIMEOUT_S = 10.0
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
        on_log: Callable[[str], None] | None = None,
    ) -> None:
        facts = board if isinstance(board, BoardFacts) else board_facts.load(board)
        self.folder = folder.resolve()
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        interpreters.check(runtime, heap, has_serial=serial is not None, is_warped=warped)
        self._is_warped = warped
        self._skipped_us = 0
        self._runtime, self._heap = runtime, heap
        self._serial_link = serial
        self._serial: SerialPort | None = None
        self._unfinished = b""
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
        self._on_log = on_log
        self._control: ControlServer | None = None
        self._child: process.Child | None = None
        self._token = ""
        self._supervisor: threading.Thread | None = None
        self._stopping = False
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        self.board = Board(
            facts,
            lambda: (time.monotonic_ns() // 1000 + self._skipped_us) // 1000,
            device=str(configuration.get("device", "")),
            on_change=self._notify,
            lock=lock,
        )
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
        with self._changed:
            if not self._changed.wait_for(predicate, timeout_s):
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
        with self._changed:
            self.board.press_reset()

    def power_cut(self) -> None:
        """Take the power away; the firmware is gone when this returns."""
        with self._changed:
            self.board.power_cut()
            self._changed.wait_for(lambda: self._child is None, _END_TIMEOUT_S)

    def power_restore(self) -> None:
        """Give the power back."""
        with self._changed:
            if self.board.state is State.OFF:
                self.board.power_up()

    def admit_visitors(self) -> tuple[int, str]:
        """Return the control port of a started board and a new token, for another process."""
        if self._control is None:
            raise WakecallError("the simulated board does not run", code=ExitCode.NOT_FOUND)
        return self._control.port, self._control.admit(visitors.operations(self))

    # Life

    def start(self) -> None:
        """Lay out the flash and switch the board on.

        Raises:
            WakecallError: The board runs already (BUSY).
        """
        if self._supervisor is not None:
            raise WakecallError("the simulated board runs already", code=ExitCode.BUSY)
        flash_folder.write(self.folder, self.board.facts, self._content)
        if self._compiled:
            for name in ("wakecall", "lib"):
                byte_code.replace_sources(self.folder / name, self.folder)
        if self._serial_link is not None:
            self._serial = SerialPort(self._serial_link, self._heard)
        self._control = ControlServer(self.board.lock)
        self._stopping = False
        self.board.power_up()
        self._supervisor = threading.Thread(target=self._supervise, name="board", daemon=True)
        self._supervisor.start()

    def stop(self) -> None:
        """End the firmware and everything else that was started; the flash stays."""
        if self._supervisor is None or self._control is None:
            return
        with self._changed:
            self._stopping = True
            self.board.power_cut()
        self._supervisor.join()
        self._control.close()
        if self._serial is not None:
            self._serial.close()
        self._control = self._supervisor = self._serial = None

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

    # The supervisor

    def _supervise(self) -> None:
        while True:
            with self._changed:
                while not self._is_due():
                    # Not wait_for: each change may bring another deadline.
                    self._changed.wait(self._patience_s())
                if self._is_warped and self.board.state is State.ASLEEP:
                    self._skipped_us += 1000 * self._asleep_ms()
                self.board.tick()
                over = self._child if self.board.state is not State.RUNNING else None
            if over is not None:
                # Without the lock, which the child's last lines need to get into the log.
                over.stop(grace_s=0)
            with self._changed:
                if over is not None:
                    self._child = None
                    self._changed.notify_all()
                if self._stopping:
                    return
                if self.board.state is State.STARTING and self._child is None:
                    self._start_child()

    def _is_due(self) -> bool:
        has_child = self._child is not None
        wants_child = self.board.state in (State.RUNNING, State.STARTING)
        restarts = self.board.state is State.STARTING
        skips = self._is_warped and self.board.state is State.ASLEEP and self._asleep_ms() > 0
        is_late = self._patience_s() == 0
        return self._stopping or restarts or has_child != wants_child or skips or is_late

    def _asleep_ms(self) -> int:
        """Return how long the board will sleep yet."""
        return max(0, (self.board.deadline_ms() or 0) - self.board.now_ms())

    def _patience_s(self) -> float | None:
        deadline_ms = self.board.deadline_ms()
        if deadline_ms is None:
            return None
        return max(0, deadline_ms - self.board.now_ms()) / 1000

    def _start_child(self) -> None:
        assert self._control is not None
        operations = requests.operations(self.board)
        operations["time.skip"] = self._skip
        mode: interpreters.Mode = "run"
        terminal = None
        if self._serial is not None:
            mode = "raw" if self._serial.is_raw else "friendly"
            terminal = self._serial.open_terminal()
            operations["ready"] = self._serial.ready
        self._token = self._control.admit(operations)
        self._child = process.start(
            interpreters.command(self._runtime, self._heap, mode, is_warped=self._is_warped),
            folder=self.folder,
            environment=interpreters.environment(self._control.port, self._token),
            on_line=self._tell,
            on_end=self._child_ended,
            terminal=terminal,
        )
        if self._serial is not None and terminal is not None:
            os.close(terminal)
            self._serial.attach(self._child.pid)
        self.board.started()

    def _skip(self, duration_us: int) -> None:
        """Put the board's clock on; a watchdog may bite meanwhile."""
        self._skipped_us += duration_us
        self._notify()

    def _child_ended(self, child: process.Child) -> None:
        with self._changed:
            if child is not self._child:
                return
            crashed = self.board.state is State.RUNNING
            if self._serial is not None:
                # Ctrl-D at the prompt, or the end that a second Ctrl-C brings.
                self._serial.detach(soft_reset=crashed)
                if crashed:
                    self.board.soft_reset()
                return
            self.board.halt()
            halted = self.board.state is State.HALTED
        if crashed:
            self._tell(f"halted: the interpreter ended by itself, status {child.exit_status}")
        elif halted:
            self._tell("halted: the firmware ended; a real board would show its prompt now")

    def _heard(self, output: bytes) -> None:
        *lines, self._unfinished = (self._unfinished + output).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip("\r")
            if text.strip() != ">>>":
                self._tell(text)

    def _tell(self, line: str) -> None:
        self.log.append(line)
        self._notify()
        if self._on_log is not None:
            self._on_log(line)

    def _notify(self) -> None:
        with self._changed:
            if self._control is not None and self.board.state is not State.RUNNING:
                # What a child that is about to be killed still asks has no effect any more.
                self._control.dismiss(self._token)
            self._changed.notify_all()


def _device_libraries() -> Path:
    from host_tools import device_libraries

    return device_libraries.folder()
