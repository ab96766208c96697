"""Methods for ThingsBoard's control widgets, bound to pins by ``widgets`` of the configuration.

Loaded only where something is bound, and only what is bound becomes a method
(reference/thingsboard-rpc.md 7).
"""

import asyncio
import json

from wakecall.errors import CommandError, SchemaError
from wakecall.methods.gpio import drive
from wakecall.pins import Pin
from wakecall.registry import method
from wakecall.schema import Boolean, Integer, Kind, Number, Object, Table

_RANGE = Object({"minimum": Number(default=0), "maximum": Number(default=100)})
#: Where the numbers are that no pin carries.
_FILE = "widgets"


class Binding(Kind):
    """What a widget shows and sets: a pin, or a range for a number that is kept over restarts."""

    def check(self, value, board=None):
        if not isinstance(value, dict):
            return board.find(value, True)
        checked = _RANGE.check(value)
        if checked["minimum"] > checked["maximum"]:
            raise SchemaError("minimum must not be above maximum")
        return checked

    def _facts(self):
        return {"oneOf": [Pin(output=True).describe(), _RANGE.describe()]}


#: What ``widgets`` of the configuration may hold; ``gpio`` maps a widget's numbers to pins.
BINDINGS = Object(
    {
        "gpio": Table(Pin(), default={}),
        "value": Binding(default=None),
        "state": Binding(default=None),
        "command": Object(
            {"pin": Pin(output=True), "pulse_ms": Integer(1, 5000, default=500)}, default=None
        ),
    }
)


class _OrNothing(Kind):
    """A value of another kind, or null."""

    def __init__(self, kind):
        super().__init__(help="null toggles a pin")
        self._kind = kind

    def check(self, value, board=None):
        return None if value is None else self._kind.check(value, board)

    def _facts(self):
        return {"oneOf": [self._kind.describe(), {"type": "null"}]}


def bind(registry, widgets):
    """Add the methods of what is bound.

    Args:
        registry: Takes the methods.
        widgets: ``widgets`` of the configuration, checked.
    """
    registry.add(checkStatus)
    if widgets["gpio"]:
        registry.add(getGpioStatus)
        registry.add(setGpioStatus)
    if widgets["value"] is not None:
        _bind_value(registry, "value", widgets["value"])
    if widgets["state"] is not None:
        _bind_value(registry, "state", widgets["state"])
    if widgets["command"] is not None:
        registry.add(rpcCommand)


@method(effect="read", help="Tell that the device is up")
def checkStatus(agent):
    return True


@method(effect="read", help="Tell which pins of the GPIO widget are high")
def getGpioStatus(agent):
    pins = agent.configuration["widgets"]["gpio"]
    return {number: agent.pins.read(pin) == 1 for number, pin in pins.items()}


@method(
    {"pin": Integer(0, 999), "enabled": Boolean()}, effect="set", help="Drive a pin of the widget"
)
def setGpioStatus(agent, pin, enabled):
    pins = agent.configuration["widgets"]["gpio"]
    bound = pins.get(str(pin))
    if bound is None:
        told = "setGpioStatus: widgets.gpio of the configuration binds %s, not %d"
        raise CommandError("INVALID_ARGUMENT", told % (", ".join(sorted(pins)), pin))
    try:
        bound = agent.pins.find(bound, True)
    except SchemaError as error:
        raise CommandError(error.code, "setGpioStatus: pin %s" % error.message)
    drive(agent.pins, bound, int(enabled))
    return getGpioStatus(agent)


@method(Kind(help="is not looked at"), help="Pulse the pin of the RPC button")
async def rpcCommand(agent, params):
    command = agent.configuration["widgets"]["command"]
    try:
        drive(agent.pins, command["pin"], 1)
        await asyncio.sleep(command["pulse_ms"] / 1000)
    finally:
        agent.pins.write(command["pin"], 0)
    return True


def _bind_value(registry, subject, binding):
    """Add ``getValue`` and ``setValue``, or ``getState`` and ``setState``."""
    is_number = isinstance(binding, dict)
    kind = Number(binding["minimum"], binding["maximum"]) if is_number else Boolean()

    def show(agent):
        if is_number:
            return _numbers(agent.port).get(subject, binding["minimum"])
        return agent.pins.read(binding) == 1

    def take(agent, value):
        if is_number:
            _keep_number(agent.port, subject, value)
            return value
        value = not show(agent) if value is None else value
        drive(agent.pins, binding, int(value))
        return value

    def take_again(agent, value):
        if value is None:
            raise CommandError("ABORTED", "the board restarted while it toggled the pin", "unknown")
        # An absolute value may be set again.

    name = subject[0].upper() + subject[1:]
    registry.add(method(effect="read", name="get" + name, help="What the widget shows")(show))
    if subject == "state" and not is_number:
        # The command button sends null, which toggles: that must not happen twice.
        declare = method(_OrNothing(kind), name="setState", verify=take_again)
    else:
        declare = method(kind, effect="set", name="set" + name)
    registry.add(declare(take))


def _numbers(port):
    try:
        return json.loads(port.read_file(_FILE) or b"{}")
    except ValueError:
        return {}


def _keep_number(port, subject, value):
    numbers = _numbers(port)
    if numbers.get(subject) != value:
        numbers[subject] = value
        port.write_file(_FILE, json.dumps(numbers).encode())
