"""Opens serial ports for us alone, and says in our words why one cannot be opened."""

from __future__ import annotations

import errno
from typing import Any

import serial
import serial.rfc2217

from host_tools.errors import ExitCode, WakecallError

_ROM_BAUD = 115200


class _Rfc2217Port(serial.rfc2217.Serial):
    """A port behind an RFC 2217 server whose time-out is changed without a word to the server.

    pyserial negotiates all settings anew with each change, and esptool changes the time-out twice
    for each request. Measured on loopback: 23 s for 2 kB with it, 3 s for 36 kB without.
    """

    @property
    def timeout(self) -> float | None:
        """How long a read waits, in seconds; None for ever."""
        return self._timeout

    @timeout.setter
    def timeout(self, value: float | None) -> None:
        self._timeout = value


def open_port(port: str) -> Any:  # noqa: ANN401 - pyserial has a class for each kind, without a base
    """Return an open port that no other program can open.

    Args:
        port: A device or one of pyserial's addresses.

    Raises:
        WakecallError: There is no such port (NOT_FOUND), another program has it (BUSY), it may not
            be opened (CREDENTIALS), or nothing answers at the address (UNREACHABLE).
    """
    try:
        if port.startswith("rfc2217://"):
            return _Rfc2217Port(port, baudrate=_ROM_BAUD)
        return serial.serial_for_url(port, baudrate=_ROM_BAUD, exclusive=True)
    except ValueError as error:
        raise WakecallError(f"{port}: {error}", code=ExitCode.USAGE) from error
    except OSError as error:  # pyserial's own exception is one, too
        raise _refused(port, error) from error


def _refused(port: str, error: OSError) -> WakecallError:
    text = str(error)
    if "://" in port:
        return WakecallError(
            f"nothing answers at {port}",
            code=ExitCode.UNREACHABLE,
            hint="is the server that the board is connected to running?",
        )
    if error.errno == errno.ENOENT:
        return WakecallError(
            f"there is no port {port}",
            code=ExitCode.NOT_FOUND,
            hint="`wakecall boards` lists what is plugged in",
        )
    if error.errno == errno.EACCES:
        return WakecallError(
            f"you may not open {port}",
            code=ExitCode.CREDENTIALS,
            hint="join the port's group (ls -l tells it; often dialout) and log in again",
        )
    if error.errno in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in text:
        return WakecallError(
            f"another program has the port {port}",
            code=ExitCode.BUSY,
            hint="close the terminal or monitor that is connected to it",
        )
    return WakecallError(f"the port {port} cannot be opened: {text}", code=ExitCode.UNREACHABLE)
