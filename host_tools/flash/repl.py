"""Runs a few lines on a board that has MicroPython, with mpremote's transport as a library."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator
from typing import Any

import serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from host_tools.errors import ExitCode, WakecallError

_READ_TIMEOUT_S = 2.0
"""mpremote waits for ever by default, and does so on a board that is silent."""

_ENTER_TIMEOUT_S = 3.0
_FAILURES = (TransportError, serial.SerialException, OSError, struct.error)

_BOOT_LOADER = "import time, machine; time.sleep_ms(100); machine.bootloader()"
"""The pause lets the answer leave before USB goes; mpremote's own command does the same."""


def run(port: str, code: str) -> str:
    """Interrupt what runs on a board, run some code, restart the board softly, return the output.

    Args:
        port: A device or one of pyserial's addresses.
        code: MicroPython.

    Raises:
        WakecallError: No MicroPython answers (UNREACHABLE), or the code raised (DEVICE_ERROR).
    """
    with _raw_repl(port) as transport:
        output = transport.exec(code)
        transport.exit_raw_repl()
        # What we have interrupted, or a board that has just been flashed, begins from its boot.py.
        transport.serial.write(b"\x04")
        return bytes(output).decode("utf-8", "replace")


def enter_boot_loader(port: str) -> None:
    """Let a board restart in its boot loader, as ``machine.bootloader()`` does.

    Args:
        port: A device or one of pyserial's addresses.

    Raises:
        WakecallError: No MicroPython answers (UNREACHABLE).
    """
    with _raw_repl(port) as transport:
        transport.exec_raw_no_follow(_BOOT_LOADER)


@contextlib.contextmanager
def _raw_repl(port: str) -> Iterator[Any]:
    transport = None
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # mpremote prints what it did not expect
            transport = SerialTransport(port, timeout=_READ_TIMEOUT_S)
            transport.enter_raw_repl(soft_reset=False, timeout_overall=_ENTER_TIMEOUT_S)
            yield transport
    except TransportExecError as error:
        last = str(error.error_output).strip().rpartition("\n")[2]
        raise WakecallError(
            f"the board at {port} raised {last}", code=ExitCode.DEVICE_ERROR
        ) from error
    except _FAILURES as error:
        raise WakecallError(
            f"no MicroPython answers at {port}",
            code=ExitCode.UNREACHABLE,
            hint="is the board running, and no other program connected to it?",
        ) from error
    finally:
        if transport is not None:
            with contextlib.suppress(OSError):  # the board may be gone by now
                transport.close()
