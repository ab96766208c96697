"""A client that runs as a process of its own, with the interpreter of its environment."""

from __future__ import annotations

import json
import queue
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from host_tools import process
from tests.clients import environments

DEADLINE_S = 20.0
_SCRIPTS = Path(__file__).parent / "scripts"


class ClientScript:
    """A running script of ``scripts/``; a context manager that ends it.

    It gets its settings in an environment variable, and reports as JSON objects, one a line.

    Args:
        name: The name of the client's lock file, without its ending; None where the client is in
            our own environment.
        script: The script's file name.
        home: An empty folder for what the client keeps.
        settings: What the script needs to know; no command line shows it.
    """

    def __init__(self, name: str | None, script: str, home: Path, **settings: Any) -> None:
        python = environments.programs(name) / "python" if name else Path(sys.executable)
        self._arguments = [python, _SCRIPTS / script]
        self._variables = environments.variables(home, SETTINGS=json.dumps(settings))
        self._reports: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._said: list[str] = []

    def __enter__(self) -> ClientScript:
        self._child = process.start(
            self._arguments,
            on_line=self._take,
            on_end=lambda _: self._reports.put(None),
            environment=self._variables,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.stop()

    def expect(self, event: str) -> dict[str, Any]:
        """Return the next report; it has to be of that event."""
        report = self.expect_any()
        assert report["event"] == event, f"{report} instead of {event}: {self._words()}"
        return report

    def expect_any(self) -> dict[str, Any]:
        """Return the next report, whatever it is."""
        report = self._next(time.monotonic() + DEADLINE_S)
        assert report is not None, f"it ended: {self._words()}"
        return report

    def all_reports(self) -> dict[str, dict[str, Any]]:
        """Wait for the script's end, which has to be good, and return its reports by event."""
        deadline = time.monotonic() + DEADLINE_S
        reports: dict[str, dict[str, Any]] = {}
        while (report := self._next(deadline)) is not None:
            reports[report["event"]] = report
        assert self._child.exit_status == 0, self._words()
        return reports

    def _next(self, deadline: float) -> dict[str, Any] | None:
        try:
            return self._reports.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise AssertionError(f"nothing within {DEADLINE_S} s after: {self._words()}") from None

    def _take(self, line: str) -> None:
        self._said.append(line)
        if line.startswith('{"event":'):
            self._reports.put(json.loads(line))

    def _words(self) -> str:
        return "\n".join(self._said[-40:]) or "it said nothing"
