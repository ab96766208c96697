"""Waiting for something at a server, also while the server is away for a short time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from host_tools.client.persistent import PersistentCall
from host_tools.errors import ExitCode, WakecallError

LONGEST_OUTAGE_S = 60.0
"""A server that restarts is back before."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
_PAUSE_GROWTH = 1.5

Result = TypeVar("Result")


class Patience:
    """Asks a server, and bears that it does not answer for a while.

    Args:
        tell: Gets one line when the server has gone away.
        monotonic: The clock, in seconds.
    """

    def __init__(
        self, tell: Callable[[str], None], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._monotonic = monotonic
        self._away_since: float | None = None

    def ask(self, request: Callable[[], Result]) -> Result | None:
        """Return what a request returns; None while the server does not answer.

        Raises:
            WakecallError: The request's, when it is of another kind, or the server was away for
                longer than `LONGEST_OUTAGE_S`.
        """
        try:
            result = request()
        except WakecallError as error:
            if error.code not in (ExitCode.UNREACHABLE, ExitCode.TIMEOUT):
                raise
            now = self._monotonic()
            if self._away_since is None:
                self._away_since = now
                self._tell(f"{error.message}; trying on for {LONGEST_OUTAGE_S:.0f} s")
            elif now - self._away_since > LONGEST_OUTAGE_S:
                raise
            return None
        self._away_since = None
        return result


def follow(
    read: Callable[[], PersistentCall | None],
    wait_ms: int,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[PersistentCall]:
    """Give a persistent call each time when its state is another, up to the final one.

    Args:
        read: Asks the server for the call; None when the server could not be asked.
        wait_ms: How long to follow it; it ends before its final state when that time is over.
        monotonic: The clock, in seconds.
        sleep: Waits for some seconds.
    """
    deadline = monotonic() + wait_ms / 1000
    pause_s = FIRST_PAUSE_S
    seen = None
    while True:
        call = read()
        if call is not None and call.status is not seen:
            seen, pause_s = call.status, FIRST_PAUSE_S
            yield call
        if call is not None and call.is_final:
            return
        left_s = deadline - monotonic()
        if left_s <= 0:
            return
        sleep(min(pause_s, left_s))
        pause_s = min(pause_s * _PAUSE_GROWTH, LONGEST_PAUSE_S)
