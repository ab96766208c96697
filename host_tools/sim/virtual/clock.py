"""The virtual clock: what happens when, and whose turn it is.

Time stands still while anything runs and jumps to the next event when everything waits. Events
are plain functions, or the turn of an actor. An actor is a thread that runs ordinary blocking code
(the firmware of a board): exactly one thread runs at any moment, and it hands its turn on only
where it waits, so a run is deterministic. While an actor waits it carries out the events itself;
threads change only when another actor's turn has come.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


@dataclass(order=True)
class Event:
    """Something that happens at a time; ``cancel`` makes it not happen."""

    at_ns: int
    order: int
    action: Callable[[], None] = field(compare=False)
    actor: Actor | None = field(default=None, compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Take the event back."""
        self.cancelled = True


class Actor:
    """A thread of ordinary code whose waiting is the clock's.

    Args:
        clock: The clock.
        name: The thread's name.
        body: What it does, from its first turn on.
    """

    def __init__(self, clock: Clock, name: str, body: Callable[[], None]) -> None:
        self._clock = clock
        self._body = body
        self.turn = threading.Semaphore(0)
        self.awake = False
        self.has_ended = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        self.wake()

    def wake(self) -> None:
        """Give the actor its turn as soon as what runs now waits."""
        self._clock.schedule_turn(self, self._clock.now_ns)

    def _run(self) -> None:
        self.turn.acquire()
        self.awake = False
        try:
            self._body()
        except BaseException as error:
            self._clock.fail(error)
        self.has_ended = True
        self._clock.leave()


class Clock:
    """Virtual time, from 0."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._events: list[Event] = []
        self._order = itertools.count()
        self._limit_ns = 0
        self._main_turn = threading.Semaphore(0)
        self._failure: BaseException | None = None

    def now_ms(self) -> int:
        """Return whole milliseconds since the beginning."""
        return self.now_ns // NS_PER_MS

    def call_at(self, at_ns: int, action: Callable[[], None]) -> Event:
        """Let a function happen at a time, or now when the time has passed.

        Args:
            at_ns: Nanoseconds since the beginning.
            action: Called without arguments; it must not wait.
        """
        event = Event(max(at_ns, self.now_ns), next(self._order), action)
        heapq.heappush(self._events, event)
        return event

    def call_after(self, delay_ns: int, action: Callable[[], None]) -> Event:
        """Let a function happen after a time."""
        return self.call_at(self.now_ns + delay_ns, action)

    def schedule_turn(self, actor: Actor, at_ns: int) -> Event:
        """Give an actor its turn at a time."""
        event = self.call_at(at_ns, _nothing)
        event.actor = actor
        return event

    def run_until(self, at_ns: int) -> None:
        """Let everything happen up to a time; called outside of actors.

        Args:
            at_ns: Nanoseconds since the beginning.

        Raises:
            BaseException: What an event or an actor raised.
        """
        self._limit_ns = at_ns
        while (event := self._next()) is not None and self._failure is None:
            if event.actor is None:
                event.action()
            else:
                event.actor.awake = True
                event.actor.turn.release()
                self._main_turn.acquire()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        self.now_ns = max(self.now_ns, at_ns)

    def wait(self, actor: Actor, until_ns: int | None) -> None:
        """Wait, in an actor's thread, for a time or for ``actor.wake()``.

        Args:
            actor: Who waits.
            until_ns: Nanoseconds since the beginning; None waits for ``wake`` only.
        """
        timer = None if until_ns is None else self.schedule_turn(actor, until_ns)
        while not actor.awake:
            event = self._next() if self._failure is None else None
            if event is None:
                self.leave()
                actor.turn.acquire()
            elif event.actor is actor:
                actor.awake = True
            elif event.actor is not None:
                event.actor.awake = True
                event.actor.turn.release()
                actor.turn.acquire()
            else:
                self._happen(event)
        actor.awake = False
        if timer is not None:
            timer.cancel()

    def leave(self) -> None:
        """Hand the turn back to ``run_until``."""
        self._main_turn.release()

    def fail(self, error: BaseException) -> None:
        """Let ``run_until`` raise an error."""
        if self._failure is None:
            self._failure = error

    def _happen(self, event: Event) -> None:
        try:
            event.action()
        except BaseException as error:
            # Not into the firmware that happens to wait here, but to whoever runs the clock.
            self.fail(error)

    def _next(self) -> Event | None:
        """Take the next event that is due within the limit, and go to its time."""
        while self._events and self._events[0].at_ns <= self._limit_ns:
            event = heapq.heappop(self._events)
            has_ended = event.actor is not None and event.actor.has_ended
            if not event.cancelled and not has_ended:
                self.now_ns = event.at_ns
                return event
        return None


def _nothing() -> None:
    """Do nothing: the event is an actor's turn."""
