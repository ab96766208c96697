"""The module ``time`` of MicroPython with waiting left out: who sleeps finds the clock put on.

Real time plus an offset, never less: asyncio's task queue, in C, stamps tasks with the real tick
(reference/host-tools.md 4.5). Ticks wrap where this interpreter's do, at 2^62 with its 64-bit
integers (measured), not at 2^30 as on a chip: the task queue in C counts on it.
"""

import utime
from _wakecall_control import ask
from utime import *  # noqa: F403

_ahead_us = 0


def skip_us(duration_us):
    """Put the clock on, here and in the board's hardware."""
    global _ahead_us
    if duration_us > 0:
        _ahead_us += duration_us
        ask("time.skip", duration_us)


def sleep(duration_s):
    skip_us(int(duration_s * 1000000))


def sleep_ms(duration_ms):
    skip_us(duration_ms * 1000)


def sleep_us(duration_us):
    skip_us(duration_us)


def ticks_ms():
    return utime.ticks_add(utime.ticks_ms(), _ahead_us // 1000)


def ticks_us():
    return utime.ticks_add(utime.ticks_us(), _ahead_us)


def time():
    return int(utime.time() + _ahead_us / 1000000)  # chips count whole seconds


def time_ns():
    return utime.time_ns() + _ahead_us * 1000


def gmtime(seconds=None):
    return utime.gmtime(time() if seconds is None else seconds)


localtime = gmtime
