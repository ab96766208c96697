"""Lightweight calls: who is told what, and when (``thingsboard-rpc.md`` 4.3, 5.5)."""

from __future__ import annotations

import pytest

from host_tools.rpc import Delivery, Outcome, SessionKind, Strategy
from tests.rpc.driver import Driver

SEQUENTIAL = [Strategy.ON_ACK, Strategy.ON_RESPONSE]


def test_request_ids_count_from_0_and_wrap_at_the_end_of_an_int32():
    driver = Driver()
    assert [driver.submit() for _ in range(3)] == [0, 1, 2]
    driver.engine._next_request_id = 2**31 - 1
    assert [driver.submit(), driver.submit()] == [2**31 - 1, 0]


def test_two_way_call_ends_with_the_answer():
    driver = Driver()
    driver.subscribe()
    call = driver.submit()
    assert driver.sent() == [("a", call)]
    driver.answer(call, b"7")
    (finish,) = driver.finishes()
    assert (finish.outcome, finish.payload) == (Outcome.ANSWERED, b"7")
    driver.answer(call, b"8")
    driver.wait(60_000)
    assert len(driver.finishes()) == 1


def test_one_way_call_ends_when_it_is_sent_and_is_never_sent_again():
    driver = Driver()
    driver.subscribe()
    driver.submit(one_way=True)
    assert [finish.outcome for finish in driver.finishes()] == [Outcome.ACCEPTED]
    driver.sent()
    driver.subscribe("b")
    assert driver.sent() == []


@pytest.mark.parametrize("one_way", [True, False])
def test_call_to_a_device_that_is_away_ends_at_expiry(one_way: bool):
    driver = Driver()
    driver.submit(one_way=one_way, lifetime_ms=5_000)
    driver.wait(4_999)
    assert driver.finishes() == []
    driver.wait(1)
    assert [finish.outcome for finish in driver.finishes()] == [Outcome.NOT_CONNECTED]


def test_call_that_was_sent_and_not_answered_is_told_apart():
    driver = Driver()
    driver.subscribe()
    driver.submit()
    driver.wait(10_000)
    assert [finish.outcome for finish in driver.finishes()] == [Outcome.NO_ANSWER]


def test_sent_is_judged_when_the_call_is_submitted():
    driver = Driver()
    call = driver.submit()
    driver.subscribe()
    assert driver.sent() == [("a", call)]
    driver.wait(10_000)
    assert [finish.outcome for finish in driver.finishes()] == [Outcome.NOT_CONNECTED]


def test_call_that_expired_before_it_was_submitted_is_never_sent():
    driver = Driver()
    driver.subscribe()
    driver.submit(lifetime_ms=0)
    assert driver.sent() == []
    assert len(driver.finishes()) == 1


def test_waiting_one_way_call_is_done_when_a_device_comes():
    driver = Driver()
    driver.submit(one_way=True)
    driver.subscribe()
    assert [finish.outcome for finish in driver.finishes()] == [Outcome.ACCEPTED]
    driver.wait(10_000)
    assert len(driver.finishes()) == 1


def test_every_session_gets_the_call():
    driver = Driver()
    driver.subscribe("a")
    driver.subscribe("b")
    call = driver.submit()
    assert driver.sent() == [("a", call), ("b", call)]


def test_unsubscribed_session_gets_nothing():
    driver = Driver()
    driver.subscribe()
    driver.engine.unsubscribe("a")
    driver.submit()
    assert driver.sent() == []


def test_poll_takes_the_oldest_call_and_is_used_up():
    driver = Driver()
    first, second = driver.submit(), driver.submit()
    driver.subscribe("poll", SessionKind.SYNC)
    assert driver.sent() == [("poll", first)]
    driver.submit()
    assert driver.sent() == []
    driver.answer(first)
    driver.subscribe("poll", SessionKind.SYNC)
    assert driver.sent() == [("poll", second)]


def test_waiting_poll_is_used_up_by_one_call():
    driver = Driver()
    driver.subscribe("poll", SessionKind.SYNC)
    first = driver.submit()
    driver.submit()
    assert driver.sent() == [("poll", first)]


def test_unacknowledged_two_way_call_is_dropped_when_its_retries_are_used_up():
    driver = Driver()
    driver.subscribe()
    call = driver.submit(retries=0)
    driver.report(call, Delivery.TIMEOUT)
    driver.answer(call)
    assert driver.finishes() == []


@pytest.mark.parametrize("strategy", SEQUENTIAL)
def test_one_way_call_that_had_to_wait_is_done_when_it_is_delivered(strategy: Strategy):
    driver = Driver(strategy=strategy)
    driver.subscribe()
    first = driver.submit()
    second = driver.submit(one_way=True)
    assert driver.sent() == [("a", first)]
    driver.report(first, Delivery.DELIVERED)
    driver.answer(first)
    assert driver.sent() == [("a", second)]
    assert len(driver.finishes()) == 1
    driver.report(second, Delivery.DELIVERED)
    assert [finish.outcome for finish in driver.finishes()] == [Outcome.ANSWERED, Outcome.ACCEPTED]


def test_refused_command_gives_the_transports_error_to_the_caller():
    driver = Driver()
    driver.subscribe()
    call = driver.submit()
    driver.refuse(call, b'{"error":"too large"}')
    (finish,) = driver.finishes()
    assert (finish.outcome, finish.payload) == (Outcome.ANSWERED, b'{"error":"too large"}')
