"""The local platform as a process of its own, on free ports: for the demo, tests and benches.

It is ``wakecall up``, started, waited for and ended; the process ends with ours in any case.
"""

from __future__ import annotations

import os
import queue
import secrets
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from host_tools import process
from host_tools.errors import WakecallError
from host_tools.profile import Profile

USER = "tenant@thingsboard.org"
_READY_TIMEOUT_S = 20.0


class LocalPlatform:
    """A running platform; a context manager.

    Args:
        folder: Its data; kept, so that a platform made again with it remembers.
        options: More options for ``wakecall up``.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self._password = secrets.token_urlsafe(16)
        self._child: process.Child | None = None
        self._http = self._mqtt = "127.0.0.1:0"
        #: Where it is and who may use it, once started.
        self.profile = Profile("", USER, self._password, "")

    @property
    def mqtt_server(self) -> dict[str, str | int]:
        """The ``server`` of a board's configuration."""
        address = urlsplit(self.profile.mqtt)
        return {"host": str(address.hostname), "port": address.port or 1883}

    def start(self) -> None:
        """Start it and wait until it serves; started again it keeps its ports.

        Raises:
            WakecallError: It does not come to serve; the text is the last that it said.
        """
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._child = process.start(
            [*self._command(), *self._options],
            on_line=lines.put,
            on_end=lambda _: lines.put(None),
            environment={**os.environ, "WAKECALL_ADMIN_PASSWORD": self._password},
        )
        try:
            _, url, mqtt = _ready_line(lines).split()
        except WakecallError:
            self.kill()
            raise
        self._http, self._mqtt = urlsplit(url).netloc, urlsplit(mqtt).netloc
        self.profile = Profile(url=url, user=USER, password=self._password, mqtt=mqtt)

    def stop(self) -> None:
        """End it in order."""
        if self._child is not None:
            self._child.stop()

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self._child is not None:
            self._child.stop(grace_s=0)

    def __enter__(self) -> LocalPlatform:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _command(self) -> list[str]:
        up = [sys.executable, "-m", "host_tools.cli.main", "up", "--no-profile"]
        return [*up, "--data", str(self._folder), "--http", self._http, "--mqtt", self._mqtt]


def _ready_line(lines: queue.SimpleQueue[str | None]) -> str:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    said: list[str] = []
    while True:
        try:
            line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            line = None
        if line is None:
            told = "; ".join(said[-3:]) or "it said nothing"
            raise WakecallError(f"the platform did not start: {told}")
        if line.startswith("ready "):
            return line
        said.append(line)
