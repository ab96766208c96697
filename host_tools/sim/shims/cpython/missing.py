"""Adds to CPython's own modules what MicroPython has in them: ``time.ticks_ms`` and such."""

import asyncio
import sys
import time
import traceback

from thread_safe_flag import ThreadSafeFlag

_TICKS_PERIOD = 1 << 30
_TICKS_HALF = _TICKS_PERIOD // 2


def install():
    """Add the functions; the modules' own are left as they are."""
    time.ticks_ms = lambda: time.monotonic_ns() // 1000000 % _TICKS_PERIOD
    time.ticks_us = lambda: time.monotonic_ns() // 1000 % _TICKS_PERIOD
    time.ticks_add = lambda ticks, delta: (ticks + delta) % _TICKS_PERIOD
    time.ticks_diff = _ticks_diff
    time.sleep_ms = lambda duration_ms: time.sleep(duration_ms / 1000)
    time.sleep_us = lambda duration_us: time.sleep(duration_us / 1000000)
    asyncio.sleep_ms = lambda duration_ms: asyncio.sleep(duration_ms / 1000)
    asyncio.wait_for_ms = lambda task, timeout_ms: asyncio.wait_for(task, timeout_ms / 1000)
    asyncio.ThreadSafeFlag = ThreadSafeFlag
    sys.print_exception = _print_exception


def _ticks_diff(end, start):
    return (end - start + _TICKS_HALF) % _TICKS_PERIOD - _TICKS_HALF


def _print_exception(error, file=None):
    traceback.print_exception(type(error), error, error.__traceback__, file=file or sys.stdout)
