"""What genuine MicroPython has in C, for CPython: ``PinBase``, ``Signal``, ``time_pulse_us``."""

import time


class PinBase:
    pass


class Signal:
    """A pin that may be active at low level; takes a pin, or what makes one."""

    def __init__(self, pin, *arguments, invert=False, **settings):
        if not isinstance(pin, PinBase):
            from machine import Pin

            pin = Pin(pin, *arguments, **settings)
        self._pin = pin
        self._invert = invert

    def value(self, value=None):
        if value is None:
            return self._pin.value() ^ self._invert
        self._pin.value(bool(value) ^ self._invert)

    def __call__(self, value=None):
        return self.value(value)

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)


def idle():
    time.sleep(0)


def time_pulse_us(pin, level, timeout_us=1000000):
    """Measure a pulse; -2 when none began, -1 when it did not end in time."""
    start_us = time.ticks_us()
    while pin.value() == level:
        if time.ticks_diff(time.ticks_us(), start_us) > timeout_us:
            return -2
    while pin.value() != level:
        if time.ticks_diff(time.ticks_us(), start_us) > timeout_us:
            return -2
    start_us = time.ticks_us()
    while pin.value() == level:
        if time.ticks_diff(time.ticks_us(), start_us) > timeout_us:
            return -1
    return time.ticks_diff(time.ticks_us(), start_us)
