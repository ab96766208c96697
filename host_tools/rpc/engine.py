"""The state machine of one device's commands, without I/O and without a clock.

Every event method returns the actions to carry out, in order. The rules and their numbers are
those of ``reference/thingsboard-rpc.md`` 5; methods name them.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from host_tools.json_text import is_json
from host_tools.rpc.actions import Action, CloseSessions, Finish, Outcome, Save, Send
from host_tools.rpc.model import Command, Delivery, Limits, SessionKind, Status, Strategy

REQUEST_ID_MODULUS = 1 << 31
"""Request ids are the non-negative half of an int32 (1.5)."""

TOO_LARGE_ERROR = (
    b'{"result":"INVALID_ARGUMENTS","error":"The command is larger than the device takes"}'
)


@dataclass(slots=True)
class _Pending:
    """A command that is not finished."""

    command: Command
    sent_at_submit: bool
    status: Status = Status.QUEUED
    delivered: bool = False
    in_flight: bool = False
    timeouts: int = 0
    response_deadline_ms: int | None = None


class Engine:
    """The commands of one device.

    Args:
        limits: Strategy, retries and timeouts.
        next_request_id: Where the counter goes on; 0 on a fresh start.
    """

    def __init__(self, limits: Limits, next_request_id: int = 0) -> None:
        self._limits = limits
        self._next_request_id = next_request_id
        self._sessions: dict[Hashable, SessionKind] = {}
        self._pending: dict[int, _Pending] = {}
        self._deadlines: list[tuple[int, int]] = []

    @property
    def next_request_id(self) -> int:
        """The id that the next command will get."""
        return self._next_request_id

    @property
    def subscribed(self) -> bool:
        """Whether any session takes commands now."""
        return bool(self._sessions)

    def take_request_id(self) -> int:
        """Hand out the next request id (1.5); it is used up even if the command is never sent."""
        request_id = self._next_request_id
        self._next_request_id = (request_id + 1) % REQUEST_ID_MODULUS
        return request_id

    def next_deadline_ms(self) -> int | None:
        """Return the epoch time at which ``advance`` has work, or None; it may be too early."""
        return self._deadlines[0][0] if self._deadlines else None

    def submit(self, command: Command, now_ms: int) -> list[Action]:
        """Take a new command (rules 1 to 3); a persistent one must be stored as QUEUED already."""
        if command.expires_at_ms <= now_ms:
            return self._close(command, Status.EXPIRED, Outcome.NO_ANSWER)
        sendable = bool(self._sessions) and self._may_send_new()
        entry = _Pending(command, sent_at_submit=sendable)
        if not (sendable and command.one_way and not command.persistent):
            self._pending[command.request_id] = entry
            self._arm(command.expires_at_ms, command.request_id)
        if not sendable:
            return []
        actions = [self._send(entry, session) for session in list(self._sessions)]
        if command.one_way and not command.persistent:
            # It went out: nothing is owed any more, so it never blocks or comes again (5.5).
            actions.append(Finish(command.rpc_id, Outcome.ACCEPTED))
        return actions

    def restore(self, commands: Iterable[tuple[Command, Status]], now_ms: int) -> list[Action]:
        """Load the unfinished persistent commands of an earlier run (rule 16)."""
        actions: list[Action] = []
        for command, status in commands:
            if command.expires_at_ms <= now_ms:
                actions.append(Save(command.rpc_id, Status.EXPIRED))
                continue
            entry = _Pending(command, sent_at_submit=False, status=status)
            entry.delivered = status is Status.DELIVERED
            self._pending[command.request_id] = entry
            self._arm(command.expires_at_ms, command.request_id)
        return actions

    def subscribe(self, session: Hashable, kind: SessionKind, now_ms: int) -> list[Action]:
        """Take the subscription of a session and send what waits for one (rule 13, 5.4)."""
        self._sessions[session] = kind
        if self._limits.strategy is not Strategy.BURST:
            return self._send_next(now_ms, to=session)
        waiting = [self._pending[key] for key in sorted(self._pending)]
        if kind is SessionKind.SYNC:
            waiting = waiting[:1]
        actions: list[Action] = []
        for entry in waiting:
            actions.append(self._send(entry, session))
            if entry.command.one_way and not entry.command.persistent:
                del self._pending[entry.command.request_id]
                actions.append(Finish(entry.command.rpc_id, Outcome.ACCEPTED))
        return actions

    def unsubscribe(self, session: Hashable) -> None:
        """Forget a session that closed or unsubscribed (rule 14); what is pending stays."""
        self._sessions.pop(session, None)
        if not self._sessions:
            for entry in self._pending.values():
                entry.response_deadline_ms = None

    def report(self, request_id: int, delivery: Delivery, now_ms: int) -> list[Action]:
        """Take a delivery report of a transport (rules 4 to 8 and 10); unknown ids are ignored."""
        entry = self._pending.get(request_id)
        if entry is None:
            return []
        if delivery is Delivery.SENT:
            return self._save(entry, Status.SENT)
        if delivery is Delivery.DELIVERED:
            return self._delivered(entry, now_ms)
        if delivery is Delivery.TOO_LARGE:
            return self.refuse(request_id, TOO_LARGE_ERROR, now_ms)
        return self._timed_out(entry, now_ms)

    def answer(self, request_id: int, payload: bytes, now_ms: int) -> list[Action]:
        """Take the device's answer (rule 9); one to an unknown or finished id is ignored."""
        entry = self._pending.pop(request_id, None)
        if entry is None:
            return []
        outcome = Outcome.ACCEPTED if entry.command.one_way else Outcome.ANSWERED
        actions = self._close(entry.command, Status.SUCCESSFUL, outcome, payload)
        return actions + self._send_next(now_ms)

    def refuse(self, request_id: int, error: bytes, now_ms: int) -> list[Action]:
        """Take the transport's word that the command cannot reach the device (rule 10)."""
        entry = self._pending.pop(request_id, None)
        if entry is None:
            return []
        actions = self._close(entry.command, Status.FAILED, Outcome.ANSWERED, error)
        return actions + self._send_next(now_ms)

    def delete(self, rpc_id: str, now_ms: int) -> list[Action]:
        """Forget a persistent command whose row was deleted (rule 15)."""
        entry = next((e for e in self._pending.values() if e.command.rpc_id == rpc_id), None)
        if entry is None:
            return []
        if entry.status is Status.TIMEOUT and self._limits.keep_deleted_in_timeout:
            return []
        del self._pending[entry.command.request_id]
        return self._send_next(now_ms)

    def advance(self, now_ms: int) -> list[Action]:
        """Let the time pass: expiry (rule 11) and the response timeout of on-response (5.5)."""
        actions: list[Action] = []
        while self._deadlines and self._deadlines[0][0] <= now_ms:
            _, request_id = heapq.heappop(self._deadlines)
            entry = self._pending.get(request_id)
            if entry is None:
                continue
            if entry.command.expires_at_ms <= now_ms:
                del self._pending[request_id]
                sent = entry.sent_at_submit
                outcome = Outcome.NO_ANSWER if sent else Outcome.NOT_CONNECTED
                actions += self._close(entry.command, Status.EXPIRED, outcome)
            elif _is_due(entry.response_deadline_ms, now_ms):
                del self._pending[request_id]
                error = b'{"error":"There was no response from the device in time"}'
                actions += self._close(entry.command, Status.FAILED, Outcome.NO_ANSWER, error)
            else:
                continue
            actions += self._send_next(now_ms)
        return actions

    def _delivered(self, entry: _Pending, now_ms: int) -> list[Action]:
        command = entry.command
        entry.delivered = True
        if command.one_way:
            del self._pending[command.request_id]
            actions = self._close(command, Status.DELIVERED, Outcome.ACCEPTED)
            return actions + self._send_next(now_ms)
        self._await_response(entry, now_ms)
        actions = self._save(entry, Status.DELIVERED)
        if self._limits.strategy is Strategy.ON_ACK:
            actions += self._send_next(now_ms)
        return actions

    def _timed_out(self, entry: _Pending, now_ms: int) -> list[Action]:
        entry.in_flight = False
        limit = self._limits.max_retries
        if entry.command.retries is not None:
            limit = max(0, min(entry.command.retries, limit))
        if entry.timeouts < limit:
            entry.timeouts += 1
            actions = self._save(entry, Status.TIMEOUT)
        elif self._limits.close_sessions_on_timeout and entry.command.persistent:
            entry.timeouts = 0
            return [*self._save(entry, Status.QUEUED), CloseSessions()]
        else:
            del self._pending[entry.command.request_id]
            actions = []
            if entry.command.persistent:
                text = f"Retries are used up, the number set was {limit}"
                error = json.dumps({"error": text})
                actions = [Save(entry.command.rpc_id, Status.FAILED, error)]
        return actions + self._send_next(now_ms)

    def _may_send_new(self) -> bool:
        if self._limits.strategy is Strategy.ON_RESPONSE:
            return not self._pending
        if self._limits.strategy is Strategy.ON_ACK:
            return all(entry.delivered for entry in self._pending.values())
        return True

    def _send_next(self, now_ms: int, to: Hashable | None = None) -> list[Action]:
        """Send the head of the queue under a sequential strategy.

        Args:
            now_ms: The time.
            to: A new subscriber: it alone gets the head, also when that is in flight already.
        """
        if self._limits.strategy is Strategy.BURST:
            return []
        for key in sorted(self._pending):
            entry = self._pending[key]
            if entry.delivered:
                if self._limits.strategy is Strategy.ON_ACK:
                    continue
                self._await_response(entry, now_ms)
                return []
            if to is not None:
                return [self._send(entry, to)]
            if entry.in_flight:
                return []
            return [self._send(entry, session) for session in list(self._sessions)]
        return []

    def _send(self, entry: _Pending, session: Hashable) -> Action:
        entry.in_flight = True
        if self._sessions.get(session) is SessionKind.SYNC:
            del self._sessions[session]
        return Send(session, entry.command)

    def _await_response(self, entry: _Pending, now_ms: int) -> None:
        if self._limits.strategy is Strategy.ON_RESPONSE and entry.response_deadline_ms is None:
            entry.response_deadline_ms = now_ms + self._limits.response_timeout_ms
            self._arm(entry.response_deadline_ms, entry.command.request_id)

    def _arm(self, deadline_ms: int, request_id: int) -> None:
        heapq.heappush(self._deadlines, (deadline_ms, request_id))

    def _save(self, entry: _Pending, status: Status) -> list[Action]:
        entry.status = status
        return [Save(entry.command.rpc_id, status)] if entry.command.persistent else []

    @staticmethod
    def _close(
        command: Command, status: Status, outcome: Outcome, payload: bytes = b""
    ) -> list[Action]:
        if command.persistent:
            return [Save(command.rpc_id, status, _as_json(payload))]
        return [Finish(command.rpc_id, outcome, payload)]


def _is_due(deadline_ms: int | None, now_ms: int) -> bool:
    return deadline_ms is not None and deadline_ms <= now_ms


def _as_json(payload: bytes) -> str | None:
    """Turn a device's payload into what a row stores (4.4): JSON, or its text as an error."""
    if not payload or is_json(payload):
        return payload.decode() or None
    return json.dumps({"error": payload.decode("utf-8", "replace")})
