"""Declared values: one declaration both checks what comes in and describes it to a caller.

Used for the params of methods and for the configuration files. A number may come as text, as
ThingsBoard's samples send it (``"pin": "23"``; reference/thingsboard-rpc.md 7).
"""

from wakecall.errors import SchemaError

_REQUIRED = object()


class Kind:
    """Base of all kinds: any JSON value.

    Args:
        default: The value taken when none is given; without it the value is required.
        help: A few words for ``describeMethod``.
    """

    def __init__(self, default=_REQUIRED, help=""):
        self.default = default
        self.help = help

    @property
    def required(self):
        """Whether a value must be given."""
        return self.default is _REQUIRED

    def check(self, value, board=None):
        """Return the value as a handler gets it.

        Args:
            value: Any JSON value.
            board: The board's pins, for kinds that depend on them.

        Raises:
            SchemaError: It does not fit; the text completes the sentence "pin ...".
        """
        return value

    def describe(self):
        """Return the declaration in the words of JSON Schema."""
        described = self._facts()
        if not self.required:
            described["default"] = self.default
        if self.help:
            described["description"] = self.help
        return described

    def _facts(self):
        return {}


class Integer(Kind):
    """A whole number within a range, both ends included."""

    def __init__(self, minimum=None, maximum=None, default=_REQUIRED, help=""):
        super().__init__(default, help)
        self.minimum = minimum
        self.maximum = maximum

    def check(self, value, board=None):
        number = _whole(value)
        if number is None:
            raise SchemaError("must be a whole number, not %s" % shown(value))
        _check_range(number, self.minimum, self.maximum)
        return number

    def _facts(self):
        return _with_range({"type": "integer"}, self.minimum, self.maximum)


class Number(Kind):
    """A number within a range, both ends included."""

    def __init__(self, minimum=None, maximum=None, default=_REQUIRED, help=""):
        super().__init__(default, help)
        self.minimum = minimum
        self.maximum = maximum

    def check(self, value, board=None):
        number = _number(value)
        if number is None:
            raise SchemaError("must be a number, not %s" % shown(value))
        _check_range(number, self.minimum, self.maximum)
        return number

    def _facts(self):
        return _with_range({"type": "number"}, self.minimum, self.maximum)


class Boolean(Kind):
    """``true`` or ``false``, also as text or as 1 and 0."""

    def check(self, value, board=None):
        if value is True or value in (1, "1", "true"):
            return True
        if value is False or value in (0, "0", "false"):
            return False
        raise SchemaError("must be true or false, not %s" % shown(value))

    def _facts(self):
        return {"type": "boolean"}


class Text(Kind):
    """A text of limited length in characters."""

    def __init__(self, maximum_length=256, default=_REQUIRED, help="", minimum_length=0):
        super().__init__(default, help)
        self.minimum_length = minimum_length
        self.maximum_length = maximum_length

    def check(self, value, board=None):
        if not isinstance(value, str):
            raise SchemaError("must be a text, not %s" % shown(value))
        if not self.minimum_length <= len(value) <= self.maximum_length:
            raise SchemaError(
                "must have %d to %d characters, not %d"
                % (self.minimum_length, self.maximum_length, len(value)),
                "OUT_OF_RANGE",
            )
        return value

    def _facts(self):
        return {
            "type": "string",
            "minLength": self.minimum_length,
            "maxLength": self.maximum_length,
        }


class Choice(Kind):
    """One of a few values."""

    def __init__(self, options, default=_REQUIRED, help=""):
        super().__init__(default, help)
        self.options = options

    def check(self, value, board=None):
        for option in self.options:
            if value == option and isinstance(value, bool) == isinstance(option, bool):
                return option
        known = ", ".join([str(option) for option in self.options])
        raise SchemaError("must be one of %s, not %s" % (known, shown(value)))

    def _facts(self):
        return {"enum": list(self.options)}


class Each(Kind):
    """A list whose items are all of one kind."""

    def __init__(self, item, maximum_length=32, default=_REQUIRED, help=""):
        super().__init__(default, help)
        self.item = item
        self.maximum_length = maximum_length

    def check(self, value, board=None):
        if not isinstance(value, list):
            raise SchemaError("must be a list, not %s" % shown(value))
        if len(value) > self.maximum_length:
            raise SchemaError("must have at most %d items" % self.maximum_length, "OUT_OF_RANGE")
        return [self.item.check(item, board) for item in value]

    def _facts(self):
        return {"type": "array", "items": self.item.describe(), "maxItems": self.maximum_length}


class Table(Kind):
    """An object of any names, whose values are all of one kind."""

    def __init__(self, item, default=_REQUIRED, help=""):
        super().__init__(default, help)
        self.item = item

    def check(self, value, board=None):
        if not isinstance(value, dict):
            raise SchemaError("must be an object, not %s" % shown(value))
        return {name: _member(name, self.item, value[name], board) for name in value}

    def _facts(self):
        return {"type": "object", "additionalProperties": self.item.describe()}


class Object(Kind):
    """An object with declared members and no others.

    Args:
        members: Name to kind.
    """

    def __init__(self, members, default=_REQUIRED, help=""):
        super().__init__(default, help)
        self.members = members

    def check(self, value, board=None):
        if not isinstance(value, dict):
            raise SchemaError("must be an object, not %s" % shown(value))
        for name in value:
            if name not in self.members:
                known = ", ".join(sorted(self.members)) or "none"
                raise SchemaError("%s is not known here (known: %s)" % (shown(name), known))
        checked = {}
        for name, kind in self.members.items():
            if name in value:
                checked[name] = _member(name, kind, value[name], board)
            elif kind.required:
                raise SchemaError("%s is missing" % name)
            else:
                checked[name] = kind.default
        return checked

    def _facts(self):
        members = {name: kind.describe() for name, kind in self.members.items()}
        required = sorted([name for name, kind in self.members.items() if kind.required])
        return {"type": "object", "properties": members, "required": required}


def shown(value):
    """Return a value as an error text shows it: short, and with its type visible."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _member(name, kind, value, board):
    try:
        return kind.check(value, board)
    except SchemaError as error:
        raise SchemaError("%s %s" % (name, error.message), error.code)


def _whole(value):
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value == value // 1 and abs(value) < 1e15 else None
    if isinstance(value, str):
        digits = value[1:] if value[:1] == "-" else value
        # isdigit() alone also takes digits of other scripts on CPython.
        plain = 0 < len(digits) <= 18 and all(["0" <= digit <= "9" for digit in digits])
        return int(value) if plain else None
    return value if isinstance(value, int) else None


def _number(value):
    whole = _whole(value)
    if whole is not None:
        return whole
    if isinstance(value, str) and len(value) <= 32 and value[-1:].isdigit():
        try:
            value = float(value)
        except ValueError:
            return None
    # Neither a NaN nor an infinity is JSON.
    return value if isinstance(value, float) and value - value == 0 else None


def _check_range(number, minimum, maximum):
    if (minimum is not None and number < minimum) or (maximum is not None and number > maximum):
        if minimum is None:
            allowed = "at most %s" % maximum
        elif maximum is None:
            allowed = "at least %s" % minimum
        else:
            allowed = "%s to %s" % (minimum, maximum)
        raise SchemaError("must be %s, not %s" % (allowed, number), "OUT_OF_RANGE")


def _with_range(described, minimum, maximum):
    if minimum is not None:
        described["minimum"] = minimum
    if maximum is not None:
        described["maximum"] = maximum
    return described
