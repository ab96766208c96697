"""A ThingsBoard server in one object: persistent two-way commands and the three strategies.

Rules of reference/thingsboard-rpc.md 5, for the tests that cut the power at every point.
"""

import json

BURST = "BURST"
ON_ACK = "SEQUENTIAL_ON_ACK_FROM_DEVICE"
ON_RESPONSE = "SEQUENTIAL_ON_RESPONSE_FROM_DEVICE"


class Row:
    """One persistent command as the server keeps it."""

    def __init__(self, request_id, method, params, name):
        self.request_id = request_id
        self.method = method
        self.params = params
        self.name = name
        self.is_delivered = False
        self.answer = None
        self.has_failed = False

    @property
    def is_pending(self):
        return self.answer is None and not self.has_failed


class Server:
    """The rows of one device."""

    def __init__(self, strategy):
        self.strategy = strategy
        self.rows = []
        self.outbox = []
        self._next_id = 0

    def submit(self, method, params, name=None):
        self.rows.append(Row(self._next_id, method, params, name))
        self._next_id += 1

    def restart(self):
        """Count request ids anew: what is pending is kept and numbered from 0."""
        self._next_id = 0
        for row in self.rows:
            if row.is_pending:
                row.request_id = self._next_id
                row.is_delivered = False
                self._next_id += 1

    def subscribed(self):
        """Send what a subscription flushes (5.4)."""
        self.outbox = []
        pending = [row for row in self.rows if row.is_pending]
        if self.strategy == BURST:
            self.outbox = pending
        else:
            self._send_next()

    def puback(self, request_id):
        row = self._row(request_id)
        if row is not None and not row.is_delivered:
            row.is_delivered = True
            if self.strategy == ON_ACK:
                self._send_next()

    def answered(self, request_id, payload):
        row = self._row(request_id)
        if row is None:
            return
        was_delivered = row.is_delivered
        row.answer = json.loads(payload)
        if self.strategy == ON_RESPONSE or (self.strategy == ON_ACK and not was_delivered):
            self._send_next()

    def response_timeout(self):
        """Give up a delivered head that nobody answers (5.5); return whether there was one."""
        if self.strategy != ON_RESPONSE:
            return False
        for row in self.rows:
            if row.is_pending:
                if not row.is_delivered:
                    return False
                row.has_failed = True
                self._send_next()
                return True
        return False

    def _send_next(self):
        pending = [row for row in self.rows if row.is_pending]
        if self.strategy == ON_RESPONSE:
            pending = [row for row in pending[:1] if not row.is_delivered]
        else:
            pending = [row for row in pending if not row.is_delivered][:1]
        self.outbox += [row for row in pending if row not in self.outbox]

    def _row(self, request_id):
        for row in self.rows:
            if row.request_id == request_id and row.is_pending:
                return row
        return None
