"""An asyncio event loop on the virtual clock: stock asyncio code, no waiting.

Everything but the waiting is the standard library's. The selector watches no files; where the
standard loop would sleep in it, the clock goes on to what is next.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Mapping
from typing import Any, Protocol

from host_tools.sim.virtual.clock import NS_PER_S


class Pace(Protocol):
    """The time of whoever runs the loop."""

    @property
    def now_ns(self) -> int:
        """Nanoseconds since the beginning."""

    def wait(self, until_ns: int | None) -> None:
        """Wait for a time (None: for ever), or until something was made ready from outside."""

    def compute(self) -> None:
        """Spend the time that a turn of the loop takes a processor."""


class _NoFiles(selectors.BaseSelector):
    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:  # noqa: ANN401
        return selectors.SelectorKey(fileobj, 0, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:  # noqa: ANN401
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            self._pace.wait(None)
        elif timeout > 0:
            self._pace.wait(self._pace.now_ns + math.ceil(timeout * NS_PER_S))
        else:
            self._pace.compute()
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is virtual.

    Args:
        pace: The time.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        super().__init__(_NoFiles(pace))
        # The loop compares times as floats; a microsecond covers their rounding.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Return virtual seconds since the beginning."""
        return self._pace.now_ns / NS_PER_S

    def _make_self_pipe(self) -> None:
        """Make no pipe: only one thread runs at a time, so none has to wake another."""

    def _close_self_pipe(self) -> None:
        """There is none."""

    def _write_to_self(self) -> None:
        """There is none."""
