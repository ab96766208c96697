"""Rate limits: how long something has to wait so that a limit is kept. Pure."""


class Bucket:
    """Credits that are spent one by one and come back evenly, as ThingsBoard counts them.

    Args:
        count: How many there are when nothing was spent.
        period_ms: In what time all of them come back.
        now_ms: The time.
    """

    def __init__(self, count, period_ms, now_ms):
        self.count = count
        self.period_ms = period_ms
        # In parts of a credit, of which ``count`` come back in each millisecond.
        self._parts = count * period_ms
        self._since_ms = now_ms

    def wait_ms(self, amount, now_ms):
        """Return how long spending so many has to wait; 0 is now, None is for ever."""
        if amount > self.count:
            return None
        self._fill(now_ms)
        missing = amount * self.period_ms - self._parts
        return max(0, (missing + self.count - 1) // self.count)

    def spend(self, amount, now_ms):
        """Spend credits, also before they are there: those who come later wait longer."""
        self._fill(now_ms)
        self._parts -= amount * self.period_ms

    def _fill(self, now_ms):
        back = (now_ms - self._since_ms) * self.count
        self._parts = min(self.count * self.period_ms, self._parts + back)
        self._since_ms = now_ms


def buckets(text, now_ms):
    """Return the buckets of a limit such as ``100:1,2000:60``: counts, each within seconds.

    Args:
        text: As ``getSessionLimits`` answers (reference/thingsboard-rpc.md 1.7); what is no such
            text sets no limit.
        now_ms: The time.
    """
    try:
        pairs = [part.split(":") for part in text.split(",")]
        found = [Bucket(int(count), int(seconds) * 1000, now_ms) for count, seconds in pairs]
    except (AttributeError, ValueError):
        return []
    return [bucket for bucket in found if bucket.count > 0 and bucket.period_ms > 0]
