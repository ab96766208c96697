"""The module ``esp32`` of a simulated board: the pins that wake it."""

from _wakecall_control import ask, facts

if facts["port"] != "esp32":
    raise ImportError("no module named 'esp32'")

WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True


def _set(source, pins, level):
    ask("wake.set", source, [getattr(pin, "_id", pin) for pin in pins], 1 if level else 0)


if facts["wake_ext0"]:

    def wake_on_ext0(pin=None, level=False):
        _set("ext0", [] if pin is None else [pin], level)


if facts["wake_ext1"]:

    def wake_on_ext1(pins=(), level=False):
        _set("ext1", pins or (), level)


def wake_on_gpio(pins=(), level=False):
    _set("gpio", pins or (), level)
