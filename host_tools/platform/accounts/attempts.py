"""How often a login may fail before the next try has to wait."""

from __future__ import annotations

from collections.abc import Callable

MAX_FAILURES = 10
LOCK_MS = 30_000
MAX_KEYS = 10_000
"""Logins that are remembered; a flood of made-up names must not fill the memory."""


class TooManyAttemptsError(Exception):
    """The login has failed too often; it has to wait."""


class Attempts:
    """Failed logins by who tries: a name from one address.

    Args:
        now_ms: The clock.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._failures: dict[tuple[str, str], tuple[int, int]] = {}

    def check(self, key: tuple[str, str]) -> None:
        """Raise TooManyAttemptsError while a login has to wait."""
        count, last_ms = self._failures.get(key, (0, 0))
        if count >= MAX_FAILURES and self._now_ms() < last_ms + LOCK_MS:
            raise TooManyAttemptsError

    def failed(self, key: tuple[str, str]) -> None:
        """Count a failure; failures that are older than the lock count no more."""
        now_ms = self._now_ms()
        count, last_ms = self._failures.pop(key, (0, 0))
        if now_ms >= last_ms + LOCK_MS:
            count = 0
        if len(self._failures) >= MAX_KEYS:
            del self._failures[next(iter(self._failures))]
        self._failures[key] = (count + 1, now_ms)

    def succeeded(self, key: tuple[str, str]) -> None:
        """Forget the failures of a login that was right."""
        self._failures.pop(key, None)
