import json

from bench import Bench

from wakecall.answers import encode
from wakecall.errors import CommandError
from wakecall.registry import method
from wakecall.schema import Integer

runs = []


@method({"value": Integer(0, 9, default=0)}, effect="read")
def echo(agent, value):
    runs.append(f"echo {value}")
    return value


@method({"value": Integer(0, 9, default=0)}, effect="set")
def store(agent, value):
    runs.append(f"store {value}")
    return value


@method({"value": Integer(0, 9, default=0)})
def pulse(agent, value):
    runs.append(f"pulse {value}")
    return {"pulsed": value}


@method(effect="reboot")
def reboot(agent):
    runs.append("reboot")
    return {"rebooting": True}


def bench(**options):
    runs.clear()
    return Bench(echo, store, pulse, reboot, **options)


def connected(**options):
    board = bench(**options)
    board.connect()
    return board


# Acknowledgements and answers


def test_check_4_a_read_is_acknowledged_right_before_its_answer_and_costs_no_flash():
    board = connected()
    writes = board.port.flash.writes
    board.send(0, "echo", {"value": 3})
    assert board.link.said == []
    board.run()
    assert board.link.said == ["PUBACK 100", "answer 0"]
    assert board.port.flash.writes == writes


def test_check_3_a_once_command_is_acknowledged_when_it_is_durable_and_before_it_runs():
    board = connected()
    writes = board.port.flash.writes
    board.send(0, "pulse")
    assert board.link.said == ["PUBACK 100"]
    assert board.port.flash.writes == writes + 1
    assert runs == []
    board.run()
    assert board.link.said == ["PUBACK 100", "answer 0"]
    assert board.port.flash.writes == writes + 2


def test_an_answer_is_owed_until_it_is_confirmed():
    for name in ("echo", "pulse"):
        board = connected()
        board.send(0, name)
        board.run()
        assert board.delivery.owes(board.connection)
        board.link.confirm()
        assert not board.delivery.owes(board.connection)


def test_commands_run_and_are_acknowledged_in_the_order_of_their_arrival():
    board = connected(slots=16)
    for number, name in enumerate(("echo", "pulse", "store", "echo", "pulse")):
        board.send(number, name, {"value": number})
    board.run()
    assert runs == ["echo 0", "pulse 1", "store 2", "echo 3", "pulse 4"]
    acknowledged = [line for line in board.link.said if line.startswith("PUBACK")]
    assert acknowledged == ["PUBACK 100", "PUBACK 101", "PUBACK 102", "PUBACK 103", "PUBACK 104"]
    answered = [line for line in board.link.said if line.startswith("answer")]
    assert answered == ["answer 0", "answer 1", "answer 2", "answer 3", "answer 4"]


def test_a_bad_command_is_answered_at_once_and_acknowledged_in_its_turn():
    board = connected()
    board.send(0, "echo")
    board.send_raw(1, b"{}")
    assert board.link.said == ["answer 1"]
    board.run()
    assert board.link.said == ["answer 1", "PUBACK 100", "PUBACK 101", "answer 0"]


def test_check_4_an_acknowledgement_does_not_wait_longer_than_three_seconds():
    board = connected()
    board.send(0, "store", {"value": 1})
    command = board.delivery.next()
    board.send(1, "echo")
    board.port.ms = 2999
    assert board.delivery.next_check_ms(board.connection) == 3000
    assert board.link.said == []
    board.port.ms = 3000
    assert board.delivery.next_check_ms(board.connection) is None
    assert board.link.said == ["PUBACK 100", "PUBACK 101"]
    board.delivery.ran(command, 1)
    board.run()
    assert board.link.said[2:] == ["answer 0", "answer 1"]


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
        (b'{"method":"echo","params":{"_id":5}}', "INVALID_ARGUMENT"),
        (b'{"method":"echo","params":{"_id":""}}', "INVALID_ARGUMENT"),
        (b'{"method":"echo","params":{"_exp":"soon"}}', "INVALID_ARGUMENT"),
        (b"[" * 5000, "INVALID_ARGUMENT"),
        (b'{"method":"echo","params":' + b"[" * 20 + b"]" * 20 + b"}", "INVALID_ARGUMENT"),
    ):
        board = connected()
        board.send_raw(0, payload)
        assert board.error() == (code, "none"), payload
        assert board.run() == 0


def test_a_command_of_which_only_the_beginning_came_is_too_large():
    board = connected()
    board.send_raw(0, b'{"method"', 60000)
    assert board.error() == ("RESOURCE_EXHAUSTED", "none")
    assert "60000 bytes" in board.link.last["error"]["message"]


def test_a_request_id_that_is_no_int32_is_acknowledged_and_never_answered():
    for request_id in ("", "abc", "1/2", "-", "99999999999", "2147483648"):
        board = connected()
        board.delivery.arrived(board.connection, 100, request_id, b"{}", 2)
        assert board.link.said == ["PUBACK 100"]


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


# Rights, rate and expiry


def test_a_link_calls_only_what_it_may():
    board = connected(rights={"mqtt": ["echo"]})
    board.send(0, "pulse")
    assert board.error() == ("PERMISSION_DENIED", "none")
    board.send(1, "echo")
    assert board.run() == 1


def test_a_link_that_sends_too_much_is_told_so_until_time_has_passed():
    board = connected(rate=2)
    for number in range(3):
        board.send(number, "echo")
        board.run()
    assert board.error() == ("RESOURCE_EXHAUSTED", "none")
    board.port.ms = 30000
    board.send(3, "echo")
    board.run()
    assert board.link.answers["3"] == 0


def test_check_22_an_expired_command_is_not_run():
    board = connected()
    board.port.epoch = 5000
    board.send(0, "pulse", expires=5000)
    assert board.error() == ("DEADLINE_EXCEEDED", "none")
    board.send(1, "pulse", expires=5001)
    assert board.run() == 1


def test_a_command_that_expires_while_it_waits_is_not_run():
    board = connected()
    board.port.epoch = 5000
    board.send(0, "pulse", expires=6000)
    board.port.epoch = 6000
    assert board.run() == 0
    assert board.error() == ("DEADLINE_EXCEEDED", "none")


def test_a_command_with_an_expiry_waits_for_the_clock_but_not_for_ever():
    board = connected()
    board.send(0, "pulse", expires=6000)
    assert board.run() == 0
    board.port.epoch = 100
    assert board.run() == 1

    board = connected()
    board.send(0, "pulse", expires=6000)
    assert board.delivery.next_check_ms(board.connection) == 20000
    board.port.ms = 20000
    assert board.run() == 0
    assert board.error() == ("DEADLINE_EXCEEDED", "none")


# Identity


def test_check_5_a_command_that_comes_again_is_answered_from_the_journal_and_not_run_again():
    board = connected()
    board.send(0, "pulse", {"value": 4})
    board.run()
    board.connect(fence=False)
    board.send(0, "pulse", {"value": 4})
    assert board.run() == 0
    assert board.link.said == ["PUBACK 100", "answer 0"]
    assert board.link.last == {"pulsed": 4}
    assert runs == ["pulse 4"]


def test_check_6_a_named_command_under_another_request_id_is_answered_under_the_new_one():
    board = connected()
    board.send(5, "pulse", {"value": 4}, name="a")
    board.run()
    board.connect(fence=False)
    board.send(0, "pulse", {"value": 4}, name="a")
    assert board.run() == 0
    assert board.link.answers == {"0": {"pulsed": 4}}


def test_a_name_of_another_command_is_refused():
    board = connected()
    board.send(5, "pulse", {"value": 4}, name="a")
    board.run()
    board.send(6, "pulse", {"value": 5}, name="a")
    assert board.error() == ("INVALID_ARGUMENT", "none")
    assert runs == ["pulse 4"]


def test_check_7_another_command_under_a_used_id_is_run_and_gets_its_own_answer():
    board = connected()
    board.send(0, "pulse", {"value": 4})
    board.run()
    board.connect(fence=False)
    board.send(0, "pulse", {"value": 7})
    board.run()
    board.fence()
    assert runs == ["pulse 4", "pulse 7"]
    assert board.link.said == ["PUBACK 100", "answer 0"]
    assert board.link.last == {"pulsed": 7}


def test_a_read_is_run_again_always():
    board = connected(durable_answers=True)
    for _ in range(2):
        board.send(0, "echo", {"value": 4}, name="a")
        board.run()
    assert runs == ["echo 4", "echo 4"]


def test_params_that_are_no_object_can_carry_a_name():
    from wakecall.identity import parse

    message = parse(b'{"method":"m","params":{"_id":"a","_exp":9,"_params":[1]}}')
    assert (message.name, message.expires_ms, message.params) == ("a", 9, [1])


def test_the_same_params_in_another_order_are_the_same_command():
    from wakecall.identity import parse

    one = parse(b'{"method":"m","params":{"a":1,"b":{"c":[1,null],"d":"x"}}}')
    two = parse(b'{"params":{"b":{"d":"x","c":[1,null]},"a":1,"_id":"n"},"method":"m"}')
    assert one.digest() == two.digest()
    assert one.key("1", one.digest()) != one.key("2", one.digest())


def test_a_fingerprint_is_forgotten_at_the_first_fence_that_does_not_bring_it_again():
    board = connected()
    board.send(0, "pulse")
    board.run()
    board.link.confirm()
    board.connect()
    board.send(0, "pulse")
    board.run()
    assert runs == ["pulse 0", "pulse 0"]


def test_a_name_is_remembered_beyond_the_fence():
    board = connected()
    board.send(0, "pulse", name="a")
    board.run()
    board.link.confirm()
    board.connect()
    board.send(7, "pulse", name="a")
    assert board.run() == 0
    assert board.link.answers == {"7": {"pulsed": 0}}


# Cuts


def test_an_accepted_command_is_run_after_a_cut_without_coming_again():
    board = connected()
    board.send(0, "echo")
    board.send(1, "pulse", {"value": 1})
    board.reboot()
    board.run()
    assert runs == ["echo 0", "pulse 1"]


def test_check_9_a_started_once_command_is_never_run_again_and_says_so():
    board = connected()
    board.send(0, "pulse")
    board.delivery.next()
    board.reboot()
    assert board.run() == 0
    board.connect(fence=False)
    board.send(0, "pulse")
    assert board.error() == ("ABORTED", "unknown")
    assert runs == []


def test_an_owed_answer_goes_out_once_the_server_counts_beyond_its_id():
    board = connected()
    board.send(4, "pulse")
    board.run()
    board.reboot()
    board.connect()
    assert board.link.said == []
    board.send(5, "echo")
    assert board.link.said[0] == "answer 4"
    assert board.link.answers["4"] == {"pulsed": 0}


def test_an_owed_answer_is_never_sent_under_an_id_that_the_server_uses_anew():
    board = connected()
    board.send(4, "pulse")
    board.run()
    board.reboot()
    board.connect()
    board.send(0, "echo")
    board.run()
    assert board.link.said == ["PUBACK 100", "answer 0"]


def test_check_8_a_reboot_happens_once_however_often_it_comes():
    board = connected()
    board.send(0, "reboot", name="r")
    assert board.run() == 1
    for _ in range(3):
        board.reboot()
        board.connect(fence=False)
        board.send(0, "reboot", name="r")
        assert board.run() == 0
        assert board.link.last == {"rebooting": True}
    assert runs == ["reboot"]


def test_a_reboot_that_was_cut_before_it_happened_counts_as_done():
    board = connected()
    board.send(0, "reboot", name="r")
    board.delivery.next()
    board.reboot()
    board.connect(fence=False)
    board.send(0, "reboot", name="r")
    assert board.run() == 0
    assert board.link.last == {"rebooting": True}


def test_a_command_that_crashed_the_board_twice_is_closed():
    board = connected()
    board.reboot()
    board.connect()
    board.send(0, "store", {"value": 1})
    for _ in range(2):
        assert board.delivery.next() is not None
        board.reboot()
    assert board.delivery.next() is None
    board.connect(fence=False)
    board.send(0, "store", {"value": 1})
    assert board.error() == ("ABORTED", "unknown")


def test_a_command_that_crashed_the_board_before_it_was_journalled_is_run_once_more_at_most():
    board = connected()
    board.send(0, "store", {"value": 1})
    board.delivery.next()
    board.reboot()
    board.connect(fence=False)
    board.send(0, "store", {"value": 1})
    board.delivery.next()
    board.reboot()
    assert board.delivery.next() is None


def test_after_an_unclean_reset_even_a_read_is_journalled_before_it_runs():
    board = connected()
    board.reboot(unclean=True)
    board.connect()
    board.send(0, "echo")
    assert board.link.said == ["PUBACK 100"]


# A full ring


def test_a_full_ring_leaves_commands_to_the_server_and_loses_none():
    board = connected(slots=2)
    for number in range(4):
        board.send(number, "pulse", {"value": number})
    assert board.connection.is_leaving
    board.send(9, "echo")
    board.run()
    assert board.link.said == ["PUBACK 100", "PUBACK 101", "answer 0", "answer 1"]
    board.link.confirm()
    board.connect(fence=False)
    for number in range(2, 4):
        board.send(number, "pulse", {"value": number})
    board.run()
    assert runs == ["pulse 0", "pulse 1", "pulse 2", "pulse 3"]


def test_check_10_unfinished_commands_are_never_overwritten():
    board = connected(slots=2)
    board.send(0, "pulse", {"value": 0})
    board.send(1, "pulse", {"value": 1})
    board.reboot()
    board.connect(fence=False)
    board.send(2, "pulse", {"value": 2})
    assert board.connection.is_leaving
    board.run()
    assert runs == ["pulse 1"]


def test_a_burst_of_reads_is_bounded_in_number_and_in_bytes():
    board = connected()
    for number in range(40):
        board.send(number, "echo")
    assert board.connection.is_leaving
    assert board.run() == 32

    board = connected()
    for number in range(3):
        board.send_raw(number, b'{"method":"echo","params":{}}' + b" " * 8000)
    assert board.connection.is_leaving
    assert board.run() == 2


def test_a_link_that_cannot_acknowledge_is_told_when_the_ring_is_full():
    board = connected(slots=1)
    board.link.acknowledges = False
    board.send(0, "pulse")
    board.send(1, "pulse", {"value": 1})
    assert board.error() == ("RESOURCE_EXHAUSTED", "none")


# Lost connections


def test_nothing_of_a_lost_connection_reaches_the_next_one():
    board = connected()
    for number in range(3):
        board.send(number, "echo")
    running = board.delivery.next()
    lost = board.link
    board.connect()
    board.delivery.ran(running, 3)
    assert lost.said == board.link.said == []
    assert board.delivery.is_idle


def test_a_durable_command_goes_on_while_the_connection_is_lost():
    board = connected()
    board.send(0, "pulse")
    running = board.delivery.next()
    board.connect(fence=False)
    board.delivery.ran(running, {"pulsed": 0})
    assert board.link.said == []
    board.send(0, "pulse")
    assert board.link.said == ["PUBACK 100", "answer 0"]


# A lost journal


def test_a_restart_without_a_name_is_refused_for_a_minute_after_the_journal_was_lost():
    board = bench()
    board.connect(fence=False)
    board.send(0, "reboot")
    assert board.run() == 0
    board.fence(announced="0000beef")
    assert board.run() == 0
    assert board.error() == ("FAILED_PRECONDITION", "none")
    board.send(1, "reboot", name="a")
    assert board.run() == 1
    board.port.ms = 60001
    board.send(2, "reboot")
    assert board.run() == 1


def test_a_new_board_may_restart_once_the_server_knows_no_older_journal():
    board = bench()
    board.connect(fence=False)
    board.send(0, "reboot")
    board.fence(announced=None)
    assert board.run() == 1


def test_a_failed_run_is_answered_with_its_effect():
    board = connected()
    board.send(0, "pulse")
    board.delivery.failed(board.delivery.next(), CommandError("ABORTED", "stopped", "unknown"))
    assert board.link.last == {
        "error": {"code": "ABORTED", "message": "stopped", "effect": "unknown"}
    }
