"""How the commands that work on a board tell what happens."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from host_tools.flash.events import Event, Progress

_BAR_WIDTH = 30


class BoardPrinter:
    """Prints what happens: text, or JSON with the text on standard error; a bar on a terminal.

    Args:
        board: The board's name, for JSON.
        as_json: Whether programs read the output.
    """

    def __init__(self, board: str, *, as_json: bool) -> None:
        self._board = board
        self._as_json = as_json
        self._bar_shown = False

    def __call__(self, told: Event | Progress) -> None:
        """Print one event.

        Args:
            told: What happened.
        """
        if isinstance(told, Progress):
            self._bar(told)
            return
        self.end_bar()
        print(told.text, file=sys.stderr if self._as_json else sys.stdout, flush=True)
        if self._as_json:
            line: dict[str, Any] = {"event": told.name, "ts": round(time.time(), 3)}
            print(json.dumps({**line, "board": self._board, **told.values}), flush=True)

    def end_bar(self) -> None:
        """End the line with the bar, if one is shown."""
        if self._bar_shown:
            print(file=sys.stderr, flush=True)
        self._bar_shown = False

    def _bar(self, progress: Progress) -> None:
        if not sys.stderr.isatty():
            return
        share = progress.done_bytes / progress.total_bytes if progress.total_bytes else 1.0
        full = round(share * _BAR_WIDTH)
        bar = "#" * full + "." * (_BAR_WIDTH - full)
        print(f"\r  [{bar}] {share:4.0%}", end="", file=sys.stderr, flush=True)
        self._bar_shown = True
