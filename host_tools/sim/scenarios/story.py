"""Commands for a board, and what must be true of each of them in the end, however power fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from host_tools.rpc import Status
from host_tools.sim.virtual.server import Call
from host_tools.sim.virtual.world import World

_ROW_LIVES_S = 20 * 3600
_ROUNDS = 12
_ROUND_S = 40
"""Longer than the response time-out of the on-response strategy."""


@dataclass(frozen=True)
class Step:
    """One command.

    Args:
        method: Its method.
        params: Its params, without a name; the story gives it one.
        effects_on: The pin whose rising edges count its effects: never more than one.
        leaves: Pin and level that it sets.
        is_expired: Whether it must not run at all.
    """

    method: str
    params: Mapping[str, Any] | None
    effects_on: int | None = None
    leaves: tuple[int, int] | None = None
    is_expired: bool = False


class Story:
    """The commands of one run, and their calls at the server."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = tuple(steps)
        self._calls: list[tuple[Step, Call]] = []

    def submit(self, world: World, steps: Sequence[Step] | None = None) -> None:
        """Give commands to the server, each with a name of its own."""
        for step in self.steps if steps is None else steps:
            params = {**(step.params or {}), "_id": f"command {len(self._calls)}"}
            call = world.server.call(step.method, params, persistent=True, timeout_s=_ROW_LIVES_S)
            self._calls.append((step, call))

    def see_through(self, world: World) -> None:
        """Let time pass until every row is closed.

        Life goes on meanwhile: by the id of a later command the board sees that the server did not
        count anew, and sends what it owes (delivery.md 7).
        """
        for _ in range(_ROUNDS):
            world.run(_ROUND_S)
            if all(call.is_done for _, call in self._calls):
                return
            world.server.call("getGpio", {"pin": 35}, persistent=True, timeout_s=_ROW_LIVES_S)

    def problems(self, world: World) -> list[str]:
        """Say what is wrong, in one line each."""
        wrong = [
            problem
            for number, (step, call) in enumerate(self._calls)
            for problem in _problems_of(world, f"{step.method} {number}", step, call)
        ]
        if not world.server.device("board").is_subscribed:
            wrong.append("the board did not come back")
        return wrong


def _problems_of(world: World, name: str, step: Step, call: Call) -> list[str]:
    wrong = []
    if not call.is_done:
        return [f"{name} is stuck in {call.status.value}"]
    code = _error_code(call)
    rises = _rises(world, step.effects_on)
    if rises > 1:
        wrong.append(f"{name} happened {rises} times")
    if step.is_expired:
        # A server that gave up waiting has no answer; what counts is that nothing happened.
        if rises or (call.status is Status.SUCCESSFUL and code != "DEADLINE_EXCEEDED"):
            wrong.append(f"{name} expired, but happened {rises} times and was answered {code}")
    elif rises == 0 and _has_to_show(step, call) and code != "ABORTED":
        # One that was interrupted before its pin moved is answered ABORTED.
        wrong.append(f"{name} was answered, but never happened")
    if code not in (None, "ABORTED", "DEADLINE_EXCEEDED"):
        wrong.append(f"{name} was answered {code}")
    return wrong


def _has_to_show(step: Step, call: Call) -> bool:
    return step.effects_on is not None and call.status is Status.SUCCESSFUL


def _rises(world: World, pin: int | None) -> int:
    if pin is None:
        return 0
    levels = [change.level for change in world.boards[0].pins[pin].history]
    return sum(now > before for before, now in zip([0, *levels], levels, strict=False))


def _error_code(call: Call) -> str | None:
    answer = call.answer
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        return str(answer["error"].get("code"))
    return None
