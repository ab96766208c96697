"""Crash-point enumeration: it visits every point, and a method that breaks is found."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from host_tools.errors import ExitCode, WakecallError
from host_tools.sim import Cut, scenarios
from host_tools.sim.scenarios import target
from host_tools.sim.virtual.crash_points import enumerate_cuts, run, single_cuts, total

BROKEN = """
import json

from wakecall import Integer, method


@method({"celsius": Integer(5, 30)}, effect="set")
def setTarget(agent, celsius):
    with open("target", "w") as file:
        file.write(json.dumps({"celsius": celsius}))
    return celsius
"""


@pytest.fixture
def broken(tmp_path):
    (tmp_path / "target.py").write_text(BROKEN)
    return dataclasses.replace(
        scenarios.TARGET, build=lambda seed: target.build(seed, app=tmp_path)
    )


def test_the_shipped_scenario_holds_at_every_point():
    runs = list(enumerate_cuts(scenarios.TARGET, seed=0))
    assert [done.plan for done in runs if done.problems] == []
    assert len(runs) == total(scenarios.TARGET, 0)
    effects = runs[0].effects
    kinds = Counter(effect.kind for effect in effects)
    assert kinds["socket send"] >= 5
    assert kinds["flash program"] >= 2
    # Before and after each effect, and twice in the middle of each flash operation.
    torn = kinds["flash program"] + kinds["flash erase"]
    assert len(runs) == 1 + 2 * len(effects) + 2 * torn
    assert {cut for done in runs for cut in done.plan.values()} == set(Cut)


def test_a_method_that_breaks_is_found_and_its_run_can_be_repeated(broken):
    failed = [done for done in enumerate_cuts(broken, seed=0) if done.problems]
    assert failed
    assert all("the file holds b''" in done.problems[0] for done in failed)
    again = run(broken, 0, failed[0].plan)
    assert again.trace == failed[0].trace
    assert again.problems == failed[0].problems
    [(number, cut)] = failed[0].plan.items()
    assert failed[0].replay(broken, 0) == (
        f"wakecall torture target --seed 0 --cut {number}:{cut.value}"
    )


def test_a_cut_board_comes_back_by_itself():
    calm = run(scenarios.TARGET, 0, {})
    first = calm.effects[0]
    cut = run(scenarios.TARGET, 0, {first.number: Cut.BEFORE})
    assert any("power restored" in line for line in cut.trace)
    assert not cut.problems


def test_single_cuts_can_begin_behind_an_earlier_one():
    effects = run(scenarios.TARGET, 0, {}).effects
    numbers = {number for number, _ in single_cuts(effects, beyond=10)}
    assert min(numbers) == 11
    assert max(numbers) == effects[-1].number


def test_the_shipped_scenario_holds_when_the_power_goes_twice():
    calm = run(scenarios.TARGET, 0, {})
    writes = [effect.number for effect in calm.effects if effect.kind == "flash program"]
    first = writes[-1]  # the short form of the sweep below: one first cut, every second one
    once = run(scenarios.TARGET, 0, {first: Cut.HALF})
    for second in once.effects[first + 1 :]:
        done = run(scenarios.TARGET, 0, {first: Cut.HALF, second.number: Cut.BEFORE})
        assert done.problems == ()
        assert sum("power cut" in line for line in done.trace) >= 2


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_shipped_scenario_holds_at_every_pair_of_points():
    failed = [done for done in enumerate_cuts(scenarios.TARGET, 0, pairs=True) if done.problems]
    assert failed == []


def test_a_scenario_that_fails_without_a_cut_is_told():
    hopeless = dataclasses.replace(scenarios.TARGET, problems=lambda _: ["it never works"])
    with pytest.raises(WakecallError) as caught:
        next(enumerate_cuts(hopeless, seed=0))
    assert "it never works" in caught.value.message


def test_an_unknown_scenario_is_told_with_the_nearest_one():
    with pytest.raises(WakecallError) as caught:
        scenarios.find("targt")
    assert caught.value.code is ExitCode.NOT_FOUND
    assert "did you mean target?" in caught.value.hint
