"""How long to wait before the next attempt to reach a server that is away. Pure.

A pause is a quarter of the time that the server has been away: one that was restarted is found
again at once, one that stays away costs few attempts, and no outage grows by more than a quarter.
"""

from micropython import const

_SHORTEST_MS = const(1000)
_LONGEST_MS = const(30000)
#: A refused token does not mend itself: ask seldom.
_REFUSED_MS = const(60000)


class Patience:
    """The pauses of one outage after the other.

    Args:
        clock: Has ``now_ms`` and ``random_below``, as the port.
    """

    def __init__(self, clock):
        self._clock = clock
        self._lost_ms = None

    def reached(self):
        """Take note that the server was there: the outage, if there was one, is over."""
        self._lost_ms = None

    def pause_ms(self, was_refused):
        """Return how long to wait now, in milliseconds.

        Args:
            was_refused: Whether the server did not take the token.
        """
        now_ms = self._clock.now_ms()
        if self._lost_ms is None:
            self._lost_ms = now_ms
        longest_ms = min(max((now_ms - self._lost_ms) // 4, _SHORTEST_MS), _LONGEST_MS)
        if was_refused:
            longest_ms = _REFUSED_MS
        # Jitter, so that boards that lost one server do not return all at once.
        return longest_ms // 2 + self._clock.random_below(longest_ms // 2)
