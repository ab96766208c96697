"""What changed between two looks at a device."""

from __future__ import annotations

import dataclasses

import pytest

from host_tools.client import PersistentCall, Scope, Value
from host_tools.client.changes import (
    CALLS_SEEN,
    AttributeChange,
    CallChange,
    Look,
    TelemetryChange,
    changes,
    first_state,
)
from host_tools.rpc.model import Status


def a_call(rpc_id: str, status: Status = Status.QUEUED, created_ms: int = 5) -> PersistentCall:
    return PersistentCall(rpc_id, "d1", "ping", {}, False, status, created_ms, 9, None, None)


def look(**parts: object) -> Look:
    return Look(**parts)  # type: ignore[arg-type]


def calls(*them: PersistentCall) -> Look:
    return look(calls={call.rpc_id: call for call in them})


def test_two_equal_looks_have_no_changes():
    same = look(
        telemetry={"t": Value(1, 1)},
        attributes={Scope.CLIENT: {"a": Value(2, 2)}},
        calls={"r": a_call("r")},
    )
    assert list(changes(same, dataclasses.replace(same))) == []


@pytest.mark.parametrize("new", [Value(2, 5), Value(1, 6)])
def test_a_new_value_or_the_same_one_sent_again_is_a_change(new):
    before, after = look(telemetry={"t": Value(1, 5)}), look(telemetry={"t": new})
    assert list(changes(before, after)) == [TelemetryChange("t", new)]


def test_telemetry_comes_in_the_order_of_time():
    after = look(telemetry={"b": Value(1, 7), "a": Value(2, 9), "c": Value(3, 8)})
    assert [change.key for change in changes(Look(), after)] == ["b", "c", "a"]


def test_attributes_that_appear_change_and_go_are_told_with_their_scope():
    before = look(attributes={Scope.SHARED: {"a": Value(1, 1), "b": Value(1, 1)}})
    after = look(
        attributes={Scope.SHARED: {"a": Value(2, 2)}, Scope.CLIENT: {"b": Value(1, 1)}},
    )
    assert list(changes(before, after)) == [
        AttributeChange(Scope.SHARED, "a", Value(2, 2)),
        AttributeChange(Scope.SHARED, "b", None),
        AttributeChange(Scope.CLIENT, "b", Value(1, 1)),
    ]


def test_a_call_is_told_with_each_new_state_the_oldest_first():
    before = calls(a_call("r1"), a_call("r2"))
    after = calls(
        a_call("r3", created_ms=8), a_call("r2", Status.SENT, 7), a_call("r1"), a_call("r0")
    )
    told = [(change.call.rpc_id, change.call.status) for change in changes(before, after)]
    assert told == [("r0", Status.QUEUED), ("r2", Status.SENT), ("r3", Status.QUEUED)]


def test_a_call_that_is_gone_was_removed():
    gone = a_call("r1", Status.SENT)
    assert list(changes(calls(gone), calls())) == [CallChange(gone, removed=True)]


def test_the_oldest_of_a_few_calls_that_is_gone_was_removed():
    old, new = a_call("old", created_ms=1), a_call("new", created_ms=9)
    assert list(changes(calls(old, new), calls(new))) == [CallChange(old, removed=True)]


def test_a_call_that_newer_ones_push_out_of_a_full_look_was_not_removed():
    old, removed = a_call("old", created_ms=10), a_call("removed", created_ms=500)
    full = calls(*(a_call(f"r{number}", created_ms=100 + number) for number in range(CALLS_SEEN)))
    before = dataclasses.replace(full, calls={**full.calls, "old": old, "removed": removed})
    assert list(changes(before, full)) == [CallChange(removed, removed=True)]


def test_the_first_look_tells_all_values_and_the_calls_that_are_not_over():
    first = look(
        telemetry={"t": Value(1, 1)},
        attributes={Scope.SERVER: {"active": Value(True, 1)}},
        calls={
            "r1": a_call("r1", Status.DELIVERED),
            "r2": a_call("r2", Status.SUCCESSFUL),
            "r3": a_call("r3", Status.EXPIRED),
        },
    )
    assert list(first_state(first)) == [
        TelemetryChange("t", Value(1, 1)),
        AttributeChange(Scope.SERVER, "active", Value(True, 1)),
        CallChange(a_call("r1", Status.DELIVERED)),
    ]
