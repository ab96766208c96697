"""Drives an engine by hand: the clock stands still until a test moves it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from host_tools.rpc import (
    Action,
    Command,
    Delivery,
    Engine,
    Finish,
    Limits,
    Save,
    Send,
    SessionKind,
    Status,
)

START_MS = 1_000_000


class Driver:
    """An engine, its clock, and a list of what it asked for."""

    def __init__(self, **limits: Any) -> None:
        self.engine = Engine(Limits(**limits))
        self.now_ms = START_MS
        self.actions: list[Action] = []

    def submit(self, **fields: Any) -> int:
        """Submit a command and return its request id."""
        request_id = self.engine.take_request_id()
        lifetime_ms = fields.pop("lifetime_ms", 10_000)
        command = Command(
            request_id=request_id,
            rpc_id=f"rpc-{request_id}",
            method="method",
            params="null",
            one_way=fields.pop("one_way", False),
            expires_at_ms=self.now_ms + lifetime_ms,
            **fields,
        )
        self._take(self.engine.submit(command, self.now_ms))
        return request_id

    def subscribe(self, session: str = "a", kind: SessionKind = SessionKind.ASYNC) -> None:
        self._take(self.engine.subscribe(session, kind, self.now_ms))

    def report(self, request_id: int, *deliveries: Delivery) -> None:
        for delivery in deliveries:
            self._take(self.engine.report(request_id, delivery, self.now_ms))

    def acknowledge(self, request_id: int) -> None:
        """Report what a QoS 1 session does when all goes well."""
        self.report(request_id, Delivery.SENT, Delivery.DELIVERED)

    def answer(self, request_id: int, payload: bytes = b"1") -> None:
        self._take(self.engine.answer(request_id, payload, self.now_ms))

    def refuse(self, request_id: int, payload: bytes) -> None:
        self._take(self.engine.refuse(request_id, payload, self.now_ms))

    def delete(self, request_id: int) -> None:
        self._take(self.engine.delete(f"rpc-{request_id}", self.now_ms))

    def restore(self, commands: Iterable[tuple[Command, Status]]) -> None:
        self._take(self.engine.restore(commands, self.now_ms))

    def wait(self, duration_ms: int) -> None:
        """Let the time pass as a timer would: one step to each deadline."""
        end_ms = self.now_ms + duration_ms
        while (deadline := self.engine.next_deadline_ms()) is not None and deadline <= end_ms:
            self.now_ms = max(self.now_ms, deadline)
            self._take(self.engine.advance(self.now_ms))
        self.now_ms = end_ms

    def sent(self) -> list[tuple[str, int]]:
        """Return and forget session and request id of what was sent."""
        sent = [(a.session, a.command.request_id) for a in self.actions if isinstance(a, Send)]
        self.actions = [a for a in self.actions if not isinstance(a, Send)]
        return sent

    def statuses(self, request_id: int) -> list[Status]:
        """Return every status that a row got."""
        rpc_id = f"rpc-{request_id}"
        return [a.status for a in self.actions if isinstance(a, Save) and a.rpc_id == rpc_id]

    def response(self, request_id: int) -> str | None:
        """Return the last response that a row got."""
        rpc_id = f"rpc-{request_id}"
        saves = [a for a in self.actions if isinstance(a, Save) and a.rpc_id == rpc_id]
        return saves[-1].response

    def finishes(self) -> list[Finish]:
        """Return how lightweight calls ended."""
        return [action for action in self.actions if isinstance(action, Finish)]

    def _take(self, actions: list[Action]) -> None:
        self.actions += actions
