"""What a command says and which command it is: parsing, names, digests. Pure (delivery.md 4)."""

import hashlib
import json

from micropython import const

from wakecall.errors import CommandError

_KEY_BYTES = const(8)
_DIGEST_BYTES = const(4)
_LONGEST_NAME = const(128)
#: Recursion over what comes from outside ends here: a Pico has room for about 32 frames.
_DEEPEST = const(12)


class Message:
    """A command as its sender wrote it, the keys ``_id`` and ``_exp`` taken out of the params."""

    def __init__(self, method, params, name=None, expires_ms=None):
        self.method = method
        self.params = params
        #: The sender's name for the command, or None.
        self.name = name
        #: When it expires, in milliseconds since 1970, or None.
        self.expires_ms = expires_ms

    def digest(self):
        """Return 4 bytes that tell method and params apart from others."""
        text = self.method + "\n" + canonical(self.params)
        return hashlib.sha256(text.encode()).digest()[:_DIGEST_BYTES]

    def key(self, request_id, digest):
        """Return 8 bytes that stay the same when the server sends the command again.

        Args:
            request_id: The command's request id as text.
            digest: Of the message.
        """
        if self.name is not None:
            told = "name\n" + self.name
            return hashlib.sha256(told.encode()).digest()[:_KEY_BYTES]
        told = "fingerprint\n" + request_id + "\n"
        return hashlib.sha256(told.encode() + digest).digest()[:_KEY_BYTES]

    def check_expiry(self, epoch_ms):
        """Raise ``CommandError`` when it has expired at that time; None is an unknown time."""
        if self.expires_ms is None or epoch_ms is None:
            return
        if epoch_ms >= self.expires_ms:
            raise CommandError("DEADLINE_EXCEEDED", "the command expired before it could run")

    def body(self):
        """Return the message as bytes for the journal; ``parse_body`` reads them."""
        # A name is not needed again: the slot has its key.
        return json.dumps([self.method, self.params, self.expires_ms]).encode()


def parse(payload):
    """Return the ``Message`` of a command's payload.

    Raises:
        CommandError: ``INVALID_ARGUMENT``; it is no JSON object with a method, or too deep.
    """
    try:
        content = json.loads(payload)
    except (ValueError, RuntimeError, MemoryError):  # the latter two: nested too deeply
        raise CommandError("INVALID_ARGUMENT", "the command is not JSON, or nested too deeply")
    if not isinstance(content, dict):
        raise CommandError("INVALID_ARGUMENT", "the command is not a JSON object")
    method = content.get("method")
    if not isinstance(method, str) or not method:
        raise CommandError("INVALID_ARGUMENT", "the command names no method")
    params = content.get("params")
    if not _is_shallow(params, _DEEPEST):
        raise CommandError("INVALID_ARGUMENT", "the params are nested too deeply")
    message = Message(method, params)
    if isinstance(params, dict) and ("_id" in params or "_exp" in params):
        _take_out_keys(message)
    return message


def parse_body(body):
    """Return the ``Message`` that ``Message.body`` wrote."""
    method, params, expires_ms = json.loads(body)
    return Message(method, params, None, expires_ms)


def canonical(value):
    """Return a JSON value as text that does not depend on the order of keys.

    MicroPython's dicts keep no order, so the same command may come out of them in any.
    """
    if isinstance(value, dict):
        items = ['"%s":%s' % (key, canonical(value[key])) for key in sorted(value)]
        return "{" + ",".join(items) + "}"
    if isinstance(value, list):
        return "[" + ",".join([canonical(item) for item in value]) + "]"
    return json.dumps(value)


def _take_out_keys(message):
    params = message.params
    message.name = params.pop("_id", None)
    message.expires_ms = params.pop("_exp", None)
    if message.name is not None and not _is_name(message.name):
        raise CommandError("INVALID_ARGUMENT", "_id must be a text of 1 to 128 characters")
    if message.expires_ms is not None and not _is_time(message.expires_ms):
        raise CommandError("INVALID_ARGUMENT", "_exp must be milliseconds since 1970")
    if "_params" in params and len(params) == 1:
        message.params = params["_params"]


def _is_name(value):
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME


def _is_time(value):
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_shallow(value, depth):
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return True
    return depth > 0 and all([_is_shallow(item, depth - 1) for item in value])
