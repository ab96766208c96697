"""The answers in the journal: owed until confirmed, and where they may go. Pure.

The section numbers are those of ``delivery.md`` beside the design: 4 and 7.
"""

from wakecall.answers import encode
from wakecall.commands import may_carry
from wakecall.errors import CommandError
from wakecall.journal import DONE, PARKED, SETTLED
from wakecall.registry import EFFECTS


class OwedAnswers:
    """Sends what the journal holds, and sees it confirmed.

    Args:
        journal: The opened journal.
        connections: The live connections, a list that its owner changes.
    """

    def __init__(self, journal, connections):
        self._journal = journal
        self._connections = connections

    def add(self, slot, payload):
        """Keep an answer over cuts, and send it where its request id still means its command."""
        self._journal.write(slot, DONE, payload)
        self._send_anywhere(slot, payload)

    def is_owed_on(self, connection):
        """Return whether an answer that left on this connection is not confirmed yet."""
        return any(slot.sent_on is connection for slot in self._journal.in_order(DONE))

    def fenced(self, connection):
        """Send what the server did not ask for again, and forget what it need not ask for."""
        for slot in self._journal.in_order(SETTLED):
            # The server did not bring it again, so it knows the answer.
            if not slot.is_named and slot.presented_on is not connection:
                slot.clear()
        for slot in self._journal.in_order(DONE, PARKED):
            if slot.sent_on is not connection:
                self._send_anywhere(slot)

    def counted_on(self, connection):
        """Send what became sendable by the server's first fresh request id."""
        for slot in self._journal.in_order(DONE, PARKED):
            if slot.sent_on is not connection and may_carry(connection, slot):
                self.send(slot, connection)

    def counts_anew(self):
        """Forget fingerprints: the server's ids start again, and mean other commands."""
        for slot in self._journal.in_order(SETTLED):
            if not slot.is_named:
                slot.clear()

    def send(self, slot, connection, payload=None):
        """Send an answer under the request id that its slot has now.

        Args:
            slot: The slot of a finished command.
            connection: Where to.
            payload: The answer; None reads it from the journal.
        """
        if payload is None:
            payload = self._journal.body(slot)
        if payload is None:
            payload = encode(CommandError("ABORTED", "its answer was lost", "done").answer())
        slot.state = DONE
        slot.sent_on = connection
        sequence = slot.sequence
        connection.link.answer(
            str(slot.request_id), payload, lambda: self._confirmed(slot, sequence)
        )

    def _send_anywhere(self, slot, payload=None):
        for connection in self._connections:
            if may_carry(connection, slot):
                self.send(slot, connection, payload)
                return
            if connection.is_fenced:
                # The id may be another command's by now: the answer waits to be asked for again.
                slot.state = PARKED

    def _confirmed(self, slot, sequence):
        if slot.sequence != sequence or slot.state != DONE:
            return
        if EFFECTS[slot.effect] == "read":
            slot.clear()
            return
        slot.state = SETTLED
        slot.is_dirty = True
