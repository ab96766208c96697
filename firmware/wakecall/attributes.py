"""Shared attributes, which the server sets, given to functions in the owner's files.

Loaded only by files that use it. An attribute is a state: what counts is its newest value, so
a handler that is busy misses values in between, and hears of no value twice.
"""

import asyncio

from wakecall.errors import SchemaError
from wakecall.faults import traceback_text


def on_attributes(kinds):
    """Call a function ``handler(agent, ...)`` whenever one of its shared attributes changes.

        @on_attributes({"interval_s": Integer(1, 3600, default=60)})
        def report_every(agent, interval_s):
            ...

    It is called with all of its attributes by name, after the first connection and after each
    change; ``def`` or ``async def``. A value that does not fit is told in the log, and the one
    before stands.

    Args:
        kinds: Name to kind. One that does not exist on the server, or is deleted there, has the
            kind's default, or None.
    """

    def declare(function):
        return AttributeHandler(function, kinds)

    return declare


class AttributeHandler:
    """A function with the shared attributes that it wants."""

    #: By this the registry knows it, without loading this file.
    handles_attributes = True

    def __init__(self, function, kinds):
        self._function = function
        self._kinds = kinds
        self._values = {key: _default(kind) for key, kind in kinds.items()}
        self._told = None
        self._task = None
        #: The names of its attributes.
        self.keys = sorted(kinds)

    def take(self, agent, values, are_all):
        """Take attributes from the server; arguments as ``Agent.attributes_changed``."""
        deleted = self.keys if are_all else values.get("deleted")
        for key in deleted if isinstance(deleted, list) else ():
            if key in self._kinds and (not are_all or key not in values):
                self._values[key] = _default(self._kinds[key])
        for key in self.keys:
            if key in values:
                try:
                    self._values[key] = self._kinds[key].check(values[key], agent.pins)
                except SchemaError as error:
                    agent.log("shared attribute %s %s" % (key, error.message))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._tell(agent))

    async def _tell(self, agent):
        while self._told != self._values:
            self._told = dict(self._values)
            try:
                result = self._function(agent, **self._told)
                if hasattr(result, "send"):  # a coroutine, on both interpreters
                    limit_s = agent.configuration["time_limit_ms"] / 1000
                    await asyncio.wait_for(result, limit_s)
            except (Exception, SystemExit) as error:
                agent.log("shared attributes %s: %s" % (",".join(self.keys), traceback_text(error)))


def _default(kind):
    return None if kind.required else kind.default
