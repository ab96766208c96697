"""Methods for digital pins: ``setGpio`` and ``getGpio``."""

from wakecall.errors import CommandError, SchemaError
from wakecall.pins import Pin
from wakecall.registry import method
from wakecall.schema import Kind, shown


class Level(Kind):
    """The level of a pin: 0 or 1, also as text or boolean."""

    def check(self, value, board=None):
        if value in (0, "0", "false"):  # False == 0
            return 0
        if value in (1, "1", "true"):
            return 1
        code = "OUT_OF_RANGE" if isinstance(value, int) else "INVALID_ARGUMENT"
        raise SchemaError("must be 0 or 1, not %s" % shown(value), code)

    def _facts(self):
        return {"enum": [0, 1]}


def _retained(agent, pin, value):
    return "pin %s" % pin if pin in agent.configuration["pins"]["retain"] else None


@method(
    {"pin": Pin(output=True), "value": Level()},
    effect="set",
    retain=_retained,
    help="Drive a pin",
)
def setGpio(agent, pin, value):
    before = agent.pins.write(pin, value)
    level = agent.pins.read(pin)
    if level != value:
        raise CommandError(
            "FAILED_PRECONDITION",
            "pin %s stays at %d though it is driven to %d: is it shorted?" % (pin, level, value),
            "done",
        )
    return {"pin": pin, "value": value, "changed": before != value}


@method({"pin": Pin()}, effect="read", help="Read the level of a pin")
def getGpio(agent, pin):
    return {"pin": pin, "value": agent.pins.read(pin)}
