"""Every point at which the power can go: runs a scenario once for each, and asks its oracle.

A scenario is a world, what happens in it, and an oracle that looks at it from outside afterwards.
The first run, without a cut, tells how many effects there are (host_tools/sim/effects.py); then
the power goes before and after each, and in the middle of each flash operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from host_tools.errors import ExitCode, WakecallError
from host_tools.sim.effects import Cut, Effect
from host_tools.sim.virtual.clock import NS_PER_S
from host_tools.sim.virtual.world import World

Plan = Mapping[int, Cut]

POWER_RETURNS_AFTER_S = 2.0
_TEARABLE = ("flash program", "flash erase")


@dataclass(frozen=True)
class Scenario:
    """Something that has to come out right wherever the power goes.

    Args:
        name: What ``wakecall torture`` calls it.
        title: One line about it.
        build: Makes the world for a seed; its first board is the one that loses its power.
        drive: Lets it happen, up to the time when everything must have come out.
        problems: Looks at the world afterwards and says what is wrong, in one line each.
        after_cut: Looks at the world when the power is about to return, likewise.
    """

    name: str
    title: str
    build: Callable[[int], World]
    drive: Callable[[World], None]
    problems: Callable[[World], list[str]]
    after_cut: Callable[[World], list[str]] = lambda _: []


@dataclass(frozen=True)
class Run:
    """One run of a scenario and what came of it."""

    plan: Plan
    effects: tuple[Effect, ...]
    problems: tuple[str, ...]
    trace: tuple[str, ...] = field(repr=False)

    def replay(self, scenario: Scenario, seed: int) -> str:
        """Return the command that does this run again."""
        cuts = "".join(f" --cut {number}:{cut.value}" for number, cut in self.plan.items())
        return f"wakecall torture {scenario.name} --seed {seed}{cuts}"


def run(scenario: Scenario, seed: int, plan: Plan) -> Run:
    """Run a scenario once.

    Args:
        scenario: What to run.
        seed: For everything random.
        plan: Where the power goes; it returns after ``POWER_RETURNS_AFTER_S``.
    """
    with scenario.build(seed) as world:
        board = world.boards[0]
        board.cut_at(plan)
        board.restore_after_ns = round(POWER_RETURNS_AFTER_S * NS_PER_S)
        problems: list[str] = []
        board.before_restore = lambda: problems.extend(scenario.after_cut(world))
        scenario.drive(world)
        problems.extend(scenario.problems(world))
        effects = tuple(board.effects.happened)
        return Run(plan, effects, tuple(problems), tuple(world.events))


def single_cuts(effects: tuple[Effect, ...], beyond: int = -1) -> Iterator[tuple[int, Cut]]:
    """Return every way in which the power can go once.

    Args:
        effects: What happened in the run without that cut.
        beyond: Only effects after this number.
    """
    for effect in effects:
        if effect.number > beyond:
            yield effect.number, Cut.BEFORE
            if effect.kind in _TEARABLE:
                yield effect.number, Cut.HALF
                yield effect.number, Cut.RANDOM
            yield effect.number, Cut.AFTER


def enumerate_cuts(scenario: Scenario, seed: int, *, pairs: bool = False) -> Iterator[Run]:
    """Run a scenario without a cut, then once for every crash point.

    Args:
        scenario: What to run.
        seed: For everything random.
        pairs: Also with a second cut, before each effect that follows the first.

    Raises:
        WakecallError: The scenario fails already without a cut.
    """
    calm = run(scenario, seed, {})
    if calm.problems:
        raise WakecallError(
            f"the scenario {scenario.name} fails without any power cut: {calm.problems[0]}",
            code=ExitCode.FAILED,
        )
    yield calm
    for number, cut in single_cuts(calm.effects):
        once = run(scenario, seed, {number: cut})
        yield once
        if pairs:
            for effect in once.effects[number + 1 :]:
                yield run(scenario, seed, {number: cut, effect.number: Cut.BEFORE})


def total(scenario: Scenario, seed: int) -> int:
    """Return how many runs ``enumerate_cuts`` makes without pairs."""
    return 1 + sum(1 for _ in single_cuts(run(scenario, seed, {}).effects))
