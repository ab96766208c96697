"""Calls to the server: which are open, and which answer belongs to which. Pure."""

import json

from wakecall.errors import CallError

#: What ThingsBoard answers when no rule did (reference/thingsboard-rpc.md 1.7).
_NOBODY_ANSWERS = {"error": "timeout"}


class Call:
    """One open call; ``on_done`` is called when ``result`` returns or raises for good."""

    def __init__(self, method, on_done):
        self.method = method
        self._on_done = on_done
        self._answer = None
        self._error = None

    def answered(self, answer):
        """Take the server's answer, any JSON value."""
        if answer == _NOBODY_ANSWERS:
            self._error = CallError("UNAVAILABLE", "the server has no rule for %s" % self.method)
        self._answer = answer
        self._on_done()

    def failed(self, code, reason):
        """End the call without an answer."""
        self._error = CallError(code, "%s: %s" % (self.method, reason))
        self._on_done()

    def result(self):
        """Return the answer.

        Raises:
            CallError: There is none.
        """
        if self._error is not None:
            raise self._error
        return self._answer


class Calls:
    """The open calls of an agent.

    Args:
        first_id: Where the ids start. A random start keeps a late answer to a call of before a
            restart from meeting a new one.
    """

    def __init__(self, first_id):
        self._next_id = first_id
        self._open = {}

    def start(self, method, params, on_done):
        """Open a call and return ``(call_id, payload, call)``; the id is text, as in the topic."""
        call_id = str(self._next_id)
        self._next_id = (self._next_id + 1) & 0x3FFFFFFF
        call = self._open[call_id] = Call(method, on_done)
        payload = json.dumps({"method": method, "params": {} if params is None else params})
        return call_id, payload.encode(), call

    def answered(self, call_id, payload):
        """Take an answer from the link; one to nobody is left alone."""
        call = self._open.pop(call_id, None)
        if call is None:
            return
        try:
            call.answered(json.loads(payload))
        except ValueError:
            call.failed("ABORTED", "the server's answer is not JSON")

    def is_open(self, call_id):
        """Return whether this is our own call: a general broker hands it back as a command."""
        return call_id in self._open

    def forget(self, call_id):
        """Wait no longer for a call."""
        self._open.pop(call_id, None)

    def link_lost(self):
        """End all open calls: their answers cannot come any more."""
        lost = self._open
        self._open = {}
        for call in lost.values():
            call.failed("UNAVAILABLE", "the link to the server broke")
