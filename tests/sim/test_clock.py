"""The virtual clock and its event loop: order, turns, and stock asyncio on top."""

from __future__ import annotations

import asyncio
import time

import pytest

from host_tools.sim.virtual.clock import NS_PER_S, Actor, Clock
from host_tools.sim.virtual.loop import VirtualLoop


@pytest.fixture
def clock():
    return Clock()


def run_async(clock, main, until_s):
    results = []

    class Pace:
        now_ns = property(lambda _: clock.now_ns)

        def wait(self, until_ns):
            clock.wait(actor, until_ns)

        def compute(self):
            """Take no time."""

    def body():
        loop = VirtualLoop(Pace())
        results.append(loop.run_until_complete(main()))
        loop.close()

    actor = Actor(clock, "test", body)
    clock.run_until(until_s * NS_PER_S)
    return results


def test_events_happen_in_the_order_of_time_and_then_of_asking(clock):
    seen = []
    clock.call_at(20, lambda: seen.append(("late", clock.now_ns)))
    clock.call_at(10, lambda: seen.append(("first", clock.now_ns)))
    clock.call_at(10, lambda: seen.append(("second", clock.now_ns)))
    clock.call_at(15, lambda: seen.append("never")).cancel()
    clock.run_until(12)
    assert seen == [("first", 10), ("second", 10)]
    assert clock.now_ns == 12
    clock.run_until(100)
    assert seen[-1] == ("late", 20)


def test_what_an_event_raises_comes_out_where_the_clock_is_run(clock):
    clock.call_at(5, lambda: 1 / 0)
    Actor(clock, "bystander", lambda: None)
    with pytest.raises(ZeroDivisionError):
        clock.run_until(10)


def test_what_an_actor_raises_comes_out_where_the_clock_is_run(clock):
    Actor(clock, "faulty", lambda: {}["missing"])
    with pytest.raises(KeyError):
        clock.run_until(10)


def test_actors_take_turns_in_the_order_of_time(clock):
    seen = []

    def body(name, step_ns):
        def go():
            for _ in range(3):
                clock.wait(actors[name], clock.now_ns + step_ns)
                seen.append((clock.now_ns, name))

        return go

    actors = {}
    actors["slow"] = Actor(clock, "slow", body("slow", 10))
    actors["quick"] = Actor(clock, "quick", body("quick", 4))
    clock.run_until(100)
    assert seen == [
        (4, "quick"),
        (8, "quick"),
        (10, "slow"),
        (12, "quick"),
        (20, "slow"),
        (30, "slow"),
    ]


def test_a_day_of_asyncio_timers_takes_no_time(clock):
    async def main():
        for _ in range(24 * 60):
            await asyncio.sleep(60)
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 30)
        except TimeoutError:
            return clock.now_ns
        return None

    began = time.monotonic()
    assert run_async(clock, main, 100_000) == [(86_400 + 30) * NS_PER_S]
    assert time.monotonic() - began < 1


def test_tasks_of_one_loop_keep_their_order(clock):
    order = []

    async def tick(name, every_s):
        for _ in range(3):
            await asyncio.sleep(every_s)
            order.append(name)

    async def main():
        await asyncio.gather(tick("a", 0.3), tick("b", 0.2))

    run_async(clock, main, 10)
    assert order == ["b", "a", "b", "a", "b", "a"]
