"""The life of a command, from its arrival to the confirmation of its answer. Pure.

Links hand in what arrives and are told what to say; their methods gather bytes and do no I/O. The
agent runs what ``next`` returns and hands in how it went. Time is passed in (delivery.md).
"""

import json

from micropython import const

from wakecall.errors import CommandError

#: What may wait, in commands and in bytes; more is refused, so that a burst cannot fill the memory.
_QUEUE_LIMIT = const(32)
_QUEUE_LIMIT_BYTES = const(16384)
#: A PUBACK that waits longer for its command leaves without it (delivery.md 5): ThingsBoard waits
#: 10 s and then counts the delivery as failed.
_ACKNOWLEDGE_AFTER_MS = const(3000)
#: ThingsBoard closes the connection above 65,536 bytes (thingsboard-rpc.md 1.1).
_ANSWER_LIMIT = const(60000)
_DEEPEST = const(16)


class Command:
    """One command on its way."""

    def __init__(self, link, packet_id, request_id, arrived_ms):
        self.link = link
        self.packet_id = packet_id
        self.request_id = request_id
        self.arrived_ms = arrived_ms
        self.size = 0
        self.method = None
        self.arguments = None
        #: Whether its PUBACK may leave, once those before it have left.
        self.may_acknowledge = False


class Delivery:
    """Takes commands in, hands them out to be run in order, and sees their answers confirmed.

    Args:
        registry: The methods of the board.
        pins: The board's pins, against which params are checked.
    """

    def __init__(self, registry, pins):
        self._registry = registry
        self._pins = pins
        self._waiting = []
        self._running = []
        self._unacknowledged = []
        self._owed = []

    @property
    def is_settled(self):
        """Whether every answer that was sent is confirmed."""
        return not self._owed

    def arrived(self, now_ms, link, packet_id, request_id, payload, payload_length):
        """Take a command from a link; one that cannot be run is answered at once.

        Args:
            now_ms: The time.
            link: Where it came from, and where its answer goes.
            packet_id: What to acknowledge, or None.
            request_id: The text that the answer has to carry.
            payload: Bytes; only the beginning when the message is too large.
            payload_length: The length of the whole message in bytes.
        """
        command = Command(link, packet_id, request_id, now_ms)
        if packet_id is not None:
            self._unacknowledged.append(command)
        if not _is_request_id(request_id):
            # ThingsBoard never sends such; an answer under it would cost us the connection.
            self._acknowledge(command)
            return
        try:
            if payload_length != len(payload):
                raise CommandError(
                    "RESOURCE_EXHAUSTED",
                    "the command has %d bytes, more than this board takes" % payload_length,
                )
            command.size = payload_length
            if not self._has_room(command):
                raise CommandError("RESOURCE_EXHAUSTED", "too many commands wait; send it later")
            name, params = parse(payload)
            command.method = self._registry.find(name)
            command.arguments = command.method.check(params, self._pins)
        except CommandError as error:
            self._finish(command, error.answer())
        else:
            self._waiting.append(command)

    def next(self):
        """Return the command to run now, or None; its run ends with ``ran``."""
        if not self._waiting:
            return None
        command = self._waiting.pop(0)
        self._running.append(command)
        return command

    def ran(self, command, answer):
        """Take what a handler returned; the PUBACK goes first, the answer right behind it."""
        self._running.remove(command)
        self._finish(command, answer)

    def failed(self, command, error):
        """Take the ``CommandError`` that a run ended with."""
        self.ran(command, error.answer())

    def next_check_ms(self, now_ms):
        """Acknowledge what waits too long; return the time of the next look, or None."""
        for command in list(self._unacknowledged):
            if now_ms - command.arrived_ms >= _ACKNOWLEDGE_AFTER_MS:
                self._acknowledge(command)
        if not self._unacknowledged:
            return None
        return self._unacknowledged[0].arrived_ms + _ACKNOWLEDGE_AFTER_MS

    def link_lost(self, link):
        """Forget what a lost connection can no longer carry; the server sends again what it holds.

        A command that runs goes on, but its answer goes nowhere: on the next connection its packet
        id means nothing, and its request id may mean another command.
        """
        for command in self._running:
            if command.link is link:
                command.link = None
        self._waiting = _without(self._waiting, link)
        self._unacknowledged = _without(self._unacknowledged, link)
        self._owed = _without(self._owed, link)

    def _has_room(self, command):
        size = command.size
        for waiting in self._waiting:
            size += waiting.size
        # One command always has room, however large.
        room = len(self._waiting) < _QUEUE_LIMIT and size <= _QUEUE_LIMIT_BYTES
        return room or not self._waiting

    def _finish(self, command, answer):
        if command.link is None:
            return
        self._acknowledge(command)
        payload = encode(answer)
        self._owed.append(command)
        command.link.answer(command.request_id, payload, lambda: self._confirmed(command))

    def _confirmed(self, command):
        if command in self._owed:
            self._owed.remove(command)

    def _acknowledge(self, command):
        command.may_acknowledge = True
        waiting = self._unacknowledged
        # PUBACKs leave in the order of arrival (MQTT 3.1.1, 4.6).
        while waiting and waiting[0].may_acknowledge:
            first = waiting.pop(0)
            first.link.acknowledge(first.packet_id)


def parse(payload):
    """Return method name and params of a command's payload.

    Raises:
        CommandError: ``INVALID_ARGUMENT``; it is no JSON object with a method.
    """
    try:
        message = json.loads(payload)
    except (ValueError, RuntimeError, MemoryError):  # the latter two: nested too deeply
        raise CommandError("INVALID_ARGUMENT", "the command is not JSON, or nested too deeply")
    if not isinstance(message, dict):
        raise CommandError("INVALID_ARGUMENT", "the command is not a JSON object")
    name = message.get("method")
    if not isinstance(name, str) or not name:
        raise CommandError("INVALID_ARGUMENT", "the command names no method")
    return name, message.get("params")


def encode(answer):
    """Return an answer as bytes of JSON; one that cannot be sent becomes an error, effect done."""
    if not _is_json(answer, _DEEPEST):
        error = CommandError("INTERNAL", "the method returned a value that is not JSON", "done")
        answer = error.answer()
    payload = json.dumps(answer).encode()
    if len(payload) > _ANSWER_LIMIT:
        text = "the answer has %d bytes, more than can be sent" % len(payload)
        payload = json.dumps(CommandError("RESOURCE_EXHAUSTED", text, "done").answer()).encode()
    return payload


def _without(commands, link):
    return [command for command in commands if command.link not in (link, None)]


def _is_json(value, depth):
    # MicroPython's json writes any object by its repr, and a NaN as nan.
    if value is None or isinstance(value, (bool, int, str)):
        return True
    if isinstance(value, float):
        return value - value == 0
    if depth == 0:
        return False
    if isinstance(value, (list, tuple)):
        return all([_is_json(item, depth - 1) for item in value])
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not _is_json(item, depth - 1):
                return False
        return True
    return False


def _is_request_id(text):
    digits = text[1:] if text[:1] == "-" else text
    return 0 < len(digits) <= 10 and digits.isdigit()
