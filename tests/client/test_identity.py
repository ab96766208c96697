"""The identity of a command inside its params, held against the agent that takes it out again."""

from __future__ import annotations

import json

import pytest

from host_tools.client.identity import new_id, with_identity
from host_tools.errors import ExitCode, WakecallError
from wakecall import identity as agent  # type: ignore[import-not-found]


def taken_out(params):
    """Return what an agent gets out of a command: params, id and time."""
    message = agent.parse(json.dumps({"method": "m", "params": params}).encode())
    return message.params, message.name, message.expires_ms


@pytest.mark.parametrize(
    "params",
    [{}, {"pin": 23}, None, [1, 2], "text", 0, False, {"_params": 5}, {"_params": 5, "a": 1}],
    ids=json.dumps,
)
@pytest.mark.parametrize("expires_ms", [None, 1_800_000_000_000])
def test_an_agent_gets_the_params_as_they_were_with_id_and_time(params, expires_ms):
    sent = with_identity(params, "x-1", expires_ms)
    assert taken_out(sent) == (params, "x-1", expires_ms)


def test_without_a_time_there_is_no_key_for_it():
    assert with_identity({"pin": 1}, "x") == {"pin": 1, "_id": "x"}
    assert with_identity(3, "x", 7) == {"_params": 3, "_id": "x", "_exp": 7}


@pytest.mark.parametrize("key", ["_id", "_exp"])
def test_params_that_use_a_key_of_the_identity_are_refused(key):
    with pytest.raises(WakecallError) as caught:
        with_identity({key: 1}, "x")
    assert caught.value.code == ExitCode.USAGE
    assert key in caught.value.message


def test_ids_are_short_differ_and_are_such_as_an_agent_takes():
    ids = {new_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert {len(text) for text in ids} == {16}
    assert taken_out(with_identity({}, next(iter(ids))))[1] in ids
