"""The durable record of commands: a ring of slot files on flash, each rewritten in place.

A slot small enough lives in the directory of LittleFS and costs a twentieth of an erase; an append
log would cost twenty times that (reference/power-delivery.md 4.4). What a slot cannot hold goes to
an overflow file, written first and named in the slot by its checksum, so that a cut leaves the old
slot or the new. A slot that is empty, torn or flipped counts as free.
"""

import binascii
import struct

from micropython import const

FREE = const(0)
ACCEPTED = const(1)  # safe to run: nothing of it has begun
STARTED = const(2)  # may have run
DONE = const(3)  # has an answer, which is owed
SETTLED = const(4)  # its answer was confirmed; kept to recognise a repetition
PARKED = const(5)  # its answer has no id to go to; kept in case the command comes again

#: magic, version, state, effect, flags, sequence, key, digest, request id, runs, body length
_HEADER = "<BBBBBI8s4siBH"
_HEADER_BYTES = const(28)
_CHECKSUM_BYTES = const(4)
_MAGIC = const(0x57)
_VERSION = const(1)
_IS_NAMED = const(1)
_OVERFLOWS = const(2)
_FOLDER = "journal"


class Slot:
    """One command in the journal; its fields are changed through ``Journal.write`` only."""

    def __init__(self, number):
        self.number = number
        self.clear()

    def clear(self):
        """Hold nothing."""
        self.state = FREE
        #: Position in the list of effect classes (``registry.EFFECTS``).
        self.effect = 0
        #: Whether the sender gave the command a name (``_id``).
        self.is_named = False
        #: Grows by one with each command, so that boot recovers them in order.
        self.sequence = 0
        self.key = b""
        self.digest = b""
        self.request_id = 0
        #: How often its run was begun.
        self.runs = 0
        self.overflows = False
        #: Whether the state is newer than on flash: ``SETTLED`` is written when there is time.
        self.is_dirty = False
        #: The connections on which the command came last, and its answer left last.
        self.presented_on = None
        self.sent_on = None


class Journal:
    """The ring of slots.

    Args:
        port: The board's port, for its flash.
        count: How many slots there are.
        slot_bytes: What a slot may hold: the limit of LittleFS for files within the directory.
    """

    def __init__(self, port, count, slot_bytes):
        self._port = port
        self._body_limit = slot_bytes - _HEADER_BYTES - _CHECKSUM_BYTES
        self.slots = [Slot(number) for number in range(count)]
        #: A random text made with the journal: the server sees by it that a journal was lost.
        self.epoch = None
        #: Whether the journal was made in this boot.
        self.is_new = False
        #: Files written since the start: what the journal costs the flash.
        self.writes = 0
        self._sequence = 0

    def open(self):
        """Read all slots; make what is missing."""
        self._port.make_folder(_FOLDER)
        for slot in self.slots:
            content = self._port.read_file(_path(slot.number))
            if content is None:
                self._port.write_file(_path(slot.number), b"")
            elif content:
                self._load(slot, content)
            self._sequence = max(self._sequence, slot.sequence)
        epoch = self._port.read_file(_FOLDER + "/epoch")
        if not epoch:
            self.is_new = True
            epoch = b"%08x" % self._port.random_below(0x100000000)
            self._port.write_file(_FOLDER + "/epoch", epoch)
        self.epoch = epoch.decode()

    def in_order(self, *states):
        """Return the slots in one of the states, in the order of their commands' arrival."""
        found = [slot for slot in self.slots if slot.state in states]
        return sorted(found, key=lambda slot: slot.sequence)

    def find(self, key):
        """Return the newest slot with that key, or None."""
        return _newest([slot for slot in self.slots if slot.state and slot.key == key])

    def find_request(self, request_id):
        """Return the newest slot with that request id, or None."""
        found = [slot for slot in self.slots if slot.state and slot.request_id == request_id]
        return _newest(found)

    def room(self):
        """Return a slot that may be overwritten, the least missed first, or None.

        A free one; else the oldest whose answer was confirmed; else the oldest whose answer can go
        nowhere any more. A command that is not finished is never overwritten.
        """
        for states in ((FREE,), (SETTLED,), (PARKED,)):
            found = self.in_order(*states)
            if found:
                found[0].clear()
                return found[0]
        return None

    def settle(self):
        """Write down which answers were confirmed; before the board leaves."""
        for slot in self.slots:
            if slot.is_dirty:
                self.write(slot, slot.state)

    def add(self, slot, state, body):
        """Write a command into a slot that may be overwritten, as the newest of all.

        Args:
            slot: Its identity fields are set by the caller.
            state: ``ACCEPTED`` or ``STARTED``.
            body: Bytes: method and params.
        """
        self._sequence += 1
        slot.sequence = self._sequence
        self.write(slot, state, body)

    def write(self, slot, state, body=None):
        """Rewrite a slot; it is durable when this returns.

        Args:
            slot: The slot.
            state: Its new state.
            body: Bytes in place of what it held; None keeps that.
        """
        if body is None:
            stored = self._stored(slot)
        elif len(body) > self._body_limit:
            slot.overflows = True
            self._port.write_file(_overflow_path(slot.number, state), body)
            self.writes += 1
            stored = _checksum(body)
        else:
            slot.overflows = False
            stored = body
        slot.state = state
        slot.is_dirty = False
        flags = (_IS_NAMED if slot.is_named else 0) | (_OVERFLOWS if slot.overflows else 0)
        record = struct.pack(
            _HEADER,
            _MAGIC,
            _VERSION,
            state,
            slot.effect,
            flags,
            slot.sequence,
            slot.key,
            slot.digest,
            slot.request_id,
            slot.runs,
            len(stored),
        )
        record += stored
        self._port.write_file(_path(slot.number), record + _checksum(record))
        self.writes += 1

    def body(self, slot):
        """Return the bytes that a slot holds, or None when its overflow file is another's."""
        stored = self._stored(slot)
        if not slot.overflows:
            return stored
        overflow = self._port.read_file(_overflow_path(slot.number, slot.state)) or b""
        return overflow if _checksum(overflow) == stored else None

    def _stored(self, slot):
        content = self._port.read_file(_path(slot.number)) or b""
        return content[_HEADER_BYTES:-_CHECKSUM_BYTES]

    def _load(self, slot, content):
        checksum = content[-_CHECKSUM_BYTES:]
        record = content[:-_CHECKSUM_BYTES]
        if len(record) < _HEADER_BYTES or _checksum(record) != checksum:
            return
        fields = struct.unpack(_HEADER, record[:_HEADER_BYTES])
        if fields[:2] != (_MAGIC, _VERSION):
            return
        _, _, slot.state, slot.effect, flags, slot.sequence = fields[:6]
        slot.key, slot.digest, slot.request_id, slot.runs, _ = fields[6:]
        slot.is_named = bool(flags & _IS_NAMED)
        slot.overflows = bool(flags & _OVERFLOWS)


def _newest(slots):
    return max(slots, key=lambda slot: slot.sequence) if slots else None


def _path(number):
    return "%s/%02d" % (_FOLDER, number)


def _overflow_path(number, state):
    # Params and answer have a file each: writing the answer must not destroy the params before the
    # slot says that they are no longer needed.
    return "%s/%02d.%s" % (_FOLDER, number, "params" if state <= STARTED else "answer")


def _checksum(content):
    return struct.pack("<I", binascii.crc32(content))
