"""A serial port behind which genuine mpremote, Thonny or our own tools find a simulated board.

Two pseudo terminals, copied both ways: tools open the public one by its symlink, the interpreter
(genuine MicroPython, whose REPL is the board's) has the other. What has to be done in between is
in reference/host-tools.md 4.5: Ctrl-C becomes a signal while code runs, an interpreter that ended
by Ctrl-D looks like a soft reset, and raw mode is entered again behind it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path

from host_tools.errors import ExitCode, WakecallError

_INTERRUPT, _ENTER_RAW = b"\x03", b"\x01"
_RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n>"
_READ_BYTES = 4096
_POLL_S = 0.2
_DRAIN_S = 0.2
_SIGINT_BIT = 1 << (signal.SIGINT - 1)


class SerialPort:
    """The public end, for as long as the board exists; children come and go behind it.

    Args:
        link: A symlink that tools open; an old one is replaced. A name such as ``/dev/pts/3``
            itself makes mpremote wait for ever on a silent board.
        on_output: Called with what the board writes, except in raw mode.

    Raises:
        WakecallError: The link cannot be made (BUSY).
    """

    def __init__(self, link: Path, on_output: Callable[[bytes], None]) -> None:
        self._on_output = on_output
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self._link = link
        try:
            if link.is_symlink():
                link.unlink()
            link.symlink_to(os.ttyname(self._slave))
        except OSError as error:
            self._close_files()
            raise WakecallError(
                f"cannot make the serial port {link}: {error.strerror}",
                code=ExitCode.BUSY,
                hint="choose a name that does not exist, in a folder that you may write",
            ) from error
        self.is_raw = False
        self._board: int | None = None
        self._pid = 0
        self._is_ready = False
        self._swallowing: bytes | None = None
        self._closing = False
        self._lock = threading.RLock()
        self._pump = threading.Thread(target=self._copy, name=f"serial {link}", daemon=True)
        self._pump.start()

    def open_terminal(self) -> int:
        """Make the terminal of the next child, and return the end that it gets."""
        master, slave = os.openpty()
        tty.setraw(slave)
        with self._lock:
            self._board = master
            self._is_ready = False
            # A soft reset in raw mode ends in raw mode: the tool sees nothing else of the start.
            self._swallowing = b"" if self.is_raw else None
            if self.is_raw:
                os.write(master, _ENTER_RAW)
        return slave

    def attach(self, pid: int) -> None:
        """Say who has the terminal."""
        self._pid = pid

    def ready(self) -> None:
        """Let input through: the interpreter is up and takes Ctrl-C as it should."""
        self._is_ready = True

    def detach(self, *, soft_reset: bool) -> None:
        """Take the terminal away from a child that ended, after its last words.

        Args:
            soft_reset: Whether it ended by itself, which a board tells.
        """
        with self._lock:
            if self._board is None:
                return
            self._drain(self._board)
            os.close(self._board)
            self._board = None
            if soft_reset:
                self._show(b"MPY: soft reboot\r\n")
            else:
                # A reset of the chip ends raw mode.
                self.is_raw = False

    def close(self) -> None:
        """Remove the port."""
        self._closing = True
        self._pump.join()
        self.detach(soft_reset=False)
        with contextlib.suppress(OSError):
            self._link.unlink()
        self._close_files()

    def _copy(self) -> None:
        while not self._closing:
            with self._lock:
                board = self._board
            # Input waits in the public terminal until somebody can take it.
            watched = [] if board is None else [board]
            if board is not None and self._is_ready:
                watched.append(self._master)
            try:
                readable, _, _ = select.select(watched, [], [], _POLL_S if watched else 0.01)
            except OSError:
                continue  # `detach` has closed the board's end since we took it
            with self._lock:
                if self._board != board:
                    continue
                if self._master in readable:
                    self._take_input(os.read(self._master, _READ_BYTES))
                if board in readable:
                    self._take_output(board)
                if not self._is_ready and not readable:
                    time.sleep(0.005)

    def _take_input(self, content: bytes) -> None:
        assert self._board is not None
        # Only as tools send them, at the end: files that are copied hold these bytes as well.
        if content.endswith(b"\r\x01") or content == b"\x01":
            self.is_raw = True
        elif content.endswith(b"\r\x02") or content == b"\x02":
            self.is_raw = False
        before, *rest = content.split(_INTERRUPT)
        os.write(self._board, before)
        for after in rest:
            if self._runs_code():
                os.kill(self._pid, signal.SIGINT)
            else:
                os.write(self._board, _INTERRUPT)
            os.write(self._board, after)

    def _runs_code(self) -> bool:
        """Tell whether user code runs: MicroPython catches SIGINT then, and only then."""
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self._pid}/status").read_text().splitlines():
                if line.startswith("SigCgt:"):
                    return bool(int(line.split()[1], 16) & _SIGINT_BIT)
        return False

    def _take_output(self, board: int) -> None:
        try:
            content = os.read(board, _READ_BYTES)
        except OSError:
            # The child is gone; its end is told elsewhere.
            time.sleep(0.005)
            return
        if self._swallowing is not None:
            self._swallowing += content
            place = self._swallowing.find(_RAW_BANNER)
            if place < 0:
                return
            content, self._swallowing = self._swallowing[place:], None
        self._show(content)

    def _drain(self, board: int) -> None:
        deadline = time.monotonic() + _DRAIN_S
        while time.monotonic() < deadline and select.select([board], [], [], 0)[0]:
            try:
                self._show(os.read(board, _READ_BYTES))
            except OSError:
                return

    def _show(self, content: bytes) -> None:
        # Nobody may be listening, and a terminal holds some kilobytes only: the rest is lost, as
        # on a wire.
        if select.select([], [self._master], [], 0)[1]:
            os.write(self._master, content)
        if not self.is_raw:
            self._on_output(content)

    def _close_files(self) -> None:
        os.close(self._master)
        os.close(self._slave)
