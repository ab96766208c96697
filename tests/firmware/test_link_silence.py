"""A server that says nothing, or the wrong thing: found in time, told, and tried again.

On genuine MicroPython only, as most of the time goes by in waiting.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from host_tools.mqtt import Acknowledgement, ConnAck, PacketType, PingReq, Publish
from host_tools.sim import SimulatedBoard
from tests.firmware.link_board import make_board
from tests.firmware.mqtt_peer import Peer, Visit

KEEPALIVE_S = 5
ANSWER_DEADLINE_S = 5.0
LATE_S = 1.0
"""What a busy test machine may add to a deadline."""


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with Peer() as running:
        yield running


@pytest.fixture(scope="module")
def board(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedBoard]:
    folder = tmp_path_factory.mktemp("board")
    with make_board(folder, peer.server, keepalive_s=KEEPALIVE_S) as running:
        yield running


@pytest.fixture
def visit(board: SimulatedBoard, peer: Peer) -> Iterator[Visit]:
    """The board's connection, just opened; reset at the end, so that the next test gets another."""
    arrived = peer.welcome()
    yield arrived
    arrived.reset()


def test_check_17_a_server_that_accepts_and_says_nothing_is_left_after_the_answers_deadline(
    board: SimulatedBoard, peer: Peer
) -> None:
    visit = peer.accept()
    visit.receive()
    assert visit.closes(ANSWER_DEADLINE_S + LATE_S) > ANSWER_DEADLINE_S - LATE_S


def test_check_17_a_server_that_falls_silent_after_connack_is_left_after_the_answers_deadline(
    board: SimulatedBoard, peer: Peer
) -> None:
    visit = peer.accept()
    visit.receive()
    visit.send(ConnAck())
    assert visit.closes(ANSWER_DEADLINE_S + LATE_S) > ANSWER_DEADLINE_S - LATE_S


def test_an_answer_that_is_not_acknowledged_shows_within_five_seconds_that_the_link_is_dead(
    visit: Visit,
) -> None:
    visit.command(1, "echo", 1)
    visit.acknowledges = False
    visit.answer(1)
    assert visit.closes(ANSWER_DEADLINE_S + LATE_S) > ANSWER_DEADLINE_S - LATE_S


def test_a_quiet_link_that_died_is_found_within_keepalive_and_five_seconds(visit: Visit) -> None:
    visit.call(1, "echo", "the last that is heard")
    began = time.monotonic()
    assert isinstance(visit.receive(KEEPALIVE_S + LATE_S), PingReq)
    visit.closes(ANSWER_DEADLINE_S + LATE_S)
    assert time.monotonic() - began < KEEPALIVE_S + ANSWER_DEADLINE_S + LATE_S


def test_a_quiet_link_is_kept_by_a_ping_in_every_keepalive(visit: Visit) -> None:
    visit.wait_for(lambda packet: isinstance(packet, PingReq), KEEPALIVE_S + LATE_S)
    assert visit.call(1, "echo", "there") == "there"


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (b"\x20\x02\x00\x03", "refused the connection (code 3)"),
        (b"HTTP/1.1 400 Bad Request\r\n" * 4, "sent packet 0x48"),
        (b"\x20\xff\xff\xff\xff\x01", "no MQTT packet"),
        (b"", "closed the connection"),
    ],
)
def test_a_server_that_does_not_let_the_board_in_is_told(
    board: SimulatedBoard, peer: Peer, reply: bytes, told: str
) -> None:
    visit = peer.accept()
    visit.receive()
    before = len(board.log)
    visit.send_bytes(reply)
    if not reply:
        visit.close()
    board.wait_until(lambda: any(told in line for line in list(board.log)[before:]))


def test_a_handler_that_blocks_longer_than_an_answer_may_take_does_not_break_the_link(
    board: SimulatedBoard, visit: Visit
) -> None:
    visit.acknowledges = False
    visit.command(1, "echo", "first")
    visit.answer(1)
    answer = visit.received[-1]
    visit.command(2, "blocks", {"seconds": 6})
    board.wait_for_line("blocking")
    # The confirmation of the first answer waits unread in the board's socket.
    assert isinstance(answer, Publish)
    visit.send(Acknowledgement(PacketType.PUBACK, answer.packet_id or 0))
    visit.acknowledges = True
    assert visit.answer(2) == "unblocked"
    assert visit.call(3, "echo", "alive") == "alive"
