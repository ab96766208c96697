"""A genuine mosquitto on a free loopback port, for measurements and tests of the firmware."""

from __future__ import annotations

import shutil
import socket
import time
from pathlib import Path

from host_tools import process
from host_tools.errors import ExitCode, WakecallError

_SEARCHED = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
_START_TIMEOUT_S = 10.0
_POLL_S = 0.02


def program() -> str | None:
    """Return the path of mosquitto, or None where it is not installed."""
    return shutil.which("mosquitto", path=_SEARCHED)


class Mosquitto:
    """A running broker; a context manager, and restartable on the same port.

    Args:
        folder: For its configuration file.
        options: More lines of that file.

    Raises:
        WakecallError: It is not installed (MISSING).
    """

    def __init__(self, folder: Path, *options: str) -> None:
        found = program()
        if found is None:
            raise WakecallError(
                "mosquitto is not installed",
                code=ExitCode.MISSING,
                hint="Debian has it: apt-get install mosquitto",
            )
        self._program = found
        self._child: process.Child | None = None
        self.port = _free_port()
        self._configuration = folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true"]
        lines += ["max_inflight_messages 200", *options]
        self._configuration.write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Start the broker and wait until it listens.

        Raises:
            WakecallError: It does not come to listen.
        """
        said: list[str] = []
        self._child = process.start([self._program, "-c", self._configuration], on_line=said.append)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self._child.exit_status is not None:
                    raise WakecallError(f"mosquitto does not listen: {said[-1:]}") from None
                time.sleep(_POLL_S)

    def kill(self) -> None:
        """End the broker at once."""
        if self._child is not None:
            self._child.stop(grace_s=0)

    def __enter__(self) -> Mosquitto:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
