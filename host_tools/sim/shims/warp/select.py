"""The module ``select`` of MicroPython with waiting left out: see ``time``.

asyncio waits in ``ipoll``. What is ready is told; when nothing is, the clock is put on by the time
that it would have waited.
"""

import time

import uselect
from uselect import *  # noqa: F403

#: A wait without a time limit ends by something real only; meanwhile the processor rests.
_REAL_WAIT_MS = 10


class _Poll:
    def __init__(self):
        self._poll = uselect.poll()
        self.register = self._poll.register
        self.unregister = self._poll.unregister
        self.modify = self._poll.modify

    def poll(self, timeout=-1):
        return list(self.ipoll(timeout))

    def ipoll(self, timeout=-1, flags=0):
        ready = self._poll.poll(0)
        while timeout < 0 and not ready:
            ready = self._poll.poll(_REAL_WAIT_MS)
        if not ready and timeout > 0:
            time.skip_us(timeout * 1000)
        return iter(ready)


def poll():
    return _Poll()
