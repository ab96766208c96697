from expect import raised

from wakecall.calls import Calls
from wakecall.errors import CallError


def done():
    pass


def test_each_answer_reaches_its_own_call():
    calls = Calls(7)
    first, payload, first_call = calls.start("getCurrentTime", None, done)
    second, _, second_call = calls.start("getWeather", {"day": 1}, done)
    assert (first, second) == ("7", "8")
    assert b"getCurrentTime" in payload
    calls.answered(second, b'{"sun": true}')
    calls.answered(first, b"1700000000000")
    assert first_call.result() == 1700000000000
    assert second_call.result() == {"sun": True}


def test_an_answer_to_nobody_or_a_late_one_is_left_alone():
    calls = Calls(0)
    call_id, _, call = calls.start("a", None, done)
    calls.forget(call_id)
    calls.answered(call_id, b"1")
    calls.answered("99", b"1")
    assert call.result() is None


def test_a_server_without_a_rule_is_told_as_such():
    calls = Calls(0)
    call_id, _, call = calls.start("getCurrentTime", None, done)
    calls.answered(call_id, b'{"error":"timeout"}')
    assert raised(CallError, call.result).code == "UNAVAILABLE"


def test_an_answer_that_is_not_json_is_an_error():
    calls = Calls(0)
    call_id, _, call = calls.start("a", None, done)
    calls.answered(call_id, b"oops{")
    assert raised(CallError, call.result).code == "ABORTED"


def test_a_lost_link_ends_every_open_call():
    calls = Calls(0)
    ended = []
    _, _, first = calls.start("a", None, lambda: ended.append(1))
    _, _, second = calls.start("b", None, lambda: ended.append(2))
    calls.link_lost()
    assert sorted(ended) == [1, 2]
    for call in (first, second):
        assert raised(CallError, call.result).code == "UNAVAILABLE"


def test_ids_stay_within_what_the_wire_carries():
    calls = Calls(0x3FFFFFFF)
    assert calls.start("a", None, done)[0] == str(0x3FFFFFFF)
    assert calls.start("a", None, done)[0] == "0"
