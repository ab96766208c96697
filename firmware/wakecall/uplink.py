"""What the board publishes beside answers: telemetry, client attributes, claims.

ThingsBoard closes the connection on what is too large, too often or no JSON
(reference/thingsboard-rpc.md 1.1, 1.2 and 1.4), so that is told here instead of sent.
"""

import asyncio
import json

from micropython import const

from wakecall.answers import is_json
from wakecall.errors import CallError
from wakecall.limits import buckets

#: Unless the server tells less: it takes packets of 65,536 bytes with their topics.
_LIMIT_BYTES = const(60000)
_TOPIC_BYTES = const(64)
_IN_FLIGHT = const(100)
_DEEPEST = const(12)
_POLL_S = 0.01


class Uplink:
    """Publishes, within the limits that the server tells.

    Args:
        agent: The agent, for its clock, log and calls.
        link: The link to the server.
    """

    def __init__(self, agent, link):
        self._agent = agent
        self._link = link
        # A general broker has no limits to tell.
        self._is_asked = agent.configuration["server"]["profile"] != "thingsboard"
        self._limit_bytes = _LIMIT_BYTES
        self._task = None
        self._in_flight_limit = _IN_FLIGHT
        self._rates = {}
        self._waiting = []

    async def publish(self, kind, values, timeout_ms):
        """Publish values and wait until the server has them.

        Args:
            kind: ``telemetry``, ``attributes`` or ``claim``.
            values: An object; for telemetry also a list of objects.
            timeout_ms: How long to wait, also for a rate limit.

        Raises:
            CallError: They cannot be sent, or there is no link, or no confirmation in time.
        """
        deadline_ms = self._agent.port.now_ms() + timeout_ms
        points = _count_points(kind, values)
        payload = json.dumps(values).encode()
        self._check_online(kind)
        if not self._is_asked:
            self._is_asked = True
            # CPython forgets a task that nobody holds.
            self._task = asyncio.create_task(self._learn_limits())
        if len(payload) > self._limit_bytes:
            told = "%s: %d bytes, more than the %d that can be sent"
            raise CallError("RESOURCE_EXHAUSTED", told % (kind, len(payload), self._limit_bytes))
        await self._pace(kind, points, deadline_ms)
        self._check_online(kind)
        confirmed = asyncio.Event()
        self._waiting.append(confirmed)
        self._link.publish(kind, payload, confirmed.set)
        try:
            left_ms = max(deadline_ms - self._agent.port.now_ms(), 0)
            await asyncio.wait_for(confirmed.wait(), left_ms / 1000)
            if confirmed not in self._waiting:
                raise CallError("UNAVAILABLE", "%s: the link broke; it may have arrived" % kind)
        except asyncio.TimeoutError:
            raise CallError("DEADLINE_EXCEEDED", "%s: not confirmed in %d ms" % (kind, timeout_ms))
        finally:
            if confirmed in self._waiting:
                self._waiting.remove(confirmed)

    def link_lost(self):
        """End what waits for a confirmation, as that cannot come any more."""
        lost = self._waiting
        self._waiting = []
        for confirmed in lost:
            confirmed.set()

    def _check_online(self, kind):
        if not self._agent.online.is_set():
            raise CallError("UNAVAILABLE", "%s: there is no link to the server" % kind)

    async def _pace(self, kind, points, deadline_ms):
        """Wait until no limit forbids the message; raise when that is after the deadline."""
        now_ms = self._agent.port.now_ms()
        amounts = {"messages": 1}
        if kind == "telemetry":
            amounts["telemetryMessages"] = 1
            amounts["telemetryDataPoints"] = points
        spent = []
        wait_ms = 0
        for name, amount in amounts.items():
            for bucket in self._rates.get(name, ()):
                bucket_ms = bucket.wait_ms(amount, now_ms)
                if bucket_ms is None or now_ms + bucket_ms > deadline_ms:
                    limit = (kind, bucket.count, name, bucket.period_ms // 1000)
                    told = "%s: the server allows %d %s in %d s" % limit
                    raise CallError("RESOURCE_EXHAUSTED", told)
                wait_ms = max(wait_ms, bucket_ms)
                spent.append((bucket, amount))
        for bucket, amount in spent:
            bucket.spend(amount, now_ms)
        if wait_ms:
            await asyncio.sleep(wait_ms / 1000)
        while len(self._waiting) >= self._in_flight_limit:
            if self._agent.port.now_ms() >= deadline_ms:
                raise CallError("RESOURCE_EXHAUSTED", "%s: too many are not confirmed yet" % kind)
            await asyncio.sleep(_POLL_S)

    async def _learn_limits(self):
        """Ask once in a boot, and again when the link broke meanwhile."""
        try:
            limits = await self._agent.call("getSessionLimits")
        except CallError:
            # Servers too old for it are silent: then nothing is known (thingsboard-rpc.md 1.7).
            self._is_asked = self._agent.online.is_set()
            return
        if not isinstance(limits, dict):
            return
        largest = limits.get("maxPayloadSize")
        if isinstance(largest, int) and largest > _TOPIC_BYTES:
            self._limit_bytes = min(_LIMIT_BYTES, largest - _TOPIC_BYTES)
        most = limits.get("maxInflightMessages")
        if isinstance(most, int) and most > 0:
            self._in_flight_limit = min(_IN_FLIGHT, most)
        now_ms = self._agent.port.now_ms()
        rates = limits.get("rateLimits")
        for name in rates if isinstance(rates, dict) else ():
            self._rates[name] = buckets(rates[name], now_ms)


def _count_points(kind, values):
    """Return the number of data points; raise when the server would not take the values."""
    rows = values if kind == "telemetry" and isinstance(values, list) else [values]
    points = 0
    for row in rows:
        if not isinstance(row, dict) or not is_json(row, _DEEPEST):
            rows = None
            break
        # A row with a time of its own: {"ts": ..., "values": {...}}.
        inner = row.get("values") if "ts" in row else row
        points += len(inner) if isinstance(inner, dict) else 0
    if not rows:
        raise CallError("INVALID_ARGUMENT", "%s: must be an object of JSON values" % kind)
    return points
