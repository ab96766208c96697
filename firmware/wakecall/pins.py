"""The pins of a board: which may be used for what, and the pins in use.

What is safe comes from ``board.json``, written by the host from ``boards/*.toml``
(reference/host-tools.md 5.6); what the owner allows beyond it from ``pins.allow`` of the
configuration. A refusal names the pin and the reason.
"""

from wakecall.errors import SchemaError
from wakecall.schema import Kind, shown

#: Reasons that no configuration overrules: the board would stop working.
_NEVER = (
    ("absent", "does not exist"),
    ("flash", "carries the flash memory"),
    ("radio", "carries the radio"),
)
#: Reasons that ``pins.allow`` overrules, for one who knows what is wired there.
_UNLESS_ALLOWED = (
    ("strapping", "decides how the board boots"),
    ("console", "carries the serial console"),
    ("usb", "carries USB or JTAG"),
    ("system", "belongs to the board's own circuits"),
)

_HOW_TO_ALLOW = "; pins.allow in its configuration permits the use"


class Pins:
    """The pins of one board.

    Args:
        board: The content of ``board.json``.
        allow: Pins that the owner allows though the board's definition advises against them.
        machine: The module with ``Pin``.
    """

    def __init__(self, board, allow, machine):
        self._name = board["board"]
        self._facts = board["pins"]
        self._names = self._facts.get("names", {})
        self._allow = allow
        self._machine = machine
        self._outputs = {}

    def find(self, wanted, output):
        """Return a pin's number, or its name where it has one only.

        Args:
            wanted: A number, a number as text, or a name such as ``LED``.
            output: Whether the pin is to be driven.

        Raises:
            SchemaError: The pin cannot or must not be used so.
        """
        if isinstance(wanted, str) and wanted in self._names:
            wanted = self._names[wanted]
            if isinstance(wanted, str):
                return wanted
        number = _number(wanted)
        if number is None:
            raise SchemaError("must be a pin of the board %s, not %s" % (self._name, shown(wanted)))
        self._check(number, output)
        return number

    def read(self, pin):
        """Return the level of a pin, 0 or 1; a pin that is not driven becomes an input."""
        opened = self._outputs.get(pin)
        if opened is None:
            opened = self._machine.Pin(pin, self._machine.Pin.IN)
        return opened.value()

    def write(self, pin, value):
        """Drive a pin and return its level before, or None when it was not driven before."""
        opened = self._outputs.get(pin)
        if opened is not None:
            before = opened.value()
            opened.value(value)
            return before
        # The level is given with the mode, so that no wrong level is driven in between.
        self._outputs[pin] = self._machine.Pin(pin, self._machine.Pin.OUT, value=value)
        return None

    def _check(self, number, output):
        facts = self._facts
        if not facts["first"] <= number <= facts["last"]:
            raise self._refusal(number, "does not exist")
        for reason, told in _NEVER:
            if number in facts.get(reason, ()):
                raise self._refusal(number, told)
        if output and number in facts.get("input_only", ()):
            raise self._refusal(number, "is an input only")
        if not output or number in self._allow:
            return
        for reason, told in _UNLESS_ALLOWED:
            if number in facts.get(reason, ()):
                raise self._refusal(number, told, "FAILED_PRECONDITION", _HOW_TO_ALLOW)

    def _refusal(self, number, told, code="INVALID_ARGUMENT", advice=""):
        return SchemaError("%d %s on the board %s%s" % (number, told, self._name, advice), code)


class Pin(Kind):
    """A pin of the board, by number or name, refused by name when it is not safe to use.

    Args:
        output: Whether the handler drives it.
    """

    def __init__(self, output=False, help=""):
        super().__init__(help=help)
        self.output = output

    def check(self, value, board=None):
        return board.find(value, self.output)

    def _facts(self):
        return {"type": ["integer", "string"], "format": "output pin" if self.output else "pin"}


def _number(value):
    if isinstance(value, str) and 0 < len(value) <= 4 and value.isdigit():
        return int(value)
    if isinstance(value, float) and value == value // 1:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
