"""A MicroPython prompt, as far as mpremote's transport needs it: raw REPL, without raw paste.

The code that arrives is run, by CPython, with `sys` and `machine` in place of the board's.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import threading
import traceback
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

BANNER = b'MicroPython v1.25.0 on 2025-04-15\r\nType "help()" for more information.\r\n>>> '
RAW_BANNER = b"\r\nraw REPL; CTRL-B to exit\r\n>"


class Repl:
    """The prompt of one board.

    Args:
        build: What ``sys.implementation._build`` says; None for firmware that has no such name.
        version: As in ``sys.implementation``.
        on_boot_loader: Called by ``machine.bootloader()``.
    """

    def __init__(
        self,
        build: str | None = "ESP32_GENERIC",
        version: tuple[Any, ...] = (1, 25, 0, ""),
        *,
        on_boot_loader: Callable[[], None] = lambda: None,
    ) -> None:
        implementation = SimpleNamespace(_machine="a double of a board", version=version)
        if build is not None:
            implementation._build = build

        class Implementation:
            """MicroPython's is a tuple with names."""

            def __getitem__(self, index: int) -> object:
                return ("micropython", version)[index]

            def __getattr__(self, name: str) -> object:
                return getattr(implementation, name)

        machine = SimpleNamespace(
            unique_id=lambda: bytes.fromhex("2211334455aa"), bootloader=on_boot_loader
        )
        self._modules = {
            "sys": SimpleNamespace(implementation=Implementation()),
            "machine": machine,
            "time": SimpleNamespace(sleep_ms=lambda _: None),
        }
        self.soft_resets = 0
        self._raw = False
        self._line = b""

    def start(self) -> bytes:
        return BANNER

    def receive(self, data: bytes) -> bytes:
        return b"".join(self._take(bytes([byte])) for byte in data)

    def poll(self) -> bytes:
        return b""

    def stop(self) -> None:
        pass

    def _take(self, byte: bytes) -> bytes:
        if byte == b"\x01" and self._line == b"\x05A":
            self._line = b""
            return b"R\x00"  # raw paste: known, not supported
        if byte == b"\x01":
            self._raw, self._line = True, b""
            return RAW_BANNER
        if byte == b"\x02":
            self._raw = False
            return b"\r\n" + BANNER
        if byte == b"\x03":
            self._line = b""
            return b"" if self._raw else b"\r\n>>> "
        if byte == b"\x04":
            return self._run() if self._raw else self._reset()
        if self._raw:
            self._line += byte
        return b""

    def _reset(self) -> bytes:
        self.soft_resets += 1
        return b"MPY: soft reboot\r\n" + BANNER

    def _run(self) -> bytes:
        code, self._line = self._line.decode(), b""
        output, failure = io.StringIO(), ""

        def load(name: str, *_: object) -> object:
            return self._modules[name]

        def show(*values: object) -> None:
            output.write(" ".join(map(str, values)) + "\r\n")

        allowed = {"__import__": load, "print": show, "repr": repr, "getattr": getattr}
        try:
            exec(code, {"__builtins__": {**allowed, "tuple": tuple}})
        except Exception:
            failure = traceback.format_exc()
        return b"OK" + output.getvalue().encode() + b"\x04" + failure.encode() + b"\x04>"


@contextlib.contextmanager
def on_pty(repl: Repl, link: Path) -> Iterator[str]:
    """Put a prompt behind a pty; give its name."""
    master, slave = os.openpty()
    tty.setraw(slave)
    link.symlink_to(os.ttyname(slave))
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            if select.select([master], [], [], 0.02)[0]:
                os.write(master, repl.receive(os.read(master, 4096)))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield str(link)
    finally:
        stop.set()
        thread.join()
        link.unlink()
        os.close(master)
        os.close(slave)
