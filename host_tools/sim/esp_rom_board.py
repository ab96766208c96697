"""A simulated board as what an ESP chip runs after it has been flashed.

The firmware's image itself cannot run here: the chip's double boots, sees that a boot loader is
there, and starts a simulated board with a genuine MicroPython behind the same serial line. So a
bare chip can be flashed, and then be talked to, by one address.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from host_tools.sim.simulated_board import SimulatedBoard

_READ_BYTES = 4096


class BoardProgram:
    """The prompt of a simulated board.

    Args:
        board: The board, not started yet.
        serial: The name of its serial port, as it was given to the board.
    """

    def __init__(self, board: SimulatedBoard, serial: Path) -> None:
        self._board = board
        self._serial = serial
        self._line = -1

    def start(self) -> bytes:
        """Start the board."""
        self._board.start()
        self._line = os.open(self._serial, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        return b""

    def receive(self, data: bytes) -> bytes:
        """Hand bytes to the board.

        Args:
            data: As they came.
        """
        while data:
            data = data[os.write(self._line, data) :]
        return b""

    def poll(self) -> bytes:
        """Return what the board has written."""
        with contextlib.suppress(BlockingIOError):
            return os.read(self._line, _READ_BYTES)
        return b""

    def stop(self) -> None:
        """Stop the board."""
        if self._line >= 0:
            os.close(self._line)
            self._line = -1
            self._board.stop()
