"""A ThingsBoard server in virtual time: the platform's RPC engine, without a platform around it.

It knows every board of its world by the token that the world made up. What it does wrong is in
``faults``; ``restart`` forgets all but persistent commands and begins request ids at 0, as
ThingsBoard does (reference/thingsboard-rpc.md 5.6).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

from host_tools.errors import ExitCode, WakecallError
from host_tools.rpc import (
    Action,
    CloseSessions,
    Command,
    Delivery,
    Engine,
    Finish,
    Limits,
    Outcome,
    Save,
    Send,
    SessionKind,
    Status,
)
from host_tools.sim.virtual.clock import NS_PER_MS, Clock, Event
from host_tools.sim.virtual.network import End, Network
from host_tools.sim.virtual.server_session import ServerFaults, ServerSession

EPOCH_MS = 1_767_225_600_000
"""What the server's clock says when virtual time begins: 2026-01-01."""

_UNFINISHED = (Status.QUEUED, Status.SENT, Status.DELIVERED, Status.TIMEOUT)


class Call:
    """A command that was given to the server, and how it ended.

    Args:
        command: What the engine got.
    """

    def __init__(self, command: Command) -> None:
        self.command = command
        #: How a lightweight call ended; None while it waits.
        self.outcome: Outcome | None = None
        #: The state of a persistent call's row.
        self.status = Status.QUEUED
        self.payload: bytes | None = None

    @property
    def is_done(self) -> bool:
        """Whether nothing more will come."""
        return self.outcome is not None or self.status not in _UNFINISHED

    @property
    def answer(self) -> Any:  # noqa: ANN401 - any JSON
        """What the device answered, as a JSON value; None without an answer."""
        return json.loads(self.payload) if self.payload else None


class Device:
    """One device of the server.

    Args:
        clock: The world's clock.
        limits: Strategy, retries and time-outs.
    """

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._engine = Engine(limits)
        self._session: ServerSession | None = None
        self._timer: Event | None = None
        self.calls: dict[str, Call] = {}
        #: Telemetry and attributes, as topic (behind ``v1/devices/me/``) and payload.
        self.published: list[tuple[str, bytes]] = []

    @property
    def is_subscribed(self) -> bool:
        """Whether the device takes commands now."""
        return self._engine.subscribed

    def submit(
        self,
        rpc_id: str,
        method: str,
        params: str,
        *,
        one_way: bool,
        persistent: bool,
        timeout_ms: int,
    ) -> Call:
        """Give the device a command; arguments as of ``Command``."""
        command = Command(
            request_id=self._engine.take_request_id(),
            rpc_id=rpc_id,
            method=method,
            params=params,
            one_way=one_way,
            expires_at_ms=self._now_ms() + timeout_ms,
            persistent=persistent,
        )
        call = self.calls[rpc_id] = Call(command)
        self._carry_out(self._engine.submit(command, self._now_ms()))
        return call

    def take_over(self, session: ServerSession) -> None:
        """Take a new connection; an earlier one is closed."""
        if self._session is not None:
            self._session.close()
        self._session = session

    def subscribe(self, session: Hashable, kind: SessionKind) -> None:
        """Send what waits to a session, and what will come."""
        self._carry_out(self._engine.subscribe(session, kind, self._now_ms()))

    def leave(self, session: ServerSession) -> None:
        """Forget a connection."""
        self._engine.unsubscribe(session)
        if self._session is session:
            self._session = None

    def report(self, request_id: int, delivery: Delivery) -> None:
        """Take what became of a PUBLISH."""
        self._carry_out(self._engine.report(request_id, delivery, self._now_ms()))

    def answer(self, request_id: int, payload: bytes) -> None:
        """Take the device's answer."""
        self._carry_out(self._engine.answer(request_id, payload, self._now_ms()))

    def restart(self) -> None:
        """Lose everything but the rows of persistent commands, and count request ids from 0.

        ThingsBoard loads the QUEUED rows again, under new ids; here every unfinished row is loaded
        so, which shows a board the same command under another id.
        """
        if self._session is not None:
            self._session.forget()
            self._session = None
        self._engine = Engine(self._limits)
        rows = []
        for call in self.calls.values():
            if call.command.persistent and call.status in _UNFINISHED:
                new_id = self._engine.take_request_id()
                call.command = replace(call.command, request_id=new_id)
                rows.append((call.command, Status.QUEUED))
        self._carry_out(self._engine.restore(rows, self._now_ms()))

    def _now_ms(self) -> int:
        return EPOCH_MS + self._clock.now_ms()

    def _carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Send(session, command):
                    session.send(command)
                case Save(rpc_id, status, response):
                    self.calls[rpc_id].status = status
                    self.calls[rpc_id].payload = response.encode() if response else None
                case Finish(rpc_id, outcome, payload):
                    self.calls[rpc_id].outcome = outcome
                    self.calls[rpc_id].payload = payload
                case CloseSessions() if self._session is not None:
                    self._session.close()
        self._wait_for_next()

    def _wait_for_next(self) -> None:
        deadline_ms = self._engine.next_deadline_ms()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline_ms is not None:
            after_ms = max(1, deadline_ms - self._now_ms())
            self._timer = self._clock.call_after(after_ms * NS_PER_MS, self._advance)

    def _advance(self) -> None:
        self._carry_out(self._engine.advance(self._now_ms()))


class Server:
    """The server of a world.

    Args:
        clock: The world's clock.
        network: Where it listens.
        address: Host and port.
        limits: Strategy, retries and time-outs of all devices.
    """

    def __init__(
        self, clock: Clock, network: Network, address: tuple[str, int], limits: Limits
    ) -> None:
        self._clock = clock
        self._network = network
        self._address = address
        self._limits = limits
        self._count = 0
        self.faults = ServerFaults()
        self._devices: dict[str, Device] = {}
        self._tokens: dict[str, Device] = {}
        #: Calls of devices, method to function of the params; more can be added.
        self.methods: dict[str, Callable[[Any], Any]] = {
            "getCurrentTime": lambda _: EPOCH_MS + clock.now_ms()
        }
        self.start()

    def add_device(self, name: str, token: str) -> Device:
        """Make a device that logs in with a token."""
        device = self._devices[name] = Device(self._clock, self._limits)
        self._tokens[token] = device
        return device

    def device(self, name: str) -> Device:
        """Return a device.

        Raises:
            WakecallError: There is none of that name (NOT_FOUND).
        """
        if name not in self._devices:
            raise WakecallError(f"there is no device {name!r}", code=ExitCode.NOT_FOUND)
        return self._devices[name]

    def call(
        self,
        method: str,
        params: object = None,
        *,
        device: str = "board",
        one_way: bool = False,
        persistent: bool = False,
        timeout_s: float = 10.0,
    ) -> Call:
        """Give a device a command.

        Args:
            method: Its method.
            params: Any JSON value.
            device: The device's name.
            one_way: Whether the caller wants no answer.
            persistent: Whether it waits in a row until the device comes.
            timeout_s: When it expires.
        """
        self._count += 1
        return self.device(device).submit(
            f"call {self._count}",
            method,
            json.dumps(params),
            one_way=one_way,
            persistent=persistent,
            timeout_ms=round(timeout_s * 1000),
        )

    def stop(self) -> None:
        """Be gone: refuse connections, reset those there are."""
        self._network.stop_serving(*self._address)
        for device in self._devices.values():
            device.restart()

    def start(self) -> None:
        """Listen, again or for the first time."""
        self._network.serve(*self._address, self._accept)

    def restart(self) -> None:
        """Stop and start at once, with request ids from 0."""
        self.stop()
        self.start()

    def _accept(self, end: End) -> None:
        ServerSession(self._clock, end, self.faults, self._tokens.get, self._answer_call)

    def _answer_call(self, method: str, params: Any) -> Any:  # noqa: ANN401
        answer = self.methods.get(method)
        return {"error": f"no rule for {method}"} if answer is None else answer(params)
