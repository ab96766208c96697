"""The methods of a board: declared by a decorator, found by name, described to a caller."""

import json

from wakecall.errors import CommandError, SchemaError
from wakecall.schema import Kind, Object, shown

#: The effect classes (delivery.md 1): what may happen to a command that a power cut interrupted.
EFFECTS = ("read", "set", "once", "reboot", "resume")


class Method:
    """One method: a handler with its declaration. Calling it calls the handler."""

    def __init__(self, function, name, effect, params, help, verify, complete, parallel, retain):
        self.function = function
        self.name = name or function.__name__
        self.effect = effect
        self.params = params if isinstance(params, Kind) else Object(params or {})
        self.help = help
        self.verify = verify
        self.complete = complete
        self.parallel = parallel
        self.retain = retain

    def __call__(self, agent, *values, **named):
        return self.function(agent, *values, **named)

    def check(self, params, pins):
        """Return the handler's arguments: a dict for declared members, else one checked value.

        Args:
            params: Any JSON value, as it came. For a method with members ``null`` and a text that
                holds an object count as one: widgets send ``"{}"`` (thingsboard-rpc.md 7).
            pins: The board's pins, against which pin numbers are checked.

        Raises:
            CommandError: ``INVALID_ARGUMENT``, ``OUT_OF_RANGE`` or what a pin's refusal says.
        """
        if isinstance(self.params, Object):
            params = _as_object(params)
        try:
            return self.params.check(params, pins)
        except SchemaError as error:
            subject = "" if isinstance(self.params, Object) else "params "
            raise CommandError(error.code, "%s: %s%s" % (self.name, subject, error.message))

    def run(self, agent, arguments, hook=None):
        """Call the handler, or another function in its place; the result may have to be awaited."""
        function = hook or self.function
        if isinstance(self.params, Object):
            return function(agent, **arguments)
        return function(agent, arguments)

    def describe(self):
        """Return name, effect class, help and the JSON Schema of the params."""
        return {
            "method": self.name,
            "effect": self.effect,
            "parallel": self.parallel,
            "retain": self.retain is not None,
            "help": self.help,
            "params": self.params.describe(),
        }


def method(
    params=None,
    effect="once",
    name=None,
    help="",
    verify=None,
    complete=None,
    parallel=False,
    retain=None,
):
    """Make a function ``handler(agent, ...)`` a method of the board; ``def`` or ``async def``.

        @method({"seconds": Integer(1, 60)}, effect="once", help="Open the valve")
        async def water(agent, seconds):
            ...

    Args:
        params: Name to kind, each given to the handler by name; or one kind, for methods whose
            params are a bare value such as ``true``.
        effect: One of ``EFFECTS``; ``once`` when nothing is said, as that is the careful one.
        name: The name on the wire; that of the function by default.
        help: One line for ``describeMethod``.
        verify: For ``once``: asked, with the same arguments, after a restart amid a run.
            It returns the answer if the effect happened, None if it did not (then the command is
            run), or raises ``CommandError`` when it cannot tell.
        complete: For ``resume``: finishes an interrupted run after a restart, as often as needed,
            and returns the answer.
        retain: For ``set``: called with the same arguments, it returns a text that names the state
            which the command sets, or None. The newest command for each name is kept on flash and
            run again at each boot.
        parallel: Whether it may run while other commands do, and out of their order.

    Raises:
        ValueError: The effect class does not exist, or has no such hook.
    """
    if effect not in EFFECTS:
        raise ValueError("effect must be one of %s, not %s" % (", ".join(EFFECTS), shown(effect)))
    if (verify and effect != "once") or (complete and effect != "resume"):
        raise ValueError("verify belongs to the effect once, complete to resume")
    if retain and effect != "set":
        raise ValueError("retain belongs to the effect set")

    def declare(function):
        return Method(function, name, effect, params, help, verify, complete, parallel, retain)

    return declare


class Registry:
    """All methods of an agent, by name."""

    def __init__(self):
        self._methods = {}
        #: Handlers of shared attributes (``attributes.py``).
        self.handlers = []

    def add(self, added):
        """Add a method; a later one replaces an earlier one of the same name."""
        self._methods[added.name] = added

    def add_module(self, module):
        """Add every method and attribute handler that a module defines and return their names."""
        names = []
        for attribute in dir(module):
            value = getattr(module, attribute)
            if isinstance(value, Method):
                self.add(value)
                names.append(value.name)
            elif hasattr(value, "handles_attributes"):
                self.handlers.append(value)
                names.append(attribute)
        return names

    def find(self, name):
        """Return the method of that name.

        Raises:
            CommandError: ``NOT_FOUND``; the text says how to list what there is.
        """
        found = self._methods.get(name)
        if found is None:
            raise CommandError(
                "NOT_FOUND", "no method %s on this board; listMethods names them" % shown(name)
            )
        return found

    def names(self):
        """Return the sorted names of all methods."""
        return sorted(self._methods)


def _as_object(params):
    if params is None:
        return {}
    if isinstance(params, str) and params[:1] == "{":
        try:
            return json.loads(params)
        except ValueError:
            pass
    return params
