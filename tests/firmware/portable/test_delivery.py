import json

from wakecall.delivery import Delivery, encode
from wakecall.errors import CommandError
from wakecall.registry import Registry, method
from wakecall.schema import Integer


@method({"value": Integer(0, 9, default=0)}, effect="read")
def echo(agent, value):
    return value


class Recorder:
    """A link that records what it is told to say."""

    def __init__(self):
        self.said = []
        self.confirmations = []

    def acknowledge(self, packet_id):
        self.said.append(f"PUBACK {packet_id}")

    def answer(self, request_id, payload, on_confirmed):
        self.said.append(f"answer {request_id}")
        self.last = json.loads(payload)
        self.confirmations.append(on_confirmed)


def setting():
    registry = Registry()
    registry.add(echo)
    return Delivery(registry, None), Recorder()


def arrive(delivery, link, number, payload=b'{"method":"echo","params":{"value":3}}', length=None):
    size = len(payload) if length is None else length
    delivery.arrived(0, link, number + 100, str(number), payload, size)


def error_of(link):
    return link.last["error"]["code"], link.last["error"]["effect"]


def test_the_acknowledgement_leaves_right_before_the_answer():
    delivery, link = setting()
    arrive(delivery, link, 0)
    command = delivery.next()
    assert command.arguments == {"value": 3}
    assert link.said == []
    delivery.ran(command, 3)
    assert link.said == ["PUBACK 100", "answer 0"]


def test_an_answer_is_owed_until_it_is_confirmed():
    delivery, link = setting()
    arrive(delivery, link, 0)
    delivery.ran(delivery.next(), 3)
    assert not delivery.is_settled
    link.confirmations[0]()
    assert delivery.is_settled


def test_commands_run_in_the_order_of_their_arrival():
    delivery, link = setting()
    for number in (5, 3, 9):
        arrive(delivery, link, number)
    order = [delivery.next().request_id for _ in range(3)]
    assert order == ["5", "3", "9"]
    assert delivery.next() is None


def test_a_bad_command_is_answered_at_once_and_acknowledged_in_its_turn():
    delivery, link = setting()
    arrive(delivery, link, 0)
    arrive(delivery, link, 1, b"{}")
    assert link.said == ["answer 1"]
    delivery.ran(delivery.next(), 3)
    assert link.said == ["answer 1", "PUBACK 100", "PUBACK 101", "answer 0"]


def test_each_kind_of_bad_command_gets_its_code_and_never_runs():
    for payload, code in (
        (b"", "INVALID_ARGUMENT"),
        (b"not json{", "INVALID_ARGUMENT"),
        (b"[1]", "INVALID_ARGUMENT"),
        (b"null", "INVALID_ARGUMENT"),
        (b"{}", "INVALID_ARGUMENT"),
        (b'{"method":5}', "INVALID_ARGUMENT"),
        (b'{"method":""}', "INVALID_ARGUMENT"),
        (b'{"method":"fly"}', "NOT_FOUND"),
        (b'{"method":"echo","params":[]}', "INVALID_ARGUMENT"),
        (b'{"method":"echo","params":{"value":10}}', "OUT_OF_RANGE"),
        (b'{"method":"echo","params":{"other":1}}', "INVALID_ARGUMENT"),
        (b"[" * 5000, "INVALID_ARGUMENT"),
    ):
        delivery, link = setting()
        arrive(delivery, link, 0, payload)
        assert error_of(link) == (code, "none")
        assert delivery.next() is None


def test_a_command_of_which_only_the_beginning_came_is_too_large():
    delivery, link = setting()
    arrive(delivery, link, 0, b'{"method"', 60000)
    assert error_of(link) == ("RESOURCE_EXHAUSTED", "none")
    assert "60000 bytes" in link.last["error"]["message"]


def test_a_request_id_that_is_no_number_is_acknowledged_and_never_answered():
    for request_id in ("", "abc", "1/2", "-", "99999999999"):
        delivery, link = setting()
        delivery.arrived(0, link, 100, request_id, b"{}", 2)
        assert link.said == ["PUBACK 100"]


def test_a_burst_is_bounded_in_number_and_in_bytes():
    delivery, link = setting()
    for number in range(40):
        arrive(delivery, link, number)
    assert link.said[0] == "answer 32"
    assert error_of(link) == ("RESOURCE_EXHAUSTED", "none")

    delivery, link = setting()
    for number in range(3):
        arrive(delivery, link, number, b'{"method":"echo","params":{}}' + b" " * 8000)
    assert link.said == ["answer 2"]


def test_an_acknowledgement_does_not_wait_longer_than_three_seconds():
    delivery, link = setting()
    arrive(delivery, link, 0)
    assert delivery.next_check_ms(2999) == 3000
    assert link.said == []
    assert delivery.next_check_ms(3000) is None
    assert link.said == ["PUBACK 100"]
    delivery.ran(delivery.next(), 3)
    assert link.said == ["PUBACK 100", "answer 0"]


def test_nothing_of_a_lost_connection_reaches_the_next_one():
    delivery, link = setting()
    for number in range(3):
        arrive(delivery, link, number)
    running = delivery.next()
    delivery.link_lost(link)
    delivery.ran(running, 3)
    assert link.said == []
    assert delivery.next() is None
    assert delivery.is_settled
    assert delivery.next_check_ms(9999) is None


def test_a_failed_run_is_answered_with_its_effect():
    delivery, link = setting()
    arrive(delivery, link, 0)
    delivery.failed(delivery.next(), CommandError("ABORTED", "stopped", "unknown"))
    assert link.last == {"error": {"code": "ABORTED", "message": "stopped", "effect": "unknown"}}


def test_any_json_value_is_an_answer_as_it_is():
    for value in (None, True, 0, 1.5, "text", [1, [2]], {"a": {"b": None}}):
        assert json.loads(encode(value)) == value


def test_what_cannot_be_sent_is_told_with_its_effect_done():
    deep = []
    for _ in range(30):
        deep = [deep]
    for value, code in (
        (object(), "INTERNAL"),
        (b"bytes", "INTERNAL"),
        ({1: 2}, "INTERNAL"),
        ([float("nan")], "INTERNAL"),
        (deep, "INTERNAL"),
        ("x" * 61000, "RESOURCE_EXHAUSTED"),
    ):
        error = json.loads(encode(value))["error"]
        assert (error["code"], error["effect"]) == (code, "done")
