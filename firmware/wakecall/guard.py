"""Who may call what, and how often: allow-lists and a rate limit per link. Pure."""

from micropython import const

from wakecall.errors import CommandError
from wakecall.limits import Bucket

_MINUTE_MS = const(60000)


class Guard:
    """Refuses commands before they cost anything.

    Args:
        clock: Has ``now_ms``, as the port.
        rights: Name of a link to the methods that it may call; without an entry it may call all.
        rate_per_minute: Commands that each link may send in a minute; 0 sets no limit.
    """

    def __init__(self, clock, rights, rate_per_minute):
        self._clock = clock
        self._rights = rights
        self._rate_per_minute = rate_per_minute
        self._buckets = {}

    def may_call(self, link, method):
        """Return whether a link may call a method, both by name."""
        return link not in self._rights or method in self._rights[link]

    def check(self, link, method):
        """Count a command.

        Raises:
            CommandError: ``PERMISSION_DENIED`` or ``RESOURCE_EXHAUSTED``.
        """
        if not self.may_call(link, method):
            raise CommandError("PERMISSION_DENIED", "%s may not be called by %s" % (method, link))
        if not self._rate_per_minute:
            return
        now_ms = self._clock.now_ms()
        if link not in self._buckets:
            self._buckets[link] = Bucket(self._rate_per_minute, _MINUTE_MS, now_ms)
        if self._buckets[link].wait_ms(1, now_ms):
            raise CommandError(
                "RESOURCE_EXHAUSTED", "more than %d commands in a minute" % self._rate_per_minute
            )
        self._buckets[link].spend(1, now_ms)
