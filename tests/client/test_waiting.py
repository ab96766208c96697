"""Waiting for a call and for a server that is away, in a time that the test makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

import pytest

from host_tools.client.persistent import PersistentCall
from host_tools.client.waiting import LONGEST_OUTAGE_S, LONGEST_PAUSE_S, Patience, follow
from host_tools.errors import ExitCode, WakecallError
from host_tools.rpc.model import Status

QUEUED = PersistentCall("r1", "d1", "ping", {}, False, Status.QUEUED, 1, 2, None, None)


class Clock:
    """A time in seconds that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def states(*statuses: Status | None) -> Callable[[], PersistentCall | None]:
    """Give a call in these states one after the other; the last one is kept."""
    left = list(statuses)

    def read() -> PersistentCall | None:
        status = left.pop(0) if len(left) > 1 else left[0]
        return None if status is None else dataclasses.replace(QUEUED, status=status)

    return read


def seen(calls: Iterable[PersistentCall]) -> list[Status]:
    return [call.status for call in calls]


def test_each_state_is_told_once_up_to_the_final_one(clock):
    read = states(
        Status.QUEUED, Status.QUEUED, Status.SENT, Status.DELIVERED, Status.SENT, Status.SUCCESSFUL
    )
    told = seen(follow(read, 60_000, monotonic=clock, sleep=clock.sleep))
    assert told == [
        Status.QUEUED,
        Status.SENT,
        Status.DELIVERED,
        Status.SENT,
        Status.SUCCESSFUL,
    ]


def test_it_ends_when_the_time_is_over(clock):
    told = seen(follow(states(Status.QUEUED), 60_000, monotonic=clock, sleep=clock.sleep))
    assert told == [Status.QUEUED]
    assert clock.now == pytest.approx(1_060)


def test_the_server_is_asked_less_often_the_longer_nothing_happens(clock):
    list(follow(states(Status.QUEUED), 60_000, monotonic=clock, sleep=clock.sleep))
    assert clock.pauses[0] < 0.2
    assert max(clock.pauses) == LONGEST_PAUSE_S
    assert clock.pauses[:-1] == sorted(clock.pauses[:-1])


def test_a_server_that_cannot_be_asked_is_asked_again(clock):
    read = states(None, Status.QUEUED, None, None, Status.SUCCESSFUL)
    told = seen(follow(read, 60_000, monotonic=clock, sleep=clock.sleep))
    assert told == [Status.QUEUED, Status.SUCCESSFUL]


def failing(code: ExitCode) -> Callable[[], object]:
    def request() -> object:
        raise WakecallError("cannot reach the server", code=code)

    return request


@pytest.mark.parametrize("code", [ExitCode.UNREACHABLE, ExitCode.TIMEOUT])
def test_an_outage_is_told_once_and_borne_for_a_minute(clock, code):
    told: list[str] = []
    patience = Patience(told.append, clock)
    for _ in range(10):
        assert patience.ask(failing(code)) is None
        clock.sleep(LONGEST_OUTAGE_S / 10)
    assert told == ["cannot reach the server; trying on for 60 s"]
    clock.sleep(1)
    with pytest.raises(WakecallError):
        patience.ask(failing(code))


def test_a_second_outage_has_a_minute_of_its_own(clock):
    told: list[str] = []
    patience = Patience(told.append, clock)
    for _ in range(3):
        assert patience.ask(failing(ExitCode.UNREACHABLE)) is None
        clock.sleep(LONGEST_OUTAGE_S - 1)
        assert patience.ask(lambda: "back") == "back"
    assert len(told) == 3


@pytest.mark.parametrize("code", [ExitCode.NOT_FOUND, ExitCode.CREDENTIALS, ExitCode.FAILED])
def test_what_no_waiting_mends_is_raised_at_once(clock, code):
    with pytest.raises(WakecallError) as caught:
        Patience(lambda _: None, clock).ask(failing(code))
    assert caught.value.code == code
