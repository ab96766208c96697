"""The live side of a device: its engine, its sessions, and the callers that wait for it.

The actor carries out what the engine decides. Everything runs in one event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from host_tools.mqtt import Reason
from host_tools.platform.settings import Settings
from host_tools.rpc import (
    Action,
    CloseSessions,
    Command,
    Delivery,
    Engine,
    Finish,
    Save,
    Send,
    SessionKind,
    Status,
)


class ShuttingDownError(Exception):
    """The platform stops while a call waits for its device."""


class Session(Protocol):
    """A connection of the device that may take commands."""

    def __hash__(self) -> int:
        """Sessions are told apart by identity."""

    def send(self, command: Command) -> Delivery | None:
        """Write a command.

        Returns SENT when an acknowledgement will be reported, DELIVERED when none will, None
        when it went nowhere.
        """

    def close(self, reason: Reason) -> None:
        """End the connection; the session does not unsubscribe by itself."""

    def forget(self) -> None:
        """Report nothing any more about what was sent."""


class Waiting(Protocol):
    """A request of the device that is held open."""

    def close(self, reason: Reason) -> None:
        """End it from the server's side."""


class RowStore(Protocol):
    """Where the state of persistent commands goes."""

    def save(self, device_id: str, action: Save) -> None:
        """Store a new status; in order, without waiting."""


class DeviceActor:
    """One device while the platform runs.

    Args:
        device_id: The device's UUID.
        engine: Its commands.
        settings: For the clock and strictness.
        rows: Takes the status changes of persistent commands.
    """

    def __init__(self, device_id: str, engine: Engine, settings: Settings, rows: RowStore) -> None:
        self.device_id = device_id
        self.engine = engine
        self._now_ms = settings.now_ms
        self._rows = rows
        self._strict = settings.strict
        self._sessions: list[Session] = []
        self._lost: Session | None = None
        self._polls: list[Waiting] = []
        self._callers: dict[str, asyncio.Future[Finish]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms = 0

    def connect(self, session: Session) -> None:
        """Take over the device: an earlier connection is closed (one session per device, 1.1)."""
        for earlier in list(self._sessions):
            self.disconnect(earlier)
            earlier.close(Reason.SESSION_TAKEN_OVER)
        if self._lost is not None and not self._strict:
            # ThingsBoard lets a PUBACK that a broken connection owes count as missing even when
            # the next connection has brought it; with no retries left the call is FAILED then.
            self._lost.forget()
        self._lost = None
        self._sessions.append(session)

    def disconnect(self, session: Session) -> None:
        """Forget a connection that ended."""
        self.engine.unsubscribe(session)
        if session in self._sessions:
            self._sessions.remove(session)
            self._lost = session

    def open_poll(self, poll: Waiting) -> None:
        """Take a long poll; an earlier one of the same kind is over: its device has given up."""
        for earlier in self._polls:
            if type(earlier) is type(poll):
                earlier.close(Reason.SESSION_TAKEN_OVER)
        self._polls.append(poll)

    def close_poll(self, poll: Waiting) -> None:
        """Forget a long poll that ended."""
        self._polls.remove(poll)

    def close_sessions(self, reason: Reason) -> None:
        """Close every connection of the device."""
        for session in list(self._sessions):
            self.disconnect(session)
            session.close(reason)

    def subscribe(self, session: Session, kind: SessionKind) -> None:
        """Let a session take commands; what waits for one is sent at once."""
        self._run(self.engine.subscribe(session, kind, self._now_ms()))

    def unsubscribe(self, session: Session) -> None:
        """Stop a session from taking commands."""
        self.engine.unsubscribe(session)

    def report(self, request_id: int, delivery: Delivery) -> None:
        """Take a transport's report about a command."""
        self._run(self.engine.report(request_id, delivery, self._now_ms()))

    def answer(self, request_id: int, payload: bytes) -> None:
        """Take the device's answer to a command."""
        self._run(self.engine.answer(request_id, payload, self._now_ms()))

    def restore(self, commands: Iterable[tuple[Command, Status]]) -> None:
        """Go on with the persistent commands of an earlier run."""
        self._run(self.engine.restore(commands, self._now_ms()))

    def delete(self, rpc_id: str) -> None:
        """Forget a persistent command whose row was removed."""
        self._run(self.engine.delete(rpc_id, self._now_ms()))

    def submit(self, command: Command) -> None:
        """Hand a persistent command, whose row is stored, to the engine."""
        self._run(self.engine.submit(command, self._now_ms()))

    async def call(self, command: Command, timeout_s: float) -> Finish:
        """Submit a lightweight command and wait for its end.

        Args:
            command: Not persistent.
            timeout_s: How long the caller is held at most; TimeoutError after it. The command
                itself stays pending until it expires.

        Raises ShuttingDownError when the platform stops first.
        """
        caller: asyncio.Future[Finish] = asyncio.get_running_loop().create_future()
        self._callers[command.rpc_id] = caller
        try:
            self.submit(command)
            if caller.done():
                return caller.result()
            async with asyncio.timeout(timeout_s):
                return await caller
        finally:
            self._callers.pop(command.rpc_id, None)

    def stop(self, reason: Reason = Reason.SERVER_SHUTTING_DOWN) -> None:
        """End the connections, the polls and the waiting callers."""
        if self._timer is not None:
            self._timer.cancel()
        for caller in self._callers.values():
            if not caller.done():
                caller.set_exception(ShuttingDownError())
        for poll in list(self._polls):
            poll.close(reason)
        self.close_sessions(reason)

    def _run(self, actions: Iterable[Action]) -> None:
        waiting = deque(actions)
        while waiting:
            waiting.extend(self._do(waiting.popleft()))
        self._set_timer()

    def _do(self, action: Action) -> list[Action]:
        match action:
            case Send(session, command):
                delivery = session.send(command)
                if delivery is None:
                    return []
                if delivery is Delivery.SENT and not command.persistent:
                    return []  # only persistent commands show this state (1.6)
                return self.engine.report(command.request_id, delivery, self._now_ms())
            case Finish(rpc_id, _, _):
                caller = self._callers.get(rpc_id)
                if caller is not None and not caller.done():
                    caller.set_result(action)
            case Save():
                self._rows.save(self.device_id, action)
            case CloseSessions():
                self.close_sessions(Reason.ADMINISTRATIVE_ACTION)
        return []

    def _set_timer(self) -> None:
        """Wake for the next deadline. A timer that turns out to be early is cheap; leave it."""
        deadline_ms = self.engine.next_deadline_ms()
        if deadline_ms is None or (self._timer is not None and self._timer_ms <= deadline_ms):
            return
        if self._timer is not None:
            self._timer.cancel()
        delay_s = max(0, deadline_ms - self._now_ms()) / 1_000
        self._timer_ms = deadline_ms
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._run(self.engine.advance(self._now_ms()))
