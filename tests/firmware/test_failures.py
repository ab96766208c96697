"""The hardest failures of reference/device-agents.md 8, each by its number, on genuine MicroPython.

Those that need a chip, or parts that are elsewhere, are in the README's table.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from host_tools.mqtt import Acknowledgement, Publish, Subscribe
from host_tools.sim import SimulatedBoard, Weather, World
from host_tools.sim.virtual.server import EPOCH_MS
from tests.firmware.link_board import connections, make_board
from tests.firmware.mqtt_peer import ANSWERS, COMMANDS, Peer, Visit


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with Peer() as running:
        yield running


@pytest.fixture(scope="module")
def board(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedBoard]:
    with make_board(tmp_path_factory.mktemp("board"), peer.server) as running:
        yield running


@pytest.fixture
def visit(board: SimulatedBoard, peer: Peer) -> Iterator[Visit]:
    """The board's connection, just opened; reset at the end, so that the next test gets another."""
    arrived = peer.welcome()
    yield arrived
    arrived.reset()


def is_answer_to(request_id: int) -> Callable[[object], bool]:
    topic = f"{ANSWERS}{request_id}"
    return lambda packet: isinstance(packet, Publish) and packet.topic == topic


def test_failure_1_a_reboot_that_comes_again_after_each_boot_happens_once(
    board: SimulatedBoard, peer: Peer, visit: Visit
) -> None:
    boots = board.boots
    visit.acknowledges = False
    visit.command(1, "reboot", {"_id": "one"})
    assert visit.answer(1) == {"rebooting": True}
    visit.closes(10)
    for _ in range(3):
        again = peer.accept()
        again.log_in()
        again.command(1, "reboot", {"_id": "one"})
        assert again.answer(1) == {"rebooting": True}
        again.reset()
    assert board.boots == boots + 1


def test_failure_2_a_command_whose_answer_was_lost_is_not_run_again(
    peer: Peer, visit: Visit
) -> None:
    before = visit.call(1, "counted")
    visit.acknowledges = False
    visit.command(2, "count", packet_id=5)
    visit.answer(2)
    visit.reset()
    again = peer.accept()
    again.log_in()
    again.command(2, "count", packet_id=1)  # DUP 0, another packet id: all that MQTT says is "new"
    assert again.answer(2) == before + 1
    assert again.call(3, "counted") == before + 1
    again.reset()


def test_failure_3_a_fresh_command_under_an_id_that_was_used_before_a_restart_is_run(
    peer: Peer, visit: Visit
) -> None:
    before = visit.call(0, "counted")
    assert visit.call(1, "count", {"by": 1}) == before + 1
    visit.reset()
    again = peer.accept()
    again.log_in()
    assert again.call(1, "count", {"by": 10}) == before + 11
    again.reset()


def test_failure_4_no_answer_overtakes_the_acknowledgement_of_its_command(visit: Visit) -> None:
    for number, method in enumerate(("echo", "count", "fails", "waits", "naps", "noSuchMethod")):
        params = {"seconds": 0} if method == "naps" else None
        visit.command(number, method, params, packet_id=number + 100)
        visit.answer(number)
        assert number + 100 in visit.acknowledged


def test_failure_5_a_session_that_the_server_claims_does_not_keep_the_board_from_subscribing(
    peer: Peer, visit: Visit
) -> None:
    visit.reset()
    again = peer.accept()
    again.log_in(session_present=True)
    assert again.call(1, "echo", "heard") == "heard"
    again.reset()


def test_failure_6_the_board_subscribes_so_that_nothing_counts_as_delivered_unless_it_says_so(
    visit: Visit,
) -> None:
    asked = [
        one
        for packet in visit.received
        if isinstance(packet, Subscribe)
        for one in packet.subscriptions
    ]
    assert [one.qos for one in asked if one.topic_filter == f"{COMMANDS}+"] == [1]
    visit.command(1, "blocks", {"seconds": 1}, packet_id=9)
    began = time.monotonic()
    visit.wait_for(lambda packet: isinstance(packet, Acknowledgement) and packet.packet_id == 9)
    assert time.monotonic() - began > 0.9, "acknowledged before it was done, and it is not durable"


def test_failure_7_a_call_on_a_dead_link_ends_in_time_and_the_board_comes_back(
    board: SimulatedBoard, peer: Peer, visit: Visit
) -> None:
    visit.acknowledges = False
    visit.command(1, "asks")
    visit.wait_for(
        lambda packet: isinstance(packet, Publish) and b"getCurrentTime" in packet.payload
    )
    assert visit.closes(7) > 2
    again = peer.welcome()
    assert again.call(2, "echo", "back") == "back"
    again.reset()


def test_failure_9_a_name_that_is_not_found_is_tried_again_until_it_is() -> None:
    with World(seed=9) as world:
        world.network.weather = Weather(resolves=False)
        world.board()
        world.run(60)
        assert not world.server.device("board").is_subscribed
        world.network.weather = Weather()
        world.run_until(lambda: world.server.device("board").is_subscribed)


def test_failure_13_a_server_that_is_down_for_hours_is_asked_seldom() -> None:
    with World(seed=13) as world:
        world.board()
        world.run_until(lambda: world.server.device("board").is_subscribed)
        world.server.stop()
        world.run(2 * 3600)
        began = len(world.events)
        world.run(3600)
        told = [event for event in world.events[began:] if "offline" in event]
        assert 0 < len(told) <= 240
        world.server.start()
        world.run_until(lambda: world.server.device("board").is_subscribed, 40)


def test_failure_18_a_burst_is_bounded_and_one_that_never_ends_does_not_block_the_others(
    visit: Visit,
) -> None:
    first = 1000
    visit.command(first, "naps", {"seconds": 30}, packet_id=first)
    for number in range(first + 1, first + 65):
        visit.command(number, "echo", number, packet_id=number)
    visit.wait_for(is_answer_to(first + 64))
    answered = [(number, value) for number, value in visit.answers() if number >= first]
    assert answered == [(number, number) for number in range(first + 1, first + 65)]


def test_failure_19_a_command_that_expired_while_the_power_was_off_is_not_run() -> None:
    with World(seed=19) as world:
        board = world.board()
        world.run_until(lambda: world.server.device("board").is_subscribed)
        board.power_cut()
        hour_ms = 3_600_000
        params = {"pin": 23, "value": 1, "_exp": EPOCH_MS + world.clock.now_ms() + hour_ms}
        call = world.server.call("setGpio", params, persistent=True, timeout_s=24 * 3600)
        world.run(8 * 3600)
        board.power_restore()
        world.run_until(lambda: call.is_done)
        assert call.answer["error"]["code"] == "DEADLINE_EXCEEDED"
        assert call.answer["error"]["effect"] == "none"
        assert board.pins[23].level == 0


@pytest.mark.slow
def test_failure_20_after_seventy_thousand_answers_packet_ids_have_wrapped_and_all_is_well(
    board: SimulatedBoard, visit: Visit
) -> None:
    before = connections(board)
    ids = set()
    for number in range(70_000):
        visit.command(number, "echo", 1, packet_id=number % 65_535 + 1)
        visit.answer(number)
        packet = visit.received[-1]
        assert isinstance(packet, Publish)
        ids.add(packet.packet_id)
        visit.received.clear()
    assert (min(ids), max(ids), len(ids)) == (1, 65_535, 65_535)
    assert connections(board) == before
