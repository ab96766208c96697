"""The wire as the agent sees it: rows of reference/thingsboard-rpc.md 10, each by its number.

The genuine firmware on genuine MicroPython against our platform; row 5 and 33 against a scripted
server, which can claim a session and send again. Rows 86 to 90 are with the widgets.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tools.client import Client, DeviceError
from host_tools.local_platform import LocalPlatform
from host_tools.mqtt import Publish
from host_tools.sim import SimulatedBoard
from tests.contract.raw_mqtt import RawMqtt
from tests.firmware.link_board import connections, make_board
from tests.firmware.mqtt_peer import COMMANDS, Peer

VALUES = [
    {"a": {"b": [1, None]}},
    [1, "two", [3]],
    "text",
    "{}",
    '{"a":1}',
    "",
    7,
    -1.5,
    True,
    False,
    None,
    {},
    [],
]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    with LocalPlatform(tmp_path_factory.mktemp("platform")) as running:
        yield running


@pytest.fixture(scope="module")
def client(platform: LocalPlatform) -> Iterator[Client]:
    with Client(platform.profile) as logged_in:
        yield logged_in


@pytest.fixture(scope="module")
def bench(
    platform: LocalPlatform, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SimulatedBoard, str]]:
    """A board that is online, and its device id."""
    device = client.create_device("bench")
    folder = tmp_path_factory.mktemp("bench")
    token = client.device_token(device.id)
    with make_board(folder, platform.mqtt_server, token=token) as board:
        board.wait_for_line("connected to")
        yield board, device.id


@pytest.mark.parametrize("claims_a_session", [False, True])
def test_row_5_the_agent_subscribes_on_each_connection_whatever_session_present_says(
    tmp_path: Path, claims_a_session: bool
) -> None:
    with Peer() as peer, make_board(tmp_path, peer.server):
        for _ in range(2):
            visit = peer.accept()
            visit.log_in(session_present=claims_a_session)
            assert f"{COMMANDS}+" in visit.topics
            visit.reset()


def test_row_20_the_first_command_of_a_platform_has_the_id_0_and_is_answered(
    tmp_path: Path,
) -> None:
    with LocalPlatform(tmp_path / "data") as fresh, Client(fresh.profile) as client:
        device = client.create_device("first")
        token = client.device_token(device.id)
        with make_board(tmp_path, fresh.mqtt_server, token=token) as board:
            board.wait_for_line("connected to")
            assert client.call(device.id, "echo", "the first") == "the first"


def test_row_18_a_request_has_exactly_method_and_params(
    platform: LocalPlatform, client: Client, tmp_path: Path
) -> None:
    """What the agent relies on: nothing beside the two keys needs an answer."""
    device = client.create_device("raw")
    with RawMqtt(*_address(platform)) as raw:
        raw.connect(client.device_token(device.id))
        raw.subscribe("v1/devices/me/rpc/request/+")
        client.submit(device.id, "echo", {"a": 1}, lifetime_ms=60_000)
        message = raw.message()
        assert message.topic.removeprefix("v1/devices/me/rpc/request/").isdigit()
        assert message.payload in (
            b'{"method":"echo","params":{"a":1}}',
            b'{"params":{"a":1},"method":"echo"}',
        )


def test_row_19_the_short_topics_serve_a_device_as_the_long_ones_do(
    platform: LocalPlatform, client: Client
) -> None:
    device = client.create_device("short")
    with RawMqtt(*_address(platform)) as raw:
        raw.connect(client.device_token(device.id))
        raw.subscribe("v2/r/req/+")
        rpc_id = client.submit(device.id, "echo", 1, lifetime_ms=60_000)
        message = raw.message()
        raw.puback(message.packet_id)
        number = message.topic.removeprefix("v2/r/req/")
        raw.publish_acknowledged(f"v2/r/res/{number}", "1")
        assert client.persistent.get(rpc_id).response == 1


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_row_22_and_23_params_of_every_json_type_arrive_unchanged(
    client: Client, bench: tuple[SimulatedBoard, str], value: object
) -> None:
    answer = client.call(bench[1], "echo", value)
    assert answer == value
    assert type(answer) is type(value)


def test_row_32_a_one_way_call_is_answered_and_the_answer_does_no_harm(
    client: Client, bench: tuple[SimulatedBoard, str]
) -> None:
    board, device = bench
    before = client.call(device, "counted")
    client.call(device, "count", one_way=True)
    assert client.call(device, "counted") == before + 1
    assert connections(board) == 1


def test_row_33_the_same_id_again_after_a_reconnect_is_answered_and_not_run_again(
    tmp_path: Path,
) -> None:
    with Peer() as peer, make_board(tmp_path, peer.server):
        first = peer.welcome()
        first.acknowledges = False
        assert first.call(5, "count") == 1
        first.reset()
        second = peer.accept()
        second.log_in()
        second.command(5, "count", packet_id=1)
        assert second.answer(5) == 1
        assert second.call(6, "counted") == 1


def test_row_34_an_unknown_method_is_answered_with_an_error(
    client: Client, bench: tuple[SimulatedBoard, str]
) -> None:
    with pytest.raises(DeviceError, match="no method 'flyToMoon'"):
        client.call(bench[1], "flyToMoon")


@pytest.mark.parametrize("payload", [b"[]", b"7", b'"x"', b"null", b"{}", b'{"params":{}}', b""])
def test_row_35_what_is_no_command_is_answered_with_an_error_and_the_agent_stays(
    tmp_path: Path, payload: bytes
) -> None:
    with Peer() as peer, make_board(tmp_path, peer.server):
        visit = peer.welcome()
        visit.send(Publish(f"{COMMANDS}1", payload, 1, 9))
        answer = visit.answer(1)
        assert isinstance(answer, dict)
        assert answer["error"]["code"] == "INVALID_ARGUMENT"
        assert visit.acknowledged == [9]
        assert visit.call(2, "echo", "alive") == "alive"


def _address(platform: LocalPlatform) -> tuple[str, int]:
    return str(platform.mqtt_server["host"]), int(platform.mqtt_server["port"])
