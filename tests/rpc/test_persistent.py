"""Persistent commands: every transition of ``thingsboard-rpc.md`` 5.2, the retries, the restart."""

from __future__ import annotations

import pytest

from host_tools.rpc import CloseSessions, Command, Delivery, SessionKind, Status, Strategy
from tests.rpc.driver import START_MS, Driver

Q, S, D = Status.QUEUED, Status.SENT, Status.DELIVERED
OK, T, E, F = Status.SUCCESSFUL, Status.TIMEOUT, Status.EXPIRED, Status.FAILED
SENT, DELIVERED, TIMEOUT = Delivery.SENT, Delivery.DELIVERED, Delivery.TIMEOUT


def stored(request_id: int, **fields: object) -> Command:
    """A command as an earlier run stored it."""
    chosen = {"one_way": False, "expires_at_ms": START_MS + 10_000} | fields
    return Command(request_id, f"rpc-{request_id}", "method", "null", persistent=True, **chosen)


def test_online_two_way_with_qos_1():
    driver = Driver()
    driver.subscribe()
    call = driver.submit(persistent=True)
    driver.acknowledge(call)
    driver.answer(call, b'{"on":true}')
    assert driver.statuses(call) == [S, D, OK]
    assert driver.response(call) == '{"on":true}'


def test_online_two_way_with_qos_0():
    driver = Driver()
    driver.subscribe()
    call = driver.submit(persistent=True)
    driver.report(call, DELIVERED)
    driver.answer(call)
    assert driver.statuses(call) == [D, OK]


def test_one_way_ends_with_its_delivery():
    driver = Driver()
    driver.subscribe()
    call = driver.submit(persistent=True, one_way=True)
    driver.acknowledge(call)
    driver.answer(call)
    driver.wait(60_000)
    assert driver.statuses(call) == [S, D]


def test_row_62_one_way_answered_before_its_puback_is_successful():
    driver = Driver()
    driver.subscribe()
    call = driver.submit(persistent=True, one_way=True)
    driver.report(call, SENT)
    driver.answer(call)
    driver.report(call, DELIVERED)
    assert driver.statuses(call) == [S, OK]


def test_offline_for_ever_expires():
    driver = Driver()
    call = driver.submit(persistent=True)
    driver.wait(10_000)
    assert driver.statuses(call) == [E]


@pytest.mark.parametrize("reports", [[], [SENT], [SENT, TIMEOUT], [SENT, DELIVERED]])
def test_row_59_expiry_ends_every_pending_state(reports: list[Delivery]):
    driver = Driver()
    driver.subscribe()
    call = driver.submit(persistent=True)
    driver.report(call, *reports)
    driver.wait(10_000)
    driver.answer(call)
    assert driver.statuses(call)[-1] is E


def test_command_that_has_expired_already_is_stored_as_such():
    driver = Driver()
    driver.subscribe()
    call = driver.submit(persistent=True, lifetime_ms=-1)
    assert driver.statuses(call) == [E]
    assert driver.sent() == []


def test_row_56_timeout_is_not_final_and_the_next_subscription_sends_again():
    driver = Driver()
    driver.subscribe()
    call = driver.submit(persistent=True)
    driver.report(call, SENT, TIMEOUT)
    driver.sent()
    driver.subscribe()
    assert driver.sent() == [("a", call)]
    driver.acknowledge(call)
    assert driver.statuses(call) == [S, T, S, D]


def test_row_57_no_retries_fail_at_the_first_timeout():
    driver = Driver()
    driver.subscribe()
    call = driver.submit(persistent=True, retries=0)
    driver.report(call, SENT, TIMEOUT)
    assert driver.statuses(call) == [S, F]
    assert "0" in (driver.response(call) or "")


@pytest.mark.parametrize(("retries", "tolerated"), [(None, 5), (3, 3), (5, 5), (100, 5), (-2, 0)])
def test_row_58_retries_count_timeouts(retries: int | None, tolerated: int):
    driver = Driver()
    driver.subscribe()
    call = driver.submit(persistent=True, retries=retries)
    for _ in range(tolerated):
        driver.report(call, TIMEOUT)
        driver.subscribe()
    assert driver.statuses(call) == [T] * tolerated
    driver.report(call, TIMEOUT)
    assert driver.statuses(call)[-1] is F
    driver.sent()
    driver.subscribe()
    assert driver.sent() == []


def test_close_session_option_queues_again_and_replaces_the_connection():
    driver = Driver(close_sessions_on_timeout=True)
    driver.subscribe()
    call = driver.submit(persistent=True, retries=1)
    driver.report(call, TIMEOUT, TIMEOUT)
    assert driver.statuses(call) == [T, Q]
    assert driver.actions[-1] == CloseSessions()
    driver.report(call, TIMEOUT)
    assert driver.statuses(call) == [T, Q, T]


def test_row_60_delivered_two_way_comes_again_on_resubscription():
    driver = Driver()
    driver.subscribe()
    call = driver.submit(persistent=True)
    driver.acknowledge(call)
    driver.sent()
    driver.subscribe()
    assert driver.sent() == [("a", call)]


def test_row_61_delivered_one_way_does_not_come_again():
    driver = Driver()
    driver.subscribe()
    call = driver.submit(persistent=True, one_way=True)
    driver.acknowledge(call)
    driver.sent()
    driver.subscribe()
    assert driver.sent() == []


@pytest.mark.parametrize("answer", [b"plain text", b"NaN", b"\xff", b"[" * 5_000])
def test_row_63_answer_that_is_not_json_becomes_an_error(answer: bytes):
    driver = Driver()
    driver.subscribe()
    call = driver.submit(persistent=True)
    driver.answer(call, answer)
    assert driver.statuses(call) == [OK]
    assert (driver.response(call) or "").startswith('{"error":')


def test_empty_answer_leaves_no_response():
    driver = Driver()
    driver.subscribe()
    call = driver.submit(persistent=True)
    driver.answer(call, b"")
    assert (driver.statuses(call), driver.response(call)) == ([OK], None)


def test_row_64_queued_commands_arrive_in_the_order_of_their_creation():
    driver = Driver()
    calls = [driver.submit(persistent=True) for _ in range(5)]
    driver.subscribe()
    assert driver.sent() == [("a", call) for call in calls]


def test_command_that_cannot_reach_the_device_fails():
    driver = Driver()
    driver.subscribe()
    call = driver.submit(persistent=True)
    driver.refuse(call, b'{"error":"too large"}')
    assert driver.statuses(call) == [F]
    assert driver.response(call) == '{"error":"too large"}'


def test_row_68_deleted_command_is_never_delivered():
    driver = Driver()
    call = driver.submit(persistent=True)
    driver.delete(call)
    driver.subscribe()
    assert driver.sent() == []
    driver.wait(60_000)
    assert driver.statuses(call) == []


@pytest.mark.parametrize("kept", [True, False])
def test_deleted_command_in_timeout_still_comes_only_if_the_real_server_is_copied(kept: bool):
    driver = Driver(keep_deleted_in_timeout=kept)
    driver.subscribe()
    call = driver.submit(persistent=True)
    driver.report(call, SENT, TIMEOUT)
    driver.sent()
    driver.delete(call)
    driver.subscribe()
    assert driver.sent() == ([("a", call)] if kept else [])


def test_reports_about_unknown_commands_change_nothing():
    driver = Driver()
    driver.subscribe()
    driver.report(99, SENT, DELIVERED, TIMEOUT)
    driver.answer(99)
    driver.delete(99)
    assert driver.actions == []


# --- sequential strategies ---


def test_row_65_on_ack_sends_the_second_after_the_first_puback():
    driver = Driver(strategy=Strategy.ON_ACK)
    driver.subscribe()
    first, second = driver.submit(persistent=True), driver.submit(persistent=True)
    assert driver.sent() == [("a", first)]
    driver.acknowledge(first)
    assert driver.sent() == [("a", second)]


def test_on_ack_an_answer_to_an_earlier_command_does_not_send_the_head_again():
    driver = Driver(strategy=Strategy.ON_ACK)
    driver.subscribe()
    first, second = driver.submit(persistent=True), driver.submit(persistent=True)
    driver.acknowledge(first)
    driver.sent()
    driver.answer(first)
    assert driver.sent() == []
    driver.acknowledge(second)
    assert driver.statuses(second) == [S, D]


def test_row_66_on_response_sends_the_second_after_the_first_answer():
    driver = Driver(strategy=Strategy.ON_RESPONSE)
    driver.subscribe()
    first, second = driver.submit(persistent=True), driver.submit(persistent=True)
    driver.acknowledge(first)
    assert driver.sent() == [("a", first)]
    driver.answer(first)
    assert driver.sent() == [("a", second)]


def test_row_66_on_response_gives_up_after_30_s():
    driver = Driver(strategy=Strategy.ON_RESPONSE)
    driver.subscribe()
    first, second = (driver.submit(persistent=True, lifetime_ms=10**6) for _ in range(2))
    driver.acknowledge(first)
    driver.sent()
    driver.wait(29_999)
    assert driver.statuses(first) == [S, D]
    driver.wait(1)
    assert driver.statuses(first) == [S, D, F]
    assert driver.sent() == [("a", second)]


def test_on_response_the_wait_for_the_answer_starts_again_with_the_next_connection():
    driver = Driver(strategy=Strategy.ON_RESPONSE)
    driver.subscribe()
    call = driver.submit(persistent=True, lifetime_ms=10**6)
    driver.acknowledge(call)
    driver.wait(20_000)
    driver.engine.unsubscribe("a")
    driver.wait(100_000)
    driver.sent()
    driver.subscribe()
    assert driver.sent() == []
    driver.wait(29_999)
    assert driver.statuses(call) == [S, D]
    driver.wait(1)
    assert driver.statuses(call)[-1] is F


@pytest.mark.parametrize("strategy", [Strategy.ON_ACK, Strategy.ON_RESPONSE])
def test_sequential_head_that_timed_out_is_sent_again_at_once(strategy: Strategy):
    driver = Driver(strategy=strategy)
    driver.subscribe()
    first = driver.submit(persistent=True)
    driver.submit(persistent=True)
    driver.sent()
    driver.report(first, SENT, TIMEOUT)
    assert driver.sent() == [("a", first)]


@pytest.mark.parametrize("strategy", [Strategy.ON_ACK, Strategy.ON_RESPONSE])
@pytest.mark.parametrize("end", ["expiry", "delete", "refuse", "fail"])
def test_sequential_queue_goes_on_whatever_ends_the_head(strategy: Strategy, end: str):
    driver = Driver(strategy=strategy)
    driver.subscribe()
    first = driver.submit(persistent=True, lifetime_ms=5_000, retries=0)
    second = driver.submit(persistent=True)
    driver.sent()
    match end:
        case "expiry":
            driver.wait(5_000)
        case "delete":
            driver.delete(first)
        case "refuse":
            driver.refuse(first, b"{}")
        case "fail":
            driver.report(first, TIMEOUT)
    assert driver.sent() == [("a", second)]


@pytest.mark.parametrize("strategy", [Strategy.ON_ACK, Strategy.ON_RESPONSE])
def test_sequential_subscription_gets_the_first_undelivered_only(strategy: Strategy):
    driver = Driver(strategy=strategy)
    first = driver.submit(persistent=True)
    driver.submit(persistent=True)
    driver.subscribe("a")
    assert driver.sent() == [("a", first)]
    driver.subscribe("b")
    assert driver.sent() == [("b", first)]


# --- restart ---


def test_restart_goes_on_with_every_state_under_its_old_id():
    driver = Driver()
    driver.restore([(stored(3), Q), (stored(5), S), (stored(7), D), (stored(9), T)])
    driver.subscribe()
    assert driver.sent() == [("a", 3), ("a", 5), ("a", 7), ("a", 9)]
    driver.answer(7)
    assert driver.statuses(7) == [OK]


def test_restart_after_expiry_says_so():
    driver = Driver()
    driver.restore([(stored(3, expires_at_ms=START_MS - 1), S)])
    assert driver.statuses(3) == [E]
    driver.subscribe()
    assert driver.sent() == []


def test_restart_under_on_ack_does_not_send_what_was_delivered():
    driver = Driver(strategy=Strategy.ON_ACK)
    driver.restore([(stored(3), D), (stored(5), Q)])
    driver.subscribe()
    assert driver.sent() == [("a", 5)]


def test_restored_commands_expire():
    driver = Driver()
    driver.restore([(stored(3), T)])
    driver.wait(10_000)
    assert driver.statuses(3) == [E]


def test_poll_after_a_restart_gets_the_oldest():
    driver = Driver()
    driver.restore([(stored(5), Q), (stored(3), Q)])
    driver.subscribe("poll", SessionKind.SYNC)
    assert driver.sent() == [("poll", 3)]
