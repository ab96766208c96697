"""The life of a command, from its arrival to the confirmation of its answer. Pure.

One state machine in one file: ``delivery.md`` beside the design states its rules, and the section
numbers here are those. Links hand in what arrives and are told what to say; their methods gather
bytes and do no I/O. The agent runs what ``next`` returns and hands in how it went. Clock and flash
are passed in, so every point at which power may fail can be tried.
"""

from micropython import const

from wakecall.answers import encode
from wakecall.commands import Command, Connection, RingFullError, is_request_id
from wakecall.errors import CommandError
from wakecall.identity import parse, parse_body
from wakecall.journal import ACCEPTED, DONE, STARTED
from wakecall.owed import OwedAnswers
from wakecall.registry import EFFECTS

#: What may wait, in commands and in bytes, so that a burst cannot fill the memory.
_QUEUE_LIMIT = const(32)
_QUEUE_LIMIT_BYTES = const(16384)
#: Section 5: a PUBACK does not wait longer than this for its command.
_ACKNOWLEDGE_AFTER_MS = const(3000)
#: Section 8: how long a command with an expiry waits for a clock that can be trusted.
_CLOCK_WAIT_MS = const(20000)
#: Section 10: how long a board whose journal was lost refuses to restart without a name.
_LOST_JOURNAL_MS = const(60000)
#: Section 9: a command whose run ended in an unclean reset this often is closed.
_POISON_RUNS = const(2)

_COUNTS = ("received", "run", "replayed", "expired", "refused", "aborted", "left")
_RESTARTING_EFFECTS = ("reboot", "resume")
_REBOOTED = {"rebooting": True}


class Delivery:
    """Takes commands in, hands them out to be run in order, and sees their answers confirmed.

    Args:
        clock: Has ``now_ms`` and ``epoch_ms``, as the port.
        registry: The methods of the board.
        pins: The board's pins, against which params are checked.
        journal: The opened journal.
        guard: Refuses what a link may not call, or calls too often.
        durable_answers: Whether answers of ``read`` and ``set`` are kept over a cut, too.
    """

    def __init__(self, clock, registry, pins, journal, guard, durable_answers=False):
        self._clock = clock
        self._registry = registry
        self._pins = pins
        self._journal = journal
        self._guard = guard
        self._durable_answers = durable_answers
        self._connections = []
        self._owed = OwedAnswers(journal, self._connections)
        self._queue = []
        self._running = []
        self._journal_lost_ms = None
        #: Whether the last run of the board did not end in order: then every command is journalled
        #: before it runs, so that one which crashes the board shows itself (sections 5 and 9).
        self.is_careful = False
        self.counts = dict.fromkeys(_COUNTS, 0)

    # Events of a connection

    def connected(self, link):
        """Return the new ``Connection`` of a link that has subscribed."""
        connection = Connection(link)
        self._connections.append(connection)
        return connection

    def arrived(self, connection, packet_id, request_id, payload, payload_length):
        """Take a command from a link; one that cannot be run is answered at once.

        Args:
            connection: Where it came from.
            packet_id: What to acknowledge, or None.
            request_id: The text that the answer has to carry.
            payload: Bytes; only the beginning when the message is too large.
            payload_length: The length of the whole message in bytes.
        """
        if connection.is_leaving:
            return
        self.counts["received"] += 1
        command = Command(connection, packet_id, request_id, self._clock.now_ms(), payload_length)
        if packet_id is not None:
            connection.unacknowledged.append(command)
        try:
            self._take(command, payload)
        except CommandError as error:
            self._count_refusal(error)
            self._finish(command, error.answer())
        except RingFullError:
            self._leave(command)

    def fenced(self, connection, announced_epoch):
        """Take note that everything pending at the subscription has arrived.

        Args:
            connection: The connection.
            announced_epoch: The ``journalEpoch`` that the server remembers of this board, or None.
        """
        connection.is_fenced = True
        if announced_epoch is not None and announced_epoch != self._journal.epoch:
            self._journal_lost_ms = self._clock.now_ms()
        self._owed.fenced(connection)

    def lost(self, connection):
        """Forget what a lost connection cannot carry; the server sends again what it holds."""
        self._connections.remove(connection)
        connection.lose()
        self._queue = [c for c in self._queue if c.slot or c.connection is not connection]

    def owes(self, connection):
        """Return whether an answer that left on this connection is not confirmed yet."""
        return connection.unconfirmed > 0 or self._owed.is_owed_on(connection)

    def may_call(self, link, method):
        """Return whether a link may call a method, both by name."""
        return self._guard.may_call(link, method)

    @property
    def is_idle(self):
        """Whether nothing waits and nothing runs."""
        return not self._queue and not self._running

    # Runs

    def next(self):
        """Return the command to run now, or None; its run ends with ``ran`` or ``failed``."""
        while self._queue:
            command = self._queue[0]
            try:
                if self._must_wait(command):
                    return None
                self._queue.pop(0)
                self._begin(command)
            except CommandError as error:
                if command in self._queue:
                    self._queue.remove(command)
                self._count_refusal(error)
                self._finish(command, error.answer())
            else:
                return command
        return None

    def ran(self, command, answer):
        """Take what a handler returned."""
        self.counts["run"] += 1
        self._running.remove(command)
        self._finish(command, answer)

    def again(self, command):
        """Run a command's handler, its hook being certain that the effect never happened."""
        self._running.remove(command)
        self._queue.insert(0, command)

    def failed(self, command, error):
        """Take the ``CommandError`` that a run ended with."""
        self.ran(command, error.answer())

    def next_check_ms(self, connection):
        """Acknowledge what waits too long; return the time of the next look, or None."""
        due_ms = self._clock.now_ms() - _ACKNOWLEDGE_AFTER_MS
        for command in list(connection.unacknowledged):
            # What is done and waits behind a slow one takes memory, too.
            is_crowded = len(connection.unacknowledged) > _QUEUE_LIMIT
            if (is_crowded or command.arrived_ms <= due_ms) and not command.may_acknowledge:
                try:
                    self._make_durable(command)
                except RingFullError:
                    connection.is_leaving = True
                    return None
        for command in connection.unacknowledged:
            if not command.may_acknowledge:
                return command.arrived_ms + _ACKNOWLEDGE_AFTER_MS
        if self._queue and self._queue[0].message.expires_ms and self._clock.epoch_ms() is None:
            return self._queue[0].arrived_ms + _CLOCK_WAIT_MS
        return None

    # Boot

    def recover(self):
        """Take up, in order, every command that the last boot did not finish (section 5)."""
        for slot in self._journal.in_order(ACCEPTED, STARTED):
            command = Command(None, None, str(slot.request_id), self._clock.now_ms(), 0)
            command.slot = slot
            command.is_begun = slot.state == STARTED
            command.may_acknowledge = True
            try:
                self._recover(command)
            except CommandError as error:
                self._count_refusal(error)
                self._finish(command, error.answer())

    def _recover(self, command):
        interrupted = command.is_begun
        effect = EFFECTS[command.slot.effect]
        if interrupted and effect == "reboot":
            # Only a boot finds this record, so the reboot has happened.
            self._finish(command, _REBOOTED)
            return
        command.slot.runs -= interrupted and not self.is_careful  # only crashes count (section 9)
        if command.slot.runs >= _POISON_RUNS:
            raise CommandError("ABORTED", "the board restarted twice while it ran", "unknown")
        self._read_back(command)
        if interrupted and effect in ("once", "resume"):
            hook = command.method.verify if effect == "once" else command.method.complete
            if hook is None:
                raise CommandError("ABORTED", "the board restarted while it ran", "unknown")
            command.hook = hook
        command.is_begun = False
        self._queue.append(command)

    def _read_back(self, command):
        """Fill a command from its slot, or raise what its sender is told instead."""
        effect = "unknown" if command.is_begun else "none"
        body = self._journal.body(command.slot)
        if body is None:
            raise CommandError("ABORTED", "the command was lost in a power cut", effect)
        try:
            command.message = parse_body(body)
            command.method = self._registry.find(command.message.method)
            command.arguments = command.method.check(command.message.params, self._pins)
        except CommandError as error:
            raise CommandError(error.code, error.message, effect)

    # Taking a command in (section 2)

    def _take(self, command, payload):
        if not is_request_id(command.request_id):
            # ThingsBoard never sends such; an answer under it would cost us the connection.
            command.acknowledge()
            return
        if command.size != len(payload):
            told = "the command has %d bytes, more than this board takes" % command.size
            raise CommandError("RESOURCE_EXHAUSTED", told)
        message = command.message = parse(payload)
        command.method = self._registry.find(message.method)
        self._guard.check(command.connection.link.name, command.method.name)
        message.check_expiry(self._clock.epoch_ms())
        command.arguments = command.method.check(message.params, self._pins)
        if not self._replay(command):
            self._enqueue(command)

    def _leave(self, command):
        """Leave a command to the server (section 6)."""
        connection = command.connection
        self.counts["left"] += 1
        if connection.link.acknowledges:
            # Read on, take nothing more, settle, disconnect, come again: it is sent again.
            connection.is_leaving = True
        else:
            error = CommandError("RESOURCE_EXHAUSTED", "too many commands wait; send it later")
            self._finish(command, error.answer())

    def _replay(self, command):
        """Answer a command that the journal knows; return whether it does (section 4)."""
        journal = self._journal
        request_id = int(command.request_id)
        namesake = journal.find_request(request_id)
        if namesake is None and command.message.name is None and not self._is_durable(command):
            self._is_fresh(command)
            return False
        digest = command.digest = command.message.digest()
        key = command.key = command.message.key(command.request_id, digest)
        slot = journal.find(key)
        if slot is not None and slot.digest != digest:
            raise CommandError("INVALID_ARGUMENT", "its _id belongs to another command")
        if slot is not None and command.method.effect == "read" and slot.state >= DONE:
            slot.clear()
            slot = None
        if slot is None:
            if namesake is not None and namesake.digest != digest:
                self._owed.counts_anew()
            self._is_fresh(command)
            return False
        self.counts["replayed"] += 1
        slot.request_id = request_id
        slot.presented_on = command.connection
        command.acknowledge()
        if slot.state >= DONE:
            self._owed.send(slot, command.connection)
        return True

    def _is_fresh(self, command):
        connection = command.connection
        if connection.first_fresh_id is None:
            connection.first_fresh_id = int(command.request_id)
            self._owed.counted_on(connection)

    def _enqueue(self, command):
        if self._is_durable(command):
            # Section 5: what came earlier becomes durable first, so PUBACKs keep their order.
            for earlier in self._running + self._queue:
                if earlier.slot is None:
                    self._make_durable(earlier)
            self._make_durable(command)
        elif not self._has_room(command):
            raise RingFullError
        self._queue.append(command)

    def _is_durable(self, command):
        costs_flash = command.method.effect not in ("read", "set")
        return costs_flash or self.is_careful or self._durable_answers

    def _has_room(self, command):
        size = command.size + sum([waiting.size for waiting in self._queue])
        # One command always has room, however large.
        room = len(self._queue) < _QUEUE_LIMIT and size <= _QUEUE_LIMIT_BYTES
        return room or not self._queue

    def _make_durable(self, command):
        slot = self._journal.room()
        if slot is None:
            raise RingFullError
        if command.key is None:
            command.digest = command.message.digest()
            command.key = command.message.key(command.request_id, command.digest)
        slot.effect = EFFECTS.index(command.method.effect)
        slot.is_named = command.message.name is not None
        slot.key = command.key
        slot.digest = command.digest
        slot.request_id = int(command.request_id)
        slot.presented_on = command.connection
        if self.is_careful and not command.connection.is_fenced:
            # It may be the one that crashed the board before it was journalled.
            slot.runs = 1
        # One write for both marks when nothing waits ahead and nothing can hold it up.
        at_once = self.is_idle and not command.message.expires_ms and not self._is_held(command)
        command.is_begun = command in self._running or at_once
        slot.runs += command.is_begun
        command.slot = slot
        self._journal.add(slot, STARTED if command.is_begun else ACCEPTED, command.message.body())
        command.acknowledge()

    # Beginning a run

    def _must_wait(self, command):
        """Return whether a command has to wait, or raise why it is never run."""
        if not command.method.parallel:
            for running in self._running:
                if not running.method.parallel:
                    return True
        if command.hook is not None:
            return False
        if command.message.expires_ms is not None:
            epoch_ms = self._clock.epoch_ms()
            if epoch_ms is None:
                if self._clock.now_ms() - command.arrived_ms < _CLOCK_WAIT_MS:
                    return True
                raise CommandError("DEADLINE_EXCEEDED", "it may have expired: the time is unknown")
            command.message.check_expiry(epoch_ms)
        return self._is_held(command) and self._must_wait_for_fence(command)

    def _is_held(self, command):
        # Section 10: without a name, a repeated restart cannot be told from a wanted one when the
        # journal is gone.
        restarts = command.method.effect in _RESTARTING_EFFECTS
        return restarts and command.message.name is None and self._journal.is_new

    def _must_wait_for_fence(self, command):
        connection = command.connection
        if connection is not None and not connection.is_fenced and not connection.is_lost:
            return True
        lost_ms = self._journal_lost_ms
        if lost_ms is not None and self._clock.now_ms() - lost_ms < _LOST_JOURNAL_MS:
            raise CommandError(
                "FAILED_PRECONDITION",
                "this board lost its journal a moment ago; send it with _id, or in a minute",
            )
        return False

    def _begin(self, command):
        slot = command.slot
        if slot is not None and not command.is_begun:
            slot.runs += 1
            self._journal.write(slot, STARTED)
        command.is_begun = True
        self._running.append(command)

    # Answers (sections 3, 5 and 7)

    def _finish(self, command, answer):
        payload = encode(answer)
        connection = command.connection
        slot = command.slot
        if slot is not None:
            self._owed.add(slot, payload)
        elif not connection.is_lost:
            command.acknowledge()
            connection.answer(command.request_id, payload)

    def _count_refusal(self, error):
        kinds = {"DEADLINE_EXCEEDED": "expired", "ABORTED": "aborted"}
        self.counts[kinds.get(error.code, "refused")] += 1
