"""Runs a few lines on a board that has MicroPython, with mpremote's transport as a library."""

from __future__ import annotations

import contextlib
import errno
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

_WRITE_TIMEOUT_S = 5.0
_ENTER_TIMEOUT_S = 3.0
_PROMPT = b">>> "
_PROMPT_TIMEOUT_S = 2
_FAILURES = (TransportError, serial.SerialException, OSError, struct.error)

_BOOT_LOADER = "import time, machine; time.sleep_ms(100); machine.bootloader()"
"""The pause lets the answer leave before USB goes; mpremote's own command does the same."""


class Session:
    """The open prompt of a board.

    Args:
        transport: mpremote's, in raw mode.
    """

    def __init__(self, transport: Any) -> None:  # noqa: ANN401 - mpremote has no type information
        self._transport = transport

    def run(self, code: str) -> str:
        """Run some code and return what it prints.

        Args:
            code: MicroPython.
        """
        with _quiet():
            return bytes(self._transport.exec(code)).decode("utf-8", "replace")

    def read_file(self, path: str) -> bytes:
        """Return a file's content.

        Args:
            path: On the board.
        """
        with _quiet(), _file_errors("read", path):
            return bytes(self._transport.fs_readfile(path))

    def write_file(self, path: str, content: bytes, chunk_bytes: int) -> None:
        """Write a file.

        Args:
            path: On the board.
            content: The whole file.
            chunk_bytes: How much is sent at once; the board needs about four times as much memory.
        """
        with _quiet(), _file_errors("write", path):
            self._transport.fs_writefile(path, content, chunk_size=chunk_bytes)


@contextlib.contextmanager
def _file_errors(verb: str, path: str) -> Iterator[None]:
    """Tell the board's own errors from those of the line, which are OSError as well."""
    try:
        yield
    except serial.SerialException:
        raise
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, str(error))
        raise WakecallError(
            f"the board cannot {verb} {path}: {name}",
            code=ExitCode.DEVICE_ERROR,
            hint="is its flash full? `mpremote df` tells" if error.errno == errno.ENOSPC else "",
        ) from error


@contextlib.contextmanager
def session(port: str) -> Iterator[Session]:
    """Interrupt what runs on a board and give its prompt; in the end the board starts afresh.

    Args:
        port: A device or one of pyserial's addresses.

    Raises:
        WakecallError: No MicroPython answers (UNREACHABLE), or what was run raised (DEVICE_ERROR).
    """
    with _raw_repl(port) as transport:
        try:
            yield Session(transport)
        finally:
            with contextlib.suppress(*_FAILURES):  # the first failure is what is told
                transport.exit_raw_repl()
                transport.read_until(1, _PROMPT, timeout=_PROMPT_TIMEOUT_S)
                transport.serial.write(b"\x04")  # a soft reset: begin from boot.py


def run(port: str, code: str) -> str:
    """Run some code on a board, which starts afresh afterwards; return what it prints.

    Args:
        port: A device or one of pyserial's addresses.
        code: MicroPython.

    Raises:
        WakecallError: As ``session``.
    """
    with session(port) as prompt:
        return prompt.run(code)


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
        with _quiet():
            transport = SerialTransport(port, timeout=_READ_TIMEOUT_S)
            _limit_writes(transport.serial)
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


def _limit_writes(line: Any) -> None:  # noqa: ANN401 - pyserial has a class for each kind
    """Give up a write that nobody takes; without this it waits for ever."""
    try:
        line.write_timeout = _WRITE_TIMEOUT_S
    except NotImplementedError:  # RFC 2217; left as it is, every later setting would fail, too
        line.write_timeout = None


def _quiet() -> contextlib.AbstractContextManager[object]:
    """Keep what mpremote prints when it did not expect something away from our output."""
    return contextlib.redirect_stdout(io.StringIO())
