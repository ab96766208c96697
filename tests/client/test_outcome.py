"""What each state of a persistent call means to its caller."""

from __future__ import annotations

import dataclasses

import pytest

from host_tools.client import DeviceError
from host_tools.client.outcome import answer_of_call
from host_tools.client.persistent import PersistentCall
from host_tools.errors import ExitCode, WakecallError
from host_tools.rpc.model import Status

ERROR = {"error": {"code": "NOT_FOUND", "message": "no method fly", "effect": "none"}}
QUEUED = PersistentCall("r1", "d1", "ping", {}, False, Status.QUEUED, 1, 2, None, None)


def call(status: Status, response: object = None, *, one_way: bool = False) -> PersistentCall:
    return dataclasses.replace(QUEUED, status=status, response=response, one_way=one_way)


@pytest.mark.parametrize("response", [{"on": True}, [1], "text", 0, False, None, {"error": "text"}])
def test_the_answer_of_a_call_that_succeeded_is_returned(response):
    assert answer_of_call(call(Status.SUCCESSFUL, response), "pump") == response


def test_an_error_answer_is_a_device_error():
    with pytest.raises(DeviceError) as caught:
        answer_of_call(call(Status.SUCCESSFUL, ERROR), "pump")
    assert caught.value.answer == ERROR


@pytest.mark.parametrize(
    ("ended", "code", "said"),
    [
        (call(Status.EXPIRED), ExitCode.TIMEOUT, "the call r1 expired before pump answered"),
        (call(Status.FAILED), ExitCode.FAILED, "the server gave up the call r1 of pump"),
        (call(Status.FAILED, {"error": "too often"}), ExitCode.FAILED, "of pump: too often"),
        (call(Status.FAILED, {"error": "\x1b[2J"}), ExitCode.FAILED, "the call r1 of pump"),
        (call(Status.QUEUED), ExitCode.TIMEOUT, "the call r1 of pump is still QUEUED"),
        (call(Status.SENT), ExitCode.TIMEOUT, "is still SENT"),
        (call(Status.DELIVERED), ExitCode.TIMEOUT, "is still DELIVERED"),
        (call(Status.TIMEOUT), ExitCode.TIMEOUT, "is still TIMEOUT"),
        (call(Status.EXPIRED, one_way=True), ExitCode.TIMEOUT, "expired"),
    ],
    ids=lambda value: value.status.value if isinstance(value, PersistentCall) else "",
)
def test_every_other_end_is_an_error_that_says_which(ended, code, said):
    with pytest.raises(WakecallError) as caught:
        answer_of_call(ended, "pump")
    assert caught.value.code == code
    assert said in caught.value.message
    assert caught.value.message.isprintable()
    assert caught.value.hint


@pytest.mark.parametrize("status", [Status.DELIVERED, Status.SUCCESSFUL])
def test_a_one_way_call_is_over_when_it_was_delivered(status):
    assert answer_of_call(call(status, ERROR, one_way=True), "pump") is None


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.DELETED])
def test_a_two_way_call_is_over_when_nothing_more_can_come(status):
    assert call(status).is_final == (status in (Status.SUCCESSFUL, Status.EXPIRED, Status.FAILED))
