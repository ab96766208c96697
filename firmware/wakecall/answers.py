"""Answers as bytes: any JSON value, or an error that says what could not be sent. Pure."""

import json

from micropython import const

from wakecall.errors import CommandError

#: ThingsBoard closes the connection above 65,536 bytes (thingsboard-rpc.md 1.1).
_LIMIT_BYTES = const(60000)
_DEEPEST = const(12)


def encode(answer):
    """Return an answer as bytes of JSON; one that cannot be sent becomes an error, effect done."""
    if not is_json(answer, _DEEPEST):
        error = CommandError("INTERNAL", "the method returned a value that is not JSON", "done")
        answer = error.answer()
    payload = json.dumps(answer).encode()
    if len(payload) > _LIMIT_BYTES:
        told = "the answer has %d bytes, more than can be sent" % len(payload)
        payload = json.dumps(CommandError("RESOURCE_EXHAUSTED", told, "done").answer()).encode()
    return payload


def is_json(value, depth):
    """Return whether a value is JSON, nested no deeper than told.

    MicroPython's json writes any object by its ``repr``, and a NaN as ``nan``.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return True
    if isinstance(value, float):
        return value - value == 0
    if depth == 0:
        return False
    if isinstance(value, (list, tuple)):
        return all([is_json(item, depth - 1) for item in value])
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not is_json(item, depth - 1):
                return False
        return True
    return False
