"""Who may call what, and how often: allow-lists and a rate limit per link. Pure."""

from micropython import const

from wakecall.errors import CommandError

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
        self._credits = {}

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
        if self._rate_per_minute and not self._spend(link):
            raise CommandError(
                "RESOURCE_EXHAUSTED", "more than %d commands in a minute" % self._rate_per_minute
            )

    def _spend(self, link):
        """Take one credit, of which the rate's number come back evenly in a minute."""
        now_ms = self._clock.now_ms()
        full = self._rate_per_minute * _MINUTE_MS
        credit, since_ms = self._credits.get(link, (full, now_ms))
        credit = min(full, credit + (now_ms - since_ms) * self._rate_per_minute)
        enough = credit >= _MINUTE_MS
        self._credits[link] = (credit - _MINUTE_MS if enough else credit, now_ms)
        return enough
