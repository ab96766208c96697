"""The module ``machine`` of a simulated board, with the constants of the board's own port.

What the chip refuses is decided by the host (host_tools/sim); here are the classes only.
"""

import time

from _wakecall_analog import ADC, PWM  # noqa: F401
from _wakecall_control import ask, facts, forever
from _wakecall_interrupts import set_handler
from umachine import PinBase, Signal, idle, time_pulse_us  # noqa: F401

_constants = facts["constants"]
globals().update(_constants["machine"])
_is_esp32 = facts["port"] == "esp32"
_SLICE_S = 0.005


class Pin(PinBase):
    """A digital pin, one object each; the level is worked out by the host."""

    _made = {}

    def __new__(cls, id, *arguments, **settings):
        if isinstance(id, Pin):
            return id
        number = ask("pin.find", id)
        if number not in Pin._made:
            made = Pin._made[number] = super().__new__(cls)
            made._id = number
        return Pin._made[number]

    def __init__(self, id, mode=None, pull=-1, *, value=None, drive=None, hold=None, alt=None):
        if mode is not None or pull != -1 or value is not None:
            self.init(mode, pull, value=value)

    def init(self, mode=None, pull=-1, *, value=None, drive=None, hold=None, alt=None):
        if value is not None:
            value = 1 if value else 0
        ask("pin.configure", self._id, mode, pull, value)

    def value(self, value=None):
        if value is None:
            return ask("pin.read", self._id)
        ask("pin.write", self._id, 1 if value else 0)

    def __call__(self, value=None):
        return self.value(value)

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        ask("pin.toggle", self._id)

    def irq(self, handler=None, trigger=None, *, priority=1, wake=None, hard=False):
        if trigger is None:
            trigger = Pin.IRQ_FALLING | Pin.IRQ_RISING
        set_handler(self, self._id, handler, trigger)

    def __repr__(self):
        return "Pin(%s)" % self._id


for _name in _constants["pin"]:
    setattr(Pin, _name, _constants["pin"][_name])
if not _is_esp32:
    Pin.high = Pin.on
    Pin.low = Pin.off


class WDT:
    """The watchdog: the host restarts the board when it is not fed in time."""

    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError("" if _is_esp32 else "WDT(%d) doesn't exist" % id)
        ask("watchdog.start", timeout)

    def feed(self):
        ask("watchdog.feed")


class RTC:
    """The clock and, where the chip has it, the memory that outlives a reset."""

    # Seconds by which the board's clock was set ahead of this machine's; one clock a board.
    _ahead_s = 0

    def datetime(self, when=None):
        if when is None:
            year, month, day, hour, minute, second, weekday = time.gmtime(
                int(time.time()) + RTC._ahead_s
            )[:7]
            return (year, month, day, weekday, hour, minute, second, 0)
        year, month, day, _, hour, minute, second = when[:7]
        days = _days_from_epoch(year, month, day)
        wanted_s = ((days * 24 + hour) * 60 + minute) * 60 + second
        RTC._ahead_s = wanted_s - int(time.time())

    if facts["retained"]:

        def memory(self, content=None):
            if content is None:
                return bytes.fromhex(ask("retained.read"))
            ask("retained.write", bytes(content).hex())


def _days_from_epoch(year, month, day):
    # Days of the Gregorian calendar since 1970-01-01; March is the first month of its year.
    if month <= 2:
        year -= 1
        month += 12
    era_days = 365 * year + year // 4 - year // 100 + year // 400
    return era_days + (153 * (month - 3) + 2) // 5 + day - 719469


def reset():
    ask("reset")
    forever()


def soft_reset():
    ask("reset.soft")
    forever()


def reset_cause():
    return facts["reset_cause"]


if _is_esp32:

    def wake_reason():
        return ask("wake_reason")


def unique_id():
    return bytes.fromhex(facts["unique_id"])


def freq(hertz=None):
    if hertz is None:
        return facts["frequency_hz"]
    facts["frequency_hz"] = hertz


def lightsleep(duration_ms=None):
    if duration_ms is not None and duration_ms <= 1 and not _is_esp32:
        time.sleep(duration_ms / 1000)
        return
    if not ask("sleep.light", duration_ms) and duration_ms is not None:
        time.sleep(duration_ms / 1000)
    else:
        # In slices, to see when a pin wakes the chip.
        start = time.ticks_ms()
        while not ask("sleep.is_over"):
            slept_ms = time.ticks_diff(time.ticks_ms(), start)
            if duration_ms is not None and slept_ms >= duration_ms:
                break
            time.sleep(_SLICE_S)
    ask("sleep.woken")


def deepsleep(duration_ms=None):
    ask("sleep.deep", duration_ms)
    forever()
