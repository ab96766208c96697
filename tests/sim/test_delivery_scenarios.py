"""The delivery scenarios of `wakecall torture`, at points spread over each of them."""

from __future__ import annotations

from itertools import islice

import pytest

from host_tools.sim.scenarios.delivery import DELIVERY
from host_tools.sim.virtual.crash_points import Scenario, run, single_cuts

RUNS = 16


@pytest.mark.parametrize("scenario", DELIVERY, ids=lambda scenario: scenario.name)
def test_a_power_cut_loses_and_doubles_no_command(scenario: Scenario) -> None:
    calm = run(scenario, 0, {})
    assert calm.problems == ()
    cuts = list(single_cuts(calm.effects))
    step = max(1, len(cuts) // RUNS)
    # Another start for each scenario, so that together they meet all kinds of points.
    start = sum(map(ord, scenario.name)) % step
    for number, cut in islice(cuts, start, None, step):
        torn = run(scenario, 0, {number: cut})
        assert torn.problems == (), torn.replay(scenario, 0)


def test_the_oracle_is_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A board that forgets its journal doubles commands, and the scenario says so."""
    from host_tools.sim.virtual.board import VirtualBoard

    burst = next(scenario for scenario in DELIVERY if scenario.name == "burst")
    calm = run(burst, 0, {})
    restore = VirtualBoard.power_restore

    def forgetful(board: VirtualBoard) -> None:
        for name in board.files().names("/journal"):
            board.files().write(f"journal/{name}", b"")
        restore(board)

    monkeypatch.setattr(VirtualBoard, "power_restore", forgetful)
    problems = [
        problem
        for number, cut in single_cuts(calm.effects)
        if number > len(calm.effects) // 2
        for problem in run(burst, 0, {number: cut}).problems
    ]
    assert any("happened 2 times" in problem for problem in problems)
