"""What changed at a device between two looks at the server; without I/O.

A server is looked at again and again, because that works with every server; what comes and goes
between two looks is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from host_tools.client.data import Scope, Value
from host_tools.client.persistent import PersistentCall

CALLS_SEEN = 100
"""How many of a device's newest persistent calls a look takes in."""


@dataclass(frozen=True)
class Look:
    """What a server told of a device at one time.

    Args:
        telemetry: The newest value of each key.
        attributes: The attributes of each scope.
        calls: The newest persistent calls by id, at most `CALLS_SEEN`.
    """

    telemetry: Mapping[str, Value] = field(default_factory=dict)
    attributes: Mapping[Scope, Mapping[str, Value]] = field(default_factory=dict)
    calls: Mapping[str, PersistentCall] = field(default_factory=dict)


@dataclass(frozen=True)
class TelemetryChange:
    """A new value of a key."""

    key: str
    value: Value


@dataclass(frozen=True)
class AttributeChange:
    """A new value of an attribute; None when it was removed."""

    scope: Scope
    key: str
    value: Value | None


@dataclass(frozen=True)
class CallChange:
    """A new or changed persistent call, or one that was removed in the state it had."""

    call: PersistentCall
    removed: bool = False


Change = TelemetryChange | AttributeChange | CallChange


def first_state(look: Look) -> Iterator[Change]:
    """Give what there is at the first look: all values, and the calls that are not over yet."""
    for change in changes(Look(), look):
        if not (isinstance(change, CallChange) and change.call.is_final):
            yield change


def changes(before: Look, after: Look) -> Iterator[Change]:
    """Give what is new in a later look, in the order of time.

    Args:
        before: The earlier look.
        after: The later one.
    """
    for key, value in _by_time(_new(before.telemetry, after.telemetry)):
        yield TelemetryChange(key, value)
    for scope, values in after.attributes.items():
        known = before.attributes.get(scope, {})
        for key, value in _by_time(_new(known, values)):
            yield AttributeChange(scope, key, value)
        for key in sorted(known.keys() - values.keys()):
            yield AttributeChange(scope, key, None)
    yield from _call_changes(before.calls, after.calls)


def _call_changes(
    before: Mapping[str, PersistentCall], after: Mapping[str, PersistentCall]
) -> Iterator[CallChange]:
    changed = (call for rpc_id, call in after.items() if before.get(rpc_id) != call)
    for call in sorted(changed, key=lambda call: call.created_ms):
        yield CallChange(call)
    # A call that newer ones have pushed out of a full look is not gone.
    full = len(after) >= CALLS_SEEN
    oldest_ms = min((call.created_ms for call in after.values()), default=0) if full else 0
    for rpc_id, call in before.items():
        if rpc_id not in after and call.created_ms > oldest_ms:
            yield CallChange(call, removed=True)


def _new(before: Mapping[str, Value], after: Mapping[str, Value]) -> dict[str, Value]:
    return {key: value for key, value in after.items() if before.get(key) != value}


def _by_time(values: Mapping[str, Value]) -> list[tuple[str, Value]]:
    return sorted(values.items(), key=lambda item: (item[1].ts_ms, item[0]))
