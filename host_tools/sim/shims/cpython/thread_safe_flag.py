"""``asyncio.ThreadSafeFlag``, which CPython lacks: set in an interrupt, awaited by one task."""

import asyncio


class ThreadSafeFlag:
    def __init__(self):
        self._event = asyncio.Event()

    def set(self):
        self._event.set()

    def clear(self):
        self._event.clear()

    async def wait(self):
        await self._event.wait()
        self._event.clear()
