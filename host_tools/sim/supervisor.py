"""Runs the firmware of a simulated board in child processes, as its hardware says.

One thread supervises: it starts the interpreter, ends it when the model says so (reset, watchdog,
sleep, power), and starts it again. Everything is guarded by one condition, which is notified after
each change, so that whoever waits for something wakes when it happens.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from host_tools import process
from host_tools.board_facts import BoardFacts
from host_tools.sim import interpreters, requests
from host_tools.sim.board import Board, State
from host_tools.sim.control import ControlServer
from host_tools.sim.interpreters import Runtime
from host_tools.sim.serial_port import SerialPort

_END_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Setup:
    """How the firmware is run.

    Args:
        folder: The board's flash.
        runtime: ``cpython`` or ``micropython``.
        heap: The heap of MicroPython.
        serial: A symlink to be made for a serial port, or None.
        warped: Whether waiting is left out, on MicroPython.
    """

    folder: Path
    runtime: Runtime
    heap: str
    serial: Path | None
    warped: bool

    def __post_init__(self) -> None:
        """Refuse what cannot be started (``interpreters.check``)."""
        has_serial = self.serial is not None
        interpreters.check(self.runtime, self.heap, has_serial=has_serial, is_warped=self.warped)


class Supervisor:
    """The model of a board, and the child process that is its processor at the moment.

    Args:
        setup: How the firmware is run.
        facts: The kind of board.
        device: The device's name.
        on_line: Called with each line that the board writes, in another thread.
    """

    def __init__(
        self, setup: Setup, facts: BoardFacts, device: str, on_line: Callable[[str], None]
    ) -> None:
        self._setup = setup
        self._on_line = on_line
        self._skipped_us = 0
        self._control: ControlServer | None = None
        self._serial: SerialPort | None = None
        self._unfinished = b""
        self._child: process.Child | None = None
        self._token = ""
        self._thread: threading.Thread | None = None
        self._stopping = False
        lock = threading.RLock()
        #: Held for every look at the model, notified after every change.
        self.changed = threading.Condition(lock)
        self.board = Board(facts, self._clock_ms, device=device, on_change=self.notify, lock=lock)

    @property
    def control(self) -> ControlServer | None:
        """The control server; None while the board is not started."""
        return self._control

    @property
    def child_pid(self) -> int | None:
        """The process that runs the firmware; None while none does."""
        return self._child.pid if self._child is not None else None

    def start(self) -> None:
        """Switch the board on; its flash has to be there.

        Raises:
            WakecallError: The serial port cannot be made (BUSY).
        """
        if self._setup.serial is not None:
            self._serial = SerialPort(self._setup.serial, self._heard)
        self._control = ControlServer(self.board.lock)
        self._stopping = False
        self.board.power_up()
        self._thread = threading.Thread(target=self._supervise, name="board", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End everything that ``start`` began; not started, do nothing."""
        if self._thread is None or self._control is None:
            return
        with self.changed:
            self._stopping = True
            self.board.power_cut()
        self._thread.join()
        self._control.close()
        if self._serial is not None:
            self._serial.close()
        self._control = self._thread = self._serial = None

    def power_cut(self) -> None:
        """Take the power away; the firmware is gone when this returns."""
        with self.changed:
            self.board.power_cut()
            self.changed.wait_for(lambda: self._child is None, _END_TIMEOUT_S)

    def notify(self) -> None:
        """Let everybody look who waits for something."""
        with self.changed:
            if self._control is not None and self.board.state is not State.RUNNING:
                # What a child that is about to be killed still asks has no effect any more.
                self._control.dismiss(self._token)
            self.changed.notify_all()

    def _supervise(self) -> None:
        while True:
            with self.changed:
                while not self._is_due():
                    # Not wait_for: each change may bring another deadline.
                    self.changed.wait(self._patience_s())
                if self._setup.warped and self.board.state is State.ASLEEP:
                    self._skipped_us += 1000 * self._asleep_ms()
                self.board.tick()
                over = self._child if self.board.state is not State.RUNNING else None
            if over is not None:
                # Without the lock, which the child's last lines need to get into the log.
                over.stop(grace_s=0)
            with self.changed:
                if over is not None:
                    self._child = None
                    self.changed.notify_all()
                if self._stopping:
                    return
                if self.board.state is State.STARTING and self._child is None:
                    self._start_child()

    def _is_due(self) -> bool:
        has_child = self._child is not None
        wants_child = self.board.state in (State.RUNNING, State.STARTING)
        restarts = self.board.state is State.STARTING
        skips = self._setup.warped and self.board.state is State.ASLEEP and self._asleep_ms() > 0
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
            interpreters.command(
                self._setup.runtime, self._setup.heap, mode, is_warped=self._setup.warped
            ),
            folder=self._setup.folder,
            environment=interpreters.environment(self._control.port, self._token),
            on_line=self._on_line,
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
        self.notify()

    def _child_ended(self, child: process.Child) -> None:
        with self.changed:
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
            self._on_line(f"halted: the interpreter ended by itself, status {child.exit_status}")
        elif halted:
            self._on_line("halted: the firmware ended; a real board would show its prompt now")

    def _heard(self, output: bytes) -> None:
        *lines, self._unfinished = (self._unfinished + output).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip("\r")
            if text.strip() != ">>>":
                self._on_line(text)

    def _clock_ms(self) -> int:
        return (time.monotonic_ns() // 1000 + self._skipped_us) // 1000
