"""What fells other agents: the link against a server that misbehaves (environment.md 4)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from host_tools.mqtt import (
    Acknowledgement,
    ConnAck,
    Connect,
    Disconnect,
    PacketType,
    Publish,
    SubAck,
    Subscribe,
    Version,
    encode,
)
from host_tools.sim import SimulatedBoard
from tests.firmware.link_board import make_board
from tests.firmware.mqtt_peer import ANSWERS, COMMANDS, FENCE, FENCE_ANSWER, Peer, Visit, command

KEEPALIVE_S = 5


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with Peer() as running:
        yield running


@pytest.fixture(scope="module", params=["cpython", "micropython"])
def board(
    request: pytest.FixtureRequest, peer: Peer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimulatedBoard]:
    folder = tmp_path_factory.mktemp(request.param)
    with make_board(folder, peer.server, request.param, keepalive_s=KEEPALIVE_S) as running:
        yield running


@pytest.fixture
def visit(board: SimulatedBoard, peer: Peer) -> Iterator[Visit]:
    """The board's connection, just opened; reset at the end, so that the next test gets another."""
    arrived = peer.welcome()
    yield arrived
    arrived.reset()


def is_answer(request_id: int) -> Callable[[object], bool]:
    topic = f"{ANSWERS}{request_id}"
    return lambda packet: isinstance(packet, Publish) and packet.topic == topic


# What the connection begins with


def test_the_token_is_the_user_name_and_commands_are_subscribed_last(visit: Visit) -> None:
    connect = visit.received[0]
    assert isinstance(connect, Connect)
    assert (connect.user_name, connect.version) == ("token", Version.V3_1_1)
    assert (connect.clean_start, connect.keep_alive_s) == (True, KEEPALIVE_S)
    subscribed = [packet for packet in visit.received if isinstance(packet, Subscribe)]
    assert [one.qos for packet in subscribed for one in packet.subscriptions] == [1, 1, 1]
    assert visit.topics[-1] == f"{COMMANDS}+"


def test_a_command_that_overtakes_the_suback_is_run_as_any_other(
    board: SimulatedBoard, peer: Peer
) -> None:
    visit = peer.accept()
    visit.receive()
    visit.send(ConnAck())
    while f"{COMMANDS}+" not in visit.topics:
        subscribe = visit.receive()
        assert isinstance(subscribe, Subscribe)
        if f"{COMMANDS}+" in visit.topics:
            visit.command(7, "echo", "early")
        visit.send(SubAck(subscribe.packet_id, (1,)))
    assert visit.answer(7) == "early"
    visit.reset()


# What is delivered wrongly


def test_a_duplicate_of_a_once_command_is_acknowledged_and_answered_but_not_run(
    visit: Visit,
) -> None:
    before = visit.call(1, "counted")
    visit.command(2, "count", packet_id=20)
    first = visit.answer(2)
    visit.command(2, "count", packet_id=20, duplicate=True)
    assert visit.answer(2) == first
    visit.command(2, "count", packet_id=21)  # as ThingsBoard sends it: DUP 0, a new packet id
    assert visit.answer(2) == first
    assert visit.acknowledged[-3:] == [20, 20, 21]
    assert (before, visit.call(3, "counted")) == (before, before + 1)


def test_a_publish_with_quality_of_service_2_closes_the_link_in_order_and_the_board_returns(
    visit: Visit, peer: Peer
) -> None:
    visit.command(1, "count", packet_id=9, qos=2)
    visit.closes(2)
    assert visit.answers() == []
    with_again = peer.welcome()
    assert with_again.call(2, "echo", 2) == 2
    with_again.reset()


@pytest.mark.parametrize("qos", [0, 1])
def test_bad_json_is_answered_and_acknowledged_whatever_its_quality_of_service(
    visit: Visit, qos: int
) -> None:
    for payload in (b"", b"not json{", b"\xff\xfe", b"[" * 3000, b"[]", b'{"method":1}'):
        visit.send(Publish(f"{COMMANDS}5", payload, qos, 55 if qos else None))
        answer = visit.answer(5)
        assert isinstance(answer, dict)
        assert answer["error"]["code"] == "INVALID_ARGUMENT"
    assert visit.acknowledged == [55] * 6 * qos
    assert visit.call(6, "echo", "alive") == "alive"


def test_a_payload_of_64_kilobytes_is_refused_and_nothing_in_it_is_executed(visit: Visit) -> None:
    before = visit.call(1, "counted")
    smuggled = encode(command(2, "count", packet_id=77), Version.V3_1_1)
    payload = smuggled * (65_000 // len(smuggled))
    visit.send(Publish(f"{COMMANDS}3", payload, 1, 30))
    answer = visit.answer(3)
    assert isinstance(answer, dict)
    assert answer["error"] == {
        "code": "RESOURCE_EXHAUSTED",
        "message": f"the command has {len(payload)} bytes, more than this board takes",
        "effect": "none",
    }
    assert visit.call(4, "counted") == before
    assert visit.acknowledged == [1, 30, 1]


def test_a_publish_larger_than_the_whole_heap_is_counted_off_and_the_link_lives(
    visit: Visit,
) -> None:
    topic = b"v1/devices/me/rpc/request/8"
    length = 2 + len(topic) + 2 + 300_000
    head = bytes([0x32, length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14])
    visit.send_bytes(head + len(topic).to_bytes(2, "big") + topic + b"\x00\x08")
    for _ in range(300):
        visit.send_bytes(b"\x32" * 1000)
    answer = visit.answer(8)
    assert isinstance(answer, dict)
    assert answer["error"]["code"] == "RESOURCE_EXHAUSTED"
    assert visit.call(9, "echo", "alive") == "alive"


@pytest.mark.parametrize("length", [0, 1, 127, 128, 1000, 8000])
def test_a_topic_of_any_length_does_no_harm(visit: Visit, length: int) -> None:
    visit.send(Publish("t" * length, b"x", 1, 40))
    visit.send(Publish(f"{COMMANDS}{'x' * length}", b"{}", 1, 41))
    assert visit.call(1, "echo", "alive") == "alive"
    assert visit.acknowledged == [40, 41, 1]


@pytest.mark.parametrize("beginning", [COMMANDS, ANSWERS])
def test_a_topic_that_is_no_text_does_no_harm(visit: Visit, beginning: str) -> None:
    topic = beginning.encode() + b"\xff\xfe"
    body = len(topic).to_bytes(2, "big") + topic + b"\x00\x2a{}"
    visit.send_bytes(bytes([0x32, len(body)]) + body)
    assert visit.call(1, "echo", "alive") == "alive"
    assert visit.acknowledged == [42, 1]


def test_answers_to_nobody_and_fences_that_nobody_asked_for_do_no_harm(visit: Visit) -> None:
    visit.send(Publish(f"{ANSWERS}12345", b"{}", 1, 50))
    visit.send(Publish(f"{ANSWERS}", b"no json", 0))
    visit.send(Publish(FENCE_ANSWER, b"no json", 1, 51))
    visit.send(Publish("v1/devices/me/attributes", b'{"shared":1}', 1, 52))
    visit.send(Acknowledgement(PacketType.PUBACK, 60_000))
    assert visit.call(1, "echo", "alive") == "alive"
    assert visit.acknowledged == [50, 51, 52, 1]


def test_packets_that_come_byte_by_byte_are_packets(visit: Visit) -> None:
    for byte in encode(command(1, "echo", [1, 2]), Version.V3_1_1):
        visit.send_bytes(bytes([byte]))
    assert visit.answer(1) == [1, 2]


# Cuts


def test_a_reset_inside_an_answer_loses_no_answer_and_runs_nothing_twice(
    visit: Visit, peer: Peer
) -> None:
    before = visit.call(1, "counted")
    visit.acknowledges = False
    visit.command(2, "count")
    visit.wait_for(is_answer(2))
    visit.reset()
    again = peer.welcome()
    again.command(2, "count")  # ThingsBoard sends again what was not answered
    assert again.answer(2) == before + 1
    assert again.call(3, "counted") == before + 1
    again.reset()


def test_a_reset_while_a_command_runs_loses_no_answer_and_runs_nothing_twice(
    visit: Visit, peer: Peer
) -> None:
    before = visit.call(1, "counted")
    visit.command(2, "countsSlowly", {"seconds": 1}, packet_id=22)
    visit.wait_for(lambda packet: isinstance(packet, Acknowledgement) and packet.packet_id == 22)
    visit.reset()
    again = peer.welcome()
    again.command(2, "countsSlowly", {"seconds": 1})
    assert again.answer(2) == before + 1
    assert again.call(3, "counted") == before + 1
    again.reset()


def test_a_command_cut_off_by_a_reset_is_not_run(visit: Visit, peer: Peer) -> None:
    before = visit.call(1, "counted")
    visit.send_bytes(encode(command(2, "count"), Version.V3_1_1)[:-1])
    visit.reset()
    again = peer.welcome()
    assert again.call(3, "counted") == before
    again.reset()


# Many at once


@pytest.mark.parametrize("number", [2, 64])
def test_commands_in_flight_are_answered_in_the_order_of_their_arrival(
    visit: Visit, number: int
) -> None:
    burst = b"".join(
        encode(command(index, "echo", index, packet_id=index + 1), Version.V3_1_1)
        for index in range(number)
    )
    visit.acknowledges = False
    visit.send_bytes(burst)
    visit.wait_for(is_answer(number - 1))
    assert visit.answers() == [(index, index) for index in range(number)]
    assert visit.acknowledged == list(range(1, number + 1))


def test_sixty_four_failing_handlers_in_a_row_are_each_answered_and_acknowledged(
    visit: Visit,
) -> None:
    for number in range(64):
        visit.command(number, "fails", packet_id=number + 1)
    visit.wait_for(is_answer(63))
    assert [answer["error"]["code"] for _, answer in visit.answers()] == ["INTERNAL"] * 64
    assert visit.acknowledged == list(range(1, 65))
    assert visit.call(64, "echo", "alive") == "alive"


def test_a_burst_that_is_more_than_may_wait_is_left_to_the_server_in_order(
    visit: Visit, peer: Peer
) -> None:
    for number in range(100):
        visit.command(number, "waits", packet_id=number + 1)
    last = visit.wait_for(lambda packet: isinstance(packet, Disconnect), 20)
    assert isinstance(last, Disconnect)
    taken = len(visit.acknowledged)
    assert 30 <= taken <= 40
    assert visit.acknowledged == list(range(1, taken + 1))
    assert visit.answers() == [(number, "waited") for number in range(taken)]
    again = peer.welcome()
    assert again.call(taken, "waits") == "waited"
    again.reset()


def test_a_call_of_the_board_is_answered_while_commands_come(visit: Visit) -> None:
    visit.command(1, "asks", packet_id=11)
    asked = visit.wait_for(
        lambda packet: (
            isinstance(packet, Publish)
            and packet.topic.startswith(COMMANDS)
            and b"getCurrentTime" in packet.payload
        )
    )
    assert isinstance(asked, Publish)
    visit.command(2, "naps", {"seconds": 0}, packet_id=12)
    visit.send(Publish(ANSWERS + asked.topic.removeprefix(COMMANDS), b"1767225600000", 1, 13))
    visit.wait_for(is_answer(1))
    assert dict(visit.answers())[1] == 1767225600000


def test_the_fence_is_asked_again_on_every_connection(visit: Visit, peer: Peer) -> None:
    visit.reset()
    again = peer.welcome()
    asked = [packet for packet in again.received if isinstance(packet, Publish)]
    assert any(packet.topic == FENCE and json.loads(packet.payload) for packet in asked)
    again.reset()
