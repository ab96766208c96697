"""Puts an ESP chip behind something that pyserial opens: a socket, a pty, an RFC 2217 server.

Each is a context manager that gives the port's name for ``--port``. Only RFC 2217 carries the
modem lines: behind the other two nobody can reset the chip, as with a cable without them, so the
chip has to be in download mode already. One client at a time.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from serial.rfc2217 import PortManager

from host_tools.sim.esp_rom import EspRom

_CHUNK_BYTES = 16384
_POLL_S = 0.005
"""How long what a program says by itself may wait."""

_ACCEPT_S = 0.05
_ROOM_S = 0.5


@contextlib.contextmanager
def on_socket(rom: EspRom) -> Iterator[str]:
    """Serve a chip on a free loopback port, as ``socket://...``.

    Args:
        rom: The chip.
    """

    def serve(connection: socket.socket, stop: threading.Event) -> None:
        for data in _received(connection, stop):
            connection.sendall(rom.receive(data) + rom.poll())

    with _listener(serve) as port:
        yield f"socket://127.0.0.1:{port}"


@contextlib.contextmanager
def on_rfc2217(rom: EspRom) -> Iterator[str]:
    """Serve a chip with its modem lines on a free loopback port, as ``rfc2217://...``.

    Args:
        rom: The chip.
    """

    def serve(connection: socket.socket, stop: threading.Event) -> None:
        lines = _Lines(rom)
        # Its annotations ask for a serial port where its code asks for these few attributes.
        manager = PortManager(lines, _Writer(connection))  # type: ignore[arg-type]

        def send(data: bytes) -> None:
            connection.sendall(b"".join(manager.escape(data)))

        lines.on_output = send
        for data in _received(connection, stop):
            # Line by line: a change of the lines stands between the bytes around it.
            for byte in manager.filter(data):
                lines.pending += byte
            lines.flush()
            send(rom.poll())

    with _listener(serve) as port:
        yield f"rfc2217://127.0.0.1:{port}"


@contextlib.contextmanager
def on_pty(rom: EspRom, link: Path) -> Iterator[str]:
    """Serve a chip on a pseudo terminal.

    Args:
        rom: The chip.
        link: A symbolic link that is made to it. mpremote reads from names of ``/dev/pts``
            without a deadline (reference/host-tools.md 4.5).
    """
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    link.symlink_to(os.ttyname(slave))
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            ready = select.select([master], [], [], _POLL_S)[0]
            answer = rom.receive(os.read(master, _CHUNK_BYTES)) if ready else b""
            answer += rom.poll()
            # What nobody takes is lost, as on a wire; a client that reads makes room in time.
            while answer and select.select([], [master], [], _ROOM_S)[1]:
                with contextlib.suppress(BlockingIOError):  # it had less room than it seemed
                    answer = answer[os.write(master, answer) :]

    # The slave stays open here, or reading would fail whenever no tool has it open.
    thread = threading.Thread(target=serve, name="chip on a pty", daemon=True)
    thread.start()
    try:
        yield str(link)
    finally:
        stop.set()
        thread.join()
        link.unlink()
        os.close(master)
        os.close(slave)


@contextlib.contextmanager
def _listener(serve: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    stop = threading.Event()

    def accept() -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = server.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with connection, contextlib.suppress(ConnectionError):
                    serve(connection, stop)

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(_ACCEPT_S)
        thread = threading.Thread(target=accept, name="chip on a socket", daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def _received(connection: socket.socket, stop: threading.Event) -> Iterator[bytes]:
    """Give what comes in, or nothing now and then, until the client goes or we are to stop."""
    while not stop.is_set():
        if not select.select([connection], [], [], _POLL_S)[0]:
            yield b""
        elif data := connection.recv(_CHUNK_BYTES):
            yield data
        else:
            return


class _Writer:
    """What ``PortManager`` writes its own telegrams to."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> None:
        self._connection.sendall(data)


class _Lines:
    """The port that ``PortManager`` manages: its settings are kept, its lines reach the chip.

    A change of the lines is told before the bytes behind it and after those before it.
    """

    cts = dsr = cd = True
    ri = False

    def __init__(self, rom: EspRom) -> None:
        self._rom = rom
        self._dtr = self._rts = False
        self.baudrate, self.bytesize, self.parity, self.stopbits = 115200, 8, "N", 1
        self.xonxoff = self.rtscts = self.dsrdtr = self.break_condition = False
        self.pending = b""
        self.on_output: Callable[[bytes], None] = lambda _: None

    @property
    def dtr(self) -> bool:
        return self._dtr

    @dtr.setter
    def dtr(self, value: bool) -> None:
        self._dtr = value
        self._change()

    @property
    def rts(self) -> bool:
        return self._rts

    @rts.setter
    def rts(self, value: bool) -> None:
        self._rts = value
        self._change()

    def flush(self) -> None:
        data, self.pending = self.pending, b""
        if data:
            self.on_output(self._rom.receive(data))

    def get_settings(self) -> dict[str, Any]:
        return {"baudrate": self.baudrate}

    def apply_settings(self, settings: dict[str, Any]) -> None:
        self.baudrate = settings["baudrate"]

    def reset_input_buffer(self) -> None:
        pass  # nothing waits here: the chip's answers leave at once

    def reset_output_buffer(self) -> None:
        self.pending = b""

    def _change(self) -> None:
        self.flush()
        self.on_output(self._rom.set_lines(dtr=self._dtr, rts=self._rts))
